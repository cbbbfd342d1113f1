// An owner's limits at the device: what is searched, what is sent, what is missed.
#include <atomic>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node/device_worker.hpp"
#include "node/guarded_searcher.hpp"
#include "tests/node/tiny_searcher.hpp"

namespace vigil::node {
namespace {

using std::chrono::steady_clock;
using test::eventually;
using test::TinySearcher;
using ::testing::HasSubstr;

/// Counts how often its memory is given back; its driver is away as often as is asked.
class Resting : public TinySearcher {
public:
    explicit Resting(std::shared_ptr<std::atomic<int>> rests) : rests_{std::move(rests)} {}
    void rest() override { ++*rests_; }
    SearchResult search(const SearchJob& job, const KeepSearching& keep_searching) override {
        if (*hangs > 0 && (*hangs)-- > 0) throw SearchHung{"its driver has not come back"};
        return TinySearcher::search(job, keep_searching);
    }

    const std::shared_ptr<std::atomic<int>> hangs = std::make_shared<std::atomic<int>>(0);

private:
    const std::shared_ptr<std::atomic<int>> rests_;
};

struct PauseTest : ::testing::Test {
    test::Folder folder;
    Board board{[] {
        NodeStatus status;
        status.devices.emplace_back();
        status.devices[0].label = "cpu0";
        return status;
    }()};
    Metrics metrics{"test", board.read().devices};
    ProgressFiles progress{folder.path()};
    std::mutex mutex;
    Beyond beyond;                           // guarded by mutex
    std::vector<std::optional<Proof>> done;  // guarded by mutex
    std::vector<std::string> errors;
    std::shared_ptr<std::atomic<int>> rests = std::make_shared<std::atomic<int>>(0);
    std::unique_ptr<Resting> searcher = std::make_unique<Resting>(rests);
    std::shared_ptr<TinySearcher::Faults> faults = searcher->faults;
    std::shared_ptr<std::atomic<int>> hangs = searcher->hangs;
    DeviceWorker worker{std::move(searcher),
                        {.index = 0, .label = "cpu0", .device = {}},
                        {board, metrics, progress,
                         [](const DeviceCheck&, const HonestProof& honest) { return honest(); },
                         [] { return Milliseconds{1}; },
                         [this](std::size_t) {
                             const std::lock_guard lock{mutex};
                             return beyond;
                         },
                         [this](std::string what) {
                             const std::lock_guard lock{mutex};
                             errors.push_back(std::move(what));
                         },
                         [this](const DeviceCheck&, std::optional<Proof> proof) {
                             const std::lock_guard lock{mutex};
                             done.push_back(std::move(proof));
                         }}};

    void set(Beyond now) {
        const std::lock_guard lock{mutex};
        beyond = now;
    }
    std::size_t count() {
        const std::lock_guard lock{mutex};
        return done.size();
    }
    void take(const test::Shape& shape) {
        DeviceCheck check;
        check.check = test::check_of(shape);
        check.challenge.bytes.fill(static_cast<std::uint8_t>(shape.ref));
        check.learned = steady_clock::now();
        ASSERT_TRUE(worker.take(check));
    }
};

TEST_F(PauseTest, ACheckOfAPausedDeviceIsMissedAndCounted) {
    set({.temperature = true});
    take({});
    ASSERT_TRUE(eventually([&] { return count() == 1; }));
    EXPECT_FALSE(done[0]);
    EXPECT_EQ(faults->searches, 0);
    EXPECT_EQ(board.read().devices[0].missed_while_paused, 1u);
    EXPECT_THAT(metrics.text(),
                HasSubstr("vigil_node_checks_total{kind=\"hourly\",result=\"paused\"} 1"));
    set({});
    take({.ref = 8});
    ASSERT_TRUE(eventually([&] { return count() == 2; }));
    EXPECT_TRUE(done[1]);
}

TEST_F(PauseTest, ADeviceThatGoesOnInTimeStillAnswers) {
    set({.others = true});
    take({.work = Milliseconds{1500}});
    std::this_thread::sleep_for(Milliseconds{200});
    EXPECT_EQ(faults->searches, 0);
    set({});
    ASSERT_TRUE(eventually([&] { return count() == 1; }));
    EXPECT_TRUE(done[0]);
}

TEST_F(PauseTest, ASearchUnderWayIsAnsweredAtOnceWithWhatItHas) {
    const auto begun = steady_clock::now();
    take({.work = Milliseconds{20'000}, .slack = Milliseconds{10'000}});
    ASSERT_TRUE(eventually([&] { return faults->searches == 1; }));
    std::this_thread::sleep_for(Milliseconds{200});
    set({.temperature = true});
    ASSERT_TRUE(eventually([&] { return count() == 1; }));
    EXPECT_LT(steady_clock::now() - begun, Milliseconds{5000});
    ASSERT_TRUE(done[0]);
    EXPECT_EQ(done[0]->nonces.size(), 8u);
    EXPECT_EQ(board.read().devices[0].missed_while_paused, 0u);
}

TEST_F(PauseTest, WithoutMemoryToSpareItsBuffersAreGivenBackOnce) {
    take({});
    ASSERT_TRUE(eventually([&] { return count() == 1; }));
    EXPECT_EQ(*rests, 0);
    set({.memory = true});
    EXPECT_TRUE(eventually([&] { return *rests == 1; }));
    std::this_thread::sleep_for(Milliseconds{700});
    EXPECT_EQ(*rests, 1);
    set({.temperature = true});
    std::this_thread::sleep_for(Milliseconds{600});
    EXPECT_EQ(*rests, 1) << "heat is no reason";
}

TEST_F(PauseTest, ADriverThatDoesNotComeBackIsCountedAsSuchAndTriedAgain) {
    *hangs = 1;
    take({.work = Milliseconds{1500}});
    ASSERT_TRUE(eventually([&] { return count() == 1; }));
    EXPECT_TRUE(done[0]);
    EXPECT_THAT(metrics.text(),
                HasSubstr("vigil_node_kernel_errors_total{code=\"hung\",gpu=\"cpu0\"} 1"));
    EXPECT_THAT(metrics.text(),
                HasSubstr("vigil_node_kernel_errors_total{code=\"search_failed\",gpu=\"cpu0\"} 0"));
    const std::lock_guard lock{mutex};
    ASSERT_EQ(errors.size(), 1u) << "people are told";
    EXPECT_THAT(errors[0], HasSubstr("cpu0: "));
}

TEST_F(PauseTest, APausedDeviceQuitsAtOnce) {
    set({.temperature = true});
    take({.work = Milliseconds{20'000}, .slack = Milliseconds{10'000}});
    std::this_thread::sleep_for(Milliseconds{100});
    const auto asked = steady_clock::now();
    worker.quit();
    ASSERT_TRUE(eventually([&] { return worker.idle(); }));
    EXPECT_LT(steady_clock::now() - asked, Milliseconds{2000});
    EXPECT_EQ(board.read().devices[0].missed_while_paused, 0u);
}

}  // namespace
}  // namespace vigil::node
