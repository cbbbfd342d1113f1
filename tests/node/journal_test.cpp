#include "node/journal.hpp"

#include <atomic>
#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sstream>
#include <unistd.h>

#include "core/base/ids.hpp"
#include "tests/node/tiny_searcher.hpp"

namespace {

std::atomic<int> syncs{0};

}  // namespace

/// In the place of the system's, to see who calls it.
extern "C" int fdatasync(int fd) {
    ++syncs;
    return ::fsync(fd);
}

namespace vigil::node {
namespace {

using test::Folder;

DeviceId device(std::uint8_t fill) {
    DeviceId id;
    id.bytes.fill(fill);
    return id;
}
Challenge challenge_of(std::uint8_t fill) {
    Challenge challenge;
    challenge.bytes.fill(fill);
    return challenge;
}
std::string content(const std::filesystem::path& file) {
    std::ostringstream text;
    text << std::ifstream{file}.rdbuf();
    return text.str();
}

TEST(ProgressFiles, GiveBackTheNewestForTheSameChallengeOnly) {
    const Folder folder;
    {
        ProgressFiles files{folder.path()};
        for (std::uint64_t i = 1; i <= 50; ++i)
            files.put({device(1), challenge_of(9), 8, 1000 * i, i, {i, i + 1}});
        files.put({device(2), challenge_of(9), 8, 5, 5, {}});
    }
    const ProgressFiles files{folder.path()};
    const auto found = files.find(device(1), challenge_of(9));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->next_nonce, 50'000u);
    EXPECT_EQ(found->hashes_tried, 50u);
    EXPECT_EQ(found->nonces, (std::vector<std::uint64_t>{50, 51}));
    EXPECT_FALSE(files.find(device(1), challenge_of(8)));
    EXPECT_FALSE(files.find(device(3), challenge_of(9)));
}

TEST(ProgressFiles, DamageIsNoProgress) {
    const Folder folder;
    { ProgressFiles{folder.path()}.put({device(1), challenge_of(9), 8, 5, 5, {1}}); }
    for (const auto& entry : std::filesystem::directory_iterator{folder.path()})
        std::ofstream{entry.path()} << "{\"dev";
    EXPECT_FALSE(ProgressFiles{folder.path()}.find(device(1), challenge_of(9)));
}

TEST(LineFile, ALineCutOffDoesNotSpoilTheNext) {
    const Folder folder;
    const auto file = folder.path() / "lines";
    std::ofstream{file} << "whole\nha";
    LineFile lines{file, 1000};
    lines.append("next");
    lines.append("last");
    EXPECT_EQ(content(file), "whole\nha\nnext\nlast\n");
}

TEST(LineFile, ADurableLineIsOnTheDiskWhenItReturns) {
    const Folder folder;
    LineFile lazy{folder.path() / "lazy", 1000};
    syncs = 0;
    lazy.append("a");
    EXPECT_EQ(syncs, 0);
    LineFile durable{folder.path() / "durable", 1000, Durable::yes};
    durable.append("a");
    durable.append("b");
    EXPECT_EQ(syncs, 2);
    EXPECT_EQ(content(folder.path() / "durable"), "a\nb\n");
}

TEST(LineFile, WhatCouldNotBeWrittenWaitsForTheNextTime) {
    const Folder folder;
    const auto path = folder.path() / "receipts.jsonl";
    std::filesystem::create_directory(path);
    LineFile lines{path, 100'000, Durable::yes};
    lines.append("first");
    lines.keep("second");
    lines.write_kept();
    std::filesystem::remove(path);
    lines.append("third");
    EXPECT_EQ(content(path), "first\nsecond\nthird\n");
    lines.write_kept();
    EXPECT_EQ(content(path), "first\nsecond\nthird\n");
}

TEST(LineFile, OfManyThatWaitTheNewestAreWritten) {
    const Folder folder;
    const auto path = folder.path() / "receipts.jsonl";
    LineFile lines{path, 100'000};
    for (int i = 0; i < 1'030; ++i) lines.keep("line " + std::to_string(i));
    EXPECT_FALSE(std::filesystem::exists(path));
    lines.write_kept();
    EXPECT_TRUE(content(path).starts_with("line 6\nline 7\n"));
    EXPECT_TRUE(content(path).ends_with("line 1029\n"));
}

TEST(Drafts, OfAKilledProcessAreRemovedAndNothingElse) {
    const Folder folder;
    const std::vector<std::string> drafts{".progress-0123456789abcdef.json.AbC123",
                                          ".outbox.json.x1Y2z3",
                                          ".enrolment.000000",
                                          ".kernels.json.AbC123",
                                          ".retired.AbC123",
                                          ".machine-id.AbC123",
                                          ".network.AbC123"};
    const std::vector<std::string> others{"outbox.json",          "progress-0123456789abcdef.json",
                                          ".node.key.AbC123",     ".progress-mine.AbC123",
                                          ".outbox.json.tooLong", "node.key"};
    for (const auto* names : {&drafts, &others})
        for (const std::string& name : *names) std::ofstream{folder.path() / name} << "x";
    remove_drafts(folder.path());
    for (const std::string& name : drafts)
        EXPECT_FALSE(std::filesystem::exists(folder.path() / name)) << name;
    for (const std::string& name : others)
        EXPECT_TRUE(std::filesystem::exists(folder.path() / name)) << name;
    remove_drafts(folder.path() / "nowhere");
}

TEST(OutboxState, SurvivesWithTheSameIdAndSignature) {
    const Folder folder;
    const NetworkId network = network_id("n");
    const SigningKey key{KeySeed{{1, 2, 3}}};
    const Answer answer{{{device(1), challenge_of(2), {3, 18446744073709551615u}, 77}}};
    const ByteVector bytes = signed_bytes(network, answer);
    const SignedAnswer made{CheckKind::roll_call, answer, answer_id(bytes), key.sign(bytes)};
    save_outbox(folder.path(), network, {{{made, instant_from_ms(123'456)}}, {challenge_of(5)}});

    const OutboxState loaded = load_outbox(folder.path(), network, key);
    ASSERT_EQ(loaded.answers.size(), 1u);
    EXPECT_EQ(loaded.answers[0].answer.answer, answer);
    EXPECT_EQ(loaded.answers[0].answer.id, made.id);
    EXPECT_EQ(loaded.answers[0].answer.signature, made.signature);
    EXPECT_EQ(loaded.answers[0].answer.kind, CheckKind::roll_call);
    EXPECT_EQ(loaded.answers[0].deadline, instant_from_ms(123'456));
    EXPECT_EQ(loaded.answered, std::vector<Challenge>{challenge_of(5)});
    EXPECT_TRUE(load_outbox(folder.path(), network_id("other"), key).answers.empty());
}

TEST(OutboxState, DamageIsAnEmptyOne) {
    const Folder folder;
    std::ofstream{folder.path() / "outbox.json"} << "[1,2";
    EXPECT_TRUE(load_outbox(folder.path(), network_id("n"), SigningKey{KeySeed{}}).answers.empty());
}

TEST(LineFile, KeepsOnePredecessorAndItsLimit) {
    const Folder folder;
    const auto path = folder.path() / "receipts.jsonl";
    LineFile file{path, 100};
    for (int i = 0; i < 30; ++i) file.append("line number " + std::to_string(i));
    EXPECT_LE(std::filesystem::file_size(path), 100u);
    EXPECT_LE(std::filesystem::file_size(path.string() + ".1"), 100u);
    EXPECT_TRUE(content(path).ends_with("line number 29\n"));
}

TEST(AnswersLog, LastWholeLineIsReadBack) {
    const Folder folder;
    const auto path = folder.path() / "answers";
    EXPECT_TRUE(last_answer(path).empty());
    LineFile file{path, 1 << 20};
    const Proof one{device(1), challenge_of(1), {1, 2}, 10};
    const Proof two{device(1), challenge_of(2), {4, 9}, 20};
    file.append(answer_line({CheckKind::spot, {{one}}, {}, {}}));
    file.append(answer_line({CheckKind::spot, {{two}}, {}, {}}));
    EXPECT_EQ(last_answer(path), std::vector<Proof>{two});
    std::ofstream{path, std::ios::app} << "{\"half";
    EXPECT_EQ(last_answer(path), std::vector<Proof>{two});
}

TEST(ReceiptLine, HoldsWhatItTakesToCheckIt) {
    wire::Network network;
    network.id = network_id("n");
    const Receipt receipt{{}, instant_from_ms(42), {}};
    const auto line = nlohmann::json::parse(
        receipt_line(network, receipt, {{{device(1), challenge_of(2), {}, 0}}}));
    EXPECT_EQ(line.at("received_ms"), 42);
    EXPECT_EQ(line.at("network_id"), to_hex(network.id));
    EXPECT_EQ(line.at("signature").get<std::string>().size(), 128u);
    EXPECT_EQ(line.at("checks").at(0).at("challenge"), to_hex(challenge_of(2)));
}

}  // namespace
}  // namespace vigil::node
