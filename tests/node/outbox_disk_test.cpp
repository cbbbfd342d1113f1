#include <future>

#include "tests/node/outbox_test.hpp"

namespace vigil::node {
namespace {

using namespace outbox_test;

TEST_F(OutboxTest, AnAnswerSurvivesARestart) {
    played.stream_open = false;
    played.reachable = false;
    {
        const auto outbox = open();
        outbox->add(check_of({}), device(1), in(Milliseconds{3000}), proof_of(1));
        std::this_thread::sleep_for(Milliseconds{200});
    }
    played.reachable = true;
    const auto outbox = open();
    EXPECT_TRUE(outbox->settled(proof_of(1).challenge)) << "no work is done twice";
    EXPECT_TRUE(eventually([&] { return played.count(played.receipts) == 1; }));
    EXPECT_EQ(played.last_called().answer.proofs, std::vector<Proof>{proof_of(1)});
}

TEST_F(OutboxTest, ASlowDiskHoldsUpNoAnswer) {
    std::promise<void> released;
    disk.post([wait = released.get_future().share()] { wait.get(); });
    const auto outbox = open();
    for (std::uint8_t d = 1; d <= 3; ++d) {
        outbox->add(check_of({.ref = d}), device(d), in(Milliseconds{3000}), proof_of(d));
        EXPECT_TRUE(eventually([&] { return played.count(played.streamed) == d; }));
    }
    EXPECT_EQ(kept(), 0u);
    released.set_value();
    EXPECT_TRUE(eventually([&] { return kept() == 3; }));
}

TEST_F(OutboxTest, AReceiptIsOnTheDiskBeforeItsAnswerIsForgotten) {
    std::atomic<std::size_t> kept_by_then{0};
    OutboxEvents events = played.events();
    events.receipted = [&](const Receipt&, const SignedAnswer&) {
        std::this_thread::sleep_for(Milliseconds{100});  // the outbox might save meanwhile
        disk.post([&] { kept_by_then = kept(); });
    };
    const auto outbox = open(std::move(events));
    outbox->add(check_of({}), device(1), in(Milliseconds{3000}), proof_of(1));
    ASSERT_TRUE(eventually([&] { return kept() == 1; }));
    outbox->take(Played::receipt_for(played.streamed_at(0).id));
    EXPECT_TRUE(eventually([&] { return kept() == 0; }));
    EXPECT_EQ(kept_by_then, 1u);
}

TEST_F(OutboxTest, WhatIsAnsweredStaysAnsweredAfterARestart) {
    played.stream_open = false;
    {
        const auto outbox = open();
        outbox->add(check_of({}), device(1), in(Milliseconds{3000}), proof_of(1));
        ASSERT_TRUE(eventually([&] { return played.count(played.receipts) == 1; }));
    }
    EXPECT_TRUE(open()->settled(proof_of(1).challenge));
}

TEST_F(OutboxTest, WhatCouldNotBeSavedIsSavedWhenTheDiskHasRoomAgain) {
    const auto file = folder.path() / "outbox.json";
    std::filesystem::create_directory(file);  // nothing can be put in its place
    const auto outbox = open();
    outbox->add(check_of({}), device(1), in(Milliseconds{8000}), proof_of(1));
    ASSERT_TRUE(eventually([&] { return played.count(played.streamed) == 1; }));
    std::this_thread::sleep_for(Milliseconds{300});
    EXPECT_EQ(kept(), 0u);
    std::filesystem::remove(file);
    EXPECT_TRUE(eventually([&] { return kept() == 1; }));
}

TEST_F(OutboxTest, EndsOnADiskThatNeverHasRoom) {
    std::filesystem::create_directory(folder.path() / "outbox.json");
    auto outbox = open();
    outbox->add(check_of({}), device(1), in(Milliseconds{8000}), proof_of(1));
    ASSERT_TRUE(eventually([&] { return played.count(played.streamed) == 1; }));
    const auto begun = std::chrono::steady_clock::now();
    outbox.reset();
    EXPECT_LT(std::chrono::steady_clock::now() - begun, Milliseconds{2000});
}

TEST_F(OutboxTest, ReceiptsThatWaitAreWrittenBeforeTheirAnswerIsForgotten) {
    std::atomic<std::size_t> kept_by_then{0};
    OutboxEvents events = played.events();
    events.saving = [&] { kept_by_then = kept(); };
    const auto outbox = open(std::move(events));
    outbox->add(check_of({}), device(1), in(Milliseconds{3000}), proof_of(1));
    ASSERT_TRUE(eventually([&] { return kept() == 1; }));
    outbox->take(Played::receipt_for(played.streamed_at(0).id));
    EXPECT_TRUE(eventually([&] { return kept() == 0; }));
    EXPECT_EQ(kept_by_then, 1u);
}

}  // namespace
}  // namespace vigil::node
