#include "node/agent.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <set>

#include "core/base/ids.hpp"
#include "core/schedule/beacon.hpp"
#include "core/schedule/challenge.hpp"
#include "core/work/pow_hash.hpp"
#include "node/console_lines.hpp"
#include "tests/node/tiny_searcher.hpp"

namespace vigil::node {
namespace {

using std::chrono::steady_clock;
using test::check_of;
using test::eventually;
using test::Folder;
using test::Shape;
using test::TinySearcher;

const SigningKey node_key{KeySeed{{1}}};
const SigningKey verifier_key{KeySeed{{2}}};

wire::Network network() {
    wire::Network network;
    network.name = "test";
    network.id = network_id("test");
    network.policy_text = canonical_text(*preset("demo"));
    network.receipt_key = verifier_key.public_key();
    network.time = instant_from_ms(1'700'000'000'000);
    return network;
}

/// A node without a line: answers end in `sent`.
struct Node {
    explicit Node(const std::filesystem::path& folder, std::size_t devices = 1,
                  ProofSource prove = honest_source()) {
        std::vector<AgentDevice> list;
        NodeStatus status;
        for (std::size_t i = 0; i < devices; ++i) {
            auto searcher = std::make_unique<TinySearcher>("cpu:" + std::to_string(i));
            faults.push_back(searcher->faults);
            const DeviceId id = device_id(node_key.public_key(), searcher->device().uid);
            ids.push_back(id);
            DeviceStatus device;
            device.label = "cpu" + std::to_string(i);
            device.id = id;
            status.devices.push_back(device);
            list.push_back({std::move(searcher), device.label, id});
        }
        board = std::make_unique<Board>(status);
        metrics = std::make_unique<Metrics>("test", status.devices);
        agent = std::make_unique<Agent>(
            AgentOptions{.key = node_key,
                         .node = node_id(node_key.public_key()),
                         .data_dir = folder,
                         .answers_log = folder / "answers.log",
                         .now = [] { return instant_from_ms(0); },
                         .round_trip = [] { return Milliseconds{1}; },
                         .ways = {.stream =
                                      [this](const SignedAnswer& answer) {
                                          const std::lock_guard lock{mutex};
                                          sent.push_back(answer);
                                          return true;
                                      },
                                  .call = [](std::span<const SignedAnswer>)
                                      -> Expected<std::vector<AnswerOutcome>, std::string> {
                                      return tl::unexpected{std::string{"no line"}};
                                  }}},
            std::move(list), std::move(prove), *board, *metrics);
        agent->connected(network(), steady_clock::now());
    }
    ~Node() { agent.reset(); }

    std::size_t count() {
        const std::lock_guard lock{mutex};
        return sent.size();
    }
    std::vector<Proof> proofs() {
        const std::lock_guard lock{mutex};
        std::vector<Proof> all;
        for (const SignedAnswer& one : sent)
            all.insert(all.end(), one.answer.proofs.begin(), one.answer.proofs.end());
        return all;
    }
    void receipt(const SignedAnswer& answer) {
        const Instant received = instant_from_ms(9);
        agent->take(Receipt{answer.id, received,
                            verifier_key.sign(receipt_bytes(network().id, answer.id, received))});
    }
    Challenge challenge_for(const OpenCheck& check, std::size_t device) const {
        return challenge(
            {network().id, check.policy, check.kind, check.ref, check.beacon, ids[device]});
    }

    std::mutex mutex;
    std::vector<SignedAnswer> sent;
    std::vector<std::shared_ptr<TinySearcher::Faults>> faults;
    std::vector<DeviceId> ids;
    std::unique_ptr<Board> board;
    std::unique_ptr<Metrics> metrics;
    std::unique_ptr<Agent> agent;
};

struct AgentTest : ::testing::Test {
    Folder folder;
};

TEST_F(AgentTest, AnswersAFleetCheckWithOneProofForEachDevice) {
    Node node{folder.path(), 3};
    const OpenCheck check = check_of({});
    const auto begun = steady_clock::now();
    node.agent->learn(check, begun);
    // Devices that finish together share an answer; on a busy machine one comes after the others.
    ASSERT_TRUE(eventually([&] { return node.proofs().size() == 3; }));
    EXPECT_GE(steady_clock::now() - begun, Milliseconds{200});
    std::set<DeviceId> answered;
    for (const Proof& proof : node.proofs()) {
        const auto at =
            std::find(node.ids.begin(), node.ids.end(), proof.device) - node.ids.begin();
        ASSERT_LT(at, 3);
        answered.insert(proof.device);
        EXPECT_EQ(proof.challenge, node.challenge_for(check, static_cast<std::size_t>(at)));
        EXPECT_EQ(proof.nonces.size(), 8u);
        EXPECT_TRUE(std::is_sorted(proof.nonces.begin(), proof.nonces.end()));
        EXPECT_GT(proof.hashes_tried, 64u);
    }
    EXPECT_EQ(answered.size(), 3u);
}

TEST_F(AgentTest, ARetiredDeviceTakesNoMoreChecks) {
    Node node{folder.path(), 2};
    OpenCheck last = check_of({.ref = 7}), next = check_of({.ref = 8});
    last.start = next.start - Milliseconds{1};
    node.board->change([&](NodeStatus& s) { s.devices[1].retires_from = next.start; });
    const auto proofs_of = [&](std::size_t device) {
        const auto all = node.proofs();
        return std::count_if(all.begin(), all.end(),
                             [&](const Proof& p) { return p.device == node.ids[device]; });
    };
    node.agent->learn(last, steady_clock::now());
    ASSERT_TRUE(eventually([&] { return proofs_of(1) == 1; })) << "its day is to come";
    node.agent->learn(next, steady_clock::now());
    ASSERT_TRUE(eventually([&] { return proofs_of(0) == 2; }));
    EXPECT_EQ(proofs_of(1), 1);
}

TEST_F(AgentTest, ExtraWorkIsAddedToTheWork) {
    Node node{folder.path()};
    const OpenCheck check = check_of({.spread = Milliseconds{600}});
    const Milliseconds extra =
        extra_work(check.beacon, node_id(node_key.public_key()), check.spread);
    const auto begun = steady_clock::now();
    node.agent->learn(check, begun);
    ASSERT_TRUE(eventually([&] { return node.count() == 1; }));
    EXPECT_GE(steady_clock::now() - begun, check.work + extra);
    EXPECT_LT(steady_clock::now() - begun, check.work + extra + Milliseconds{350});
}

TEST_F(AgentTest, ACheckToldTwiceIsAnsweredOnce) {
    Node node{folder.path()};
    const OpenCheck check = check_of({});
    node.agent->learn(check, steady_clock::now());
    node.agent->learn(check, steady_clock::now());
    ASSERT_TRUE(eventually([&] { return node.count() == 1; }));
    node.receipt(node.sent[0]);
    node.agent->learn(check, steady_clock::now());
    std::this_thread::sleep_for(Milliseconds{400});
    EXPECT_EQ(node.count(), 1u);
    EXPECT_TRUE(node.agent->finished());
}

TEST_F(AgentTest, ASpotCheckConcernsItsDeviceOnly) {
    Node node{folder.path(), 2};
    node.agent->learn(check_of({.kind = CheckKind::spot, .device = node.ids[1]}),
                      steady_clock::now());
    ASSERT_TRUE(eventually([&] { return node.count() == 1; }));
    ASSERT_EQ(node.sent[0].answer.proofs.size(), 1u);
    EXPECT_EQ(node.sent[0].answer.proofs[0].device, node.ids[1]);
    EXPECT_EQ(node.faults[0]->searches, 0);
}

TEST_F(AgentTest, AForeignDeviceOrNumbersOutOfRangeAreIgnored) {
    Node node{folder.path()};
    DeviceId foreign;
    foreign.bytes.fill(0xee);
    node.agent->learn(check_of({.device = foreign}), steady_clock::now());
    node.agent->learn(check_of({.k = 5000}), steady_clock::now());
    node.agent->learn(check_of({.k = 0}), steady_clock::now());
    node.agent->learn(check_of({.work = Milliseconds{100'000'000}}), steady_clock::now());
    std::this_thread::sleep_for(Milliseconds{100});
    EXPECT_EQ(node.faults[0]->searches, 0);
}

TEST_F(AgentTest, WrongHashesAreLeftOutAndCounted) {
    Node node{folder.path()};
    node.faults[0]->wrong_hashes = 2;
    const OpenCheck check = check_of({});
    node.agent->learn(check, steady_clock::now());
    ASSERT_TRUE(eventually([&] { return node.count() == 1; }));
    EXPECT_EQ(node.sent[0].answer.proofs[0].nonces.size(), 8u);
    EXPECT_EQ(node.board->read().devices[0].mismatches, 2u);
    EXPECT_NE(node.metrics->text().find("vigil_node_recheck_mismatches_total{gpu=\"cpu0\"} 2"),
              std::string::npos);
}

TEST_F(AgentTest, WhatALaunchWasFoundToLieIsCountedAndShown) {
    Node node{folder.path()};
    node.faults[0]->mismatches = 5;
    node.agent->learn(check_of({}), steady_clock::now());
    ASSERT_TRUE(eventually([&] { return node.count() == 1; }));
    EXPECT_EQ(node.sent[0].answer.proofs[0].nonces.size(), 8u);
    const auto seen = node.board->read().devices[0].mismatches;
    EXPECT_EQ(seen, 5u * static_cast<unsigned>(node.faults[0]->searches));
    EXPECT_NE(node.metrics->text().find("vigil_node_recheck_mismatches_total{gpu=\"cpu0\"} " +
                                        std::to_string(seen)),
              std::string::npos);
    EXPECT_NE(status_table(node.board->read(), instant_from_ms(0))
                  .find(std::to_string(seen) + " wrong hashes"),
              std::string::npos);
}

TEST_F(AgentTest, ACounterThatChanceDoesNotExplainIsCounted) {
    Node node{folder.path()};
    node.agent->learn(check_of({}), steady_clock::now());
    ASSERT_TRUE(eventually([&] { return node.count() == 1; }));
    const std::string gaps = "vigil_node_sieve_gaps_total{gpu=\"cpu0\"} ";
    EXPECT_NE(node.metrics->text().find(gaps + "0"), std::string::npos);
    EXPECT_EQ(node.metrics->text().find("vigil_node_sieve_expected_total{gpu=\"cpu0\"} 0"),
              std::string::npos);
    node.faults[0]->sieve_excess = 900;
    node.agent->learn(check_of({.ref = 8}), steady_clock::now());
    ASSERT_TRUE(eventually([&] { return node.count() == 2; }));
    EXPECT_NE(node.metrics->text().find(gaps + "1"), std::string::npos);
}

TEST_F(AgentTest, TooFewGoodNoncesAreNotSent) {
    Node node{folder.path()};
    node.faults[0]->wrong_hashes = 9;  // of 8 + 8 spares
    node.agent->learn(check_of({}), steady_clock::now());
    ASSERT_TRUE(eventually([&] { return node.board->read().devices[0].mismatches == 9; }));
    EXPECT_TRUE(eventually([&] { return node.agent->finished(); }));
    EXPECT_EQ(node.count(), 0u);
}

TEST_F(AgentTest, OneSickDeviceDoesNotHoldUpTheOthers) {
    Node node{folder.path(), 2};
    node.faults[0]->failures = 1000;
    node.agent->learn(check_of({}), steady_clock::now());
    ASSERT_TRUE(eventually([&] { return node.count() == 1; }));
    EXPECT_EQ(node.sent[0].answer.proofs.size(), 1u);
    EXPECT_EQ(node.sent[0].answer.proofs[0].device, node.ids[1]);
    EXPECT_GT(node.board->read().devices[0].failures, 0u);
}

TEST_F(AgentTest, ASickDeviceStaysFailingUntilACheckSucceeds) {
    Node node{folder.path()};
    const auto state = [&] { return node.board->read().devices[0].state; };
    node.faults[0]->failures = 1000;
    node.agent->learn(check_of({.ref = 1}), steady_clock::now());
    ASSERT_TRUE(eventually([&] { return node.agent->finished(); }));
    EXPECT_TRUE(state().starts_with("failing")) << state();
    node.faults[0]->failures = 0;
    node.agent->learn(check_of({.ref = 2}), steady_clock::now());
    ASSERT_TRUE(eventually([&] { return node.count() == 1; }));
    EXPECT_TRUE(eventually([&] { return state() == "idle"; })) << state();
}

TEST_F(AgentTest, ARestartInTheMiddleGoesOnWithTheSameWork) {
    const OpenCheck whole = check_of({.work = Milliseconds{2500}, .slack = Milliseconds{3000}});
    std::uint64_t first = 0;
    {
        Node node{folder.path()};
        node.agent->learn(whole, steady_clock::now());
        // Past the first slice, whose end saves.
        ASSERT_TRUE(eventually([&] { return node.faults[0]->searches == 2; }));
        first = node.faults[0]->first_nonce;
        node.agent->quit();
    }
    Node node{folder.path()};
    OpenCheck later = whole;
    later.remaining = Milliseconds{4000};
    node.agent->learn(later, steady_clock::now());
    ASSERT_TRUE(eventually([&] { return node.faults[0]->searches >= 1; }));
    EXPECT_GE(node.faults[0]->first_nonce, first);
    EXPECT_LT(node.faults[0]->first_nonce - first, 1'000'000u) << "a random start is nowhere near";
    ASSERT_TRUE(eventually([&] { return node.count() == 1; }, Milliseconds{6000}));
    EXPECT_GT(node.sent[0].answer.proofs[0].hashes_tried, 64u * 100);
}

TEST_F(AgentTest, AReceiptIsKeptAsProof) {
    Node node{folder.path()};
    node.agent->learn(check_of({}), steady_clock::now());
    ASSERT_TRUE(eventually([&] { return node.count() == 1; }));
    node.receipt(node.sent[0]);
    EXPECT_TRUE(eventually([&] {
        std::string line;
        std::ifstream file{folder.path() / "receipts.jsonl"};
        return std::getline(file, line) && line.find(to_hex(node.sent[0].id)) != std::string::npos;
    }));
    EXPECT_EQ(node.board->read().receipts, 1u);
    // The two files are written by a thread that has its own time.
    EXPECT_TRUE(eventually(
        [&] { return last_answer(folder.path() / "answers.log") == node.sent[0].answer.proofs; }));
}

TEST_F(AgentTest, ACheckThatCannotWaitEndsTheOneBefore) {
    Node node{folder.path()};
    node.agent->learn(
        check_of({.ref = 1, .work = Milliseconds{20'000}, .slack = Milliseconds{10'000}}),
        steady_clock::now());
    ASSERT_TRUE(eventually([&] { return node.faults[0]->searches == 1; }));
    std::this_thread::sleep_for(Milliseconds{100});
    const auto begun = steady_clock::now();
    node.agent->learn(check_of({.ref = 2, .work = Milliseconds{200}}), begun);
    ASSERT_TRUE(eventually([&] { return node.count() == 2; }));
    EXPECT_LT(steady_clock::now() - begun, Milliseconds{2600});
}

TEST_F(AgentTest, ACalibrationGivesWayToACheckThatCounts) {
    Node node{folder.path()};
    node.agent->learn(
        check_of({.kind = CheckKind::calibration, .ref = 1, .work = Milliseconds{3000}}),
        steady_clock::now());
    ASSERT_TRUE(eventually([&] { return node.faults[0]->searches == 1; }));
    std::this_thread::sleep_for(Milliseconds{100});
    const auto begun = steady_clock::now();
    node.agent->learn(check_of({.ref = 2, .work = Milliseconds{200}, .slack = Milliseconds{9000}}),
                      begun);
    ASSERT_TRUE(eventually([&] { return node.count() == 2; }));
    EXPECT_LT(steady_clock::now() - begun, Milliseconds{1500});
}

TEST_F(AgentTest, ACheckThatCanWaitWaits) {
    Node node{folder.path()};
    node.agent->learn(check_of({.ref = 1, .work = Milliseconds{400}}), steady_clock::now());
    node.agent->learn(check_of({.ref = 2, .work = Milliseconds{200}, .slack = Milliseconds{3000}}),
                      steady_clock::now());
    ASSERT_TRUE(eventually([&] { return node.count() == 2; }));
    EXPECT_GT(node.sent[0].answer.proofs[0].hashes_tried, 64u * 50);
}

TEST_F(AgentTest, ACheckThatWouldWaitBehindAnotherEndsTheOneBefore) {
    Node node{folder.path()};
    const auto learn = [&](std::uint64_t ref, std::int64_t work, std::int64_t slack) {
        node.agent->learn(
            check_of({.ref = ref, .work = Milliseconds{work}, .slack = Milliseconds{slack}}),
            steady_clock::now());
    };
    const auto begun = steady_clock::now();
    learn(1, 3000, 9000);
    ASSERT_TRUE(eventually([&] { return node.faults[0]->searches == 1; }));
    learn(2, 2000, 3800);  // 3 s, 2 s and the margin are within 5.8 s
    std::this_thread::sleep_for(Milliseconds{200});
    EXPECT_EQ(node.count(), 0u);
    learn(3, 2000, 4400);  // behind the first alone it would have its time, behind both not
    ASSERT_TRUE(eventually([&] { return node.count() == 1; }));
    EXPECT_LT(steady_clock::now() - begun, Milliseconds{2000});
    // The second one, late by now, does not work on for its own delay while the third waits.
    ASSERT_TRUE(eventually([&] { return node.count() == 2; }, Milliseconds{6000}));
    EXPECT_LT(steady_clock::now() - begun, Milliseconds{4000});
}

TEST_F(AgentTest, FinishingAnswersWhatWasTakenAndNoMore) {
    Node node{folder.path()};
    node.agent->learn(check_of({.ref = 1}), steady_clock::now());
    ASSERT_TRUE(eventually([&] { return node.faults[0]->searches == 1; }));
    node.agent->finish();
    node.agent->learn(check_of({.ref = 2}), steady_clock::now());
    EXPECT_FALSE(node.agent->finished());
    ASSERT_TRUE(eventually([&] { return node.count() == 1; }));
    EXPECT_FALSE(node.agent->finished()) << "its receipt is missing";
    node.receipt(node.sent[0]);
    EXPECT_TRUE(eventually([&] { return node.agent->finished(); }));
    EXPECT_EQ(node.count(), 1u);
}

TEST_F(AgentTest, AVerdictFillsItsWindow) {
    Node node{folder.path()};
    const Calendar calendar{*preset("demo")};
    const DayIndex day{1000};
    const WindowIndex third = calendar.first_window(day) + 2;
    node.agent->take(JudgedCheck{node.ids[0], CheckKind::roll_call,
                                 static_cast<std::uint64_t>(calendar.first_slot(third).value + 1),
                                 Verdict::passed, 12'310'000, 12'200'000, ""});
    const DeviceStatus device = node.board->read().devices[0];
    ASSERT_EQ(device.windows.size(), 6u);
    EXPECT_EQ(device.windows[2], WindowMark::passed);
    EXPECT_EQ(device.windows[1], WindowMark::open);
    EXPECT_NE(node.metrics->text().find(
                  "vigil_node_checks_total{kind=\"roll_call\",result=\"passed\"} 1"),
              std::string::npos);
}

}  // namespace
}  // namespace vigil::node
