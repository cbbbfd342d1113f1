#include "node/guarded_searcher.hpp"

#include <condition_variable>
#include <gtest/gtest.h>
#include <mutex>
#include <thread>

#include "tests/node/tiny_searcher.hpp"

namespace vigil::node {
namespace {

using std::chrono::steady_clock;
using test::eventually;
using test::TinySearcher;

constexpr Patience quick{Milliseconds{300}, Milliseconds{150}};

/// A driver that does not come back while it is held.
class Held : public Searcher {
public:
    struct Driver {
        std::atomic<bool> hold{false};
        std::atomic<int> asked{0};
        std::atomic<int> rests{0};
    };
    explicit Held(std::shared_ptr<Driver> driver) : driver_{std::move(driver)} {}

    const DeviceDescription& device() const override { return tiny_.device(); }
    void rest() override { ++driver_->rests; }
    SearchResult search(const SearchJob& job, const KeepSearching& keep_searching) override {
        return tiny_.search(job, [&](const SearchProgress& progress) {
            while (driver_->hold) std::this_thread::sleep_for(Milliseconds{5});
            ++driver_->asked;
            return keep_searching(progress);
        });
    }

private:
    TinySearcher tiny_;
    const std::shared_ptr<Driver> driver_;
};

SearchResult search(Searcher& searcher, const KeepSearching& keep_searching) {
    return searcher.search({{}, 4, {0, UINT64_MAX}}, keep_searching);
}
SearchResult one_launch(Searcher& searcher) {
    return search(searcher, [](const SearchProgress&) { return false; });
}

TEST(GuardedSearcher, ASearchIsTheDevicesOwn) {
    TinySearcher plain;
    const auto guarded = make_guarded_searcher(std::make_unique<TinySearcher>(), quick);
    EXPECT_EQ(guarded->device().uid, plain.device().uid);
    EXPECT_EQ(guarded->kernels(), plain.kernels());
    const SearchResult expected = one_launch(plain);
    const SearchResult found = one_launch(*guarded);
    EXPECT_EQ(found.hashes_tried, expected.hashes_tried);
    ASSERT_EQ(found.best.size(), expected.best.size());
    for (std::size_t i = 0; i < found.best.size(); ++i)
        EXPECT_EQ(found.best[i].nonce, expected.best[i].nonce);
}

TEST(GuardedSearcher, FailuresPassThrough) {
    auto tiny = std::make_unique<TinySearcher>();
    tiny->faults->failures = 1;
    const auto guarded = make_guarded_searcher(std::move(tiny), quick);
    try {
        one_launch(*guarded);
        FAIL() << "the plug was pulled";
    } catch (const SearchHung&) {
        FAIL() << "a failure is no silence";
    } catch (const SearchFailed&) {
    }
    EXPECT_EQ(one_launch(*guarded).hashes_tried, 64u);
    EXPECT_THROW(search(*guarded, [](const SearchProgress&) -> bool { throw 5; }), int);
}

TEST(GuardedSearcher, ALaunchThatDoesNotComeBackIsLeftAndTheDeviceUsedAgainWhenItDoes) {
    const auto driver = std::make_shared<Held::Driver>();
    const auto guarded = make_guarded_searcher(std::make_unique<Held>(driver), quick);
    int asked = 0;
    const auto begun = steady_clock::now();
    EXPECT_THROW(search(*guarded,
                        [&](const SearchProgress&) {
                            driver->hold = ++asked == 2;
                            return true;
                        }),
                 SearchHung);
    EXPECT_LT(steady_clock::now() - begun, std::chrono::seconds{5});
    const auto again = steady_clock::now();
    EXPECT_THROW(one_launch(*guarded), SearchHung);
    EXPECT_LT(steady_clock::now() - again, quick.next) << "it is known to be away";

    driver->hold = false;
    EXPECT_TRUE(eventually([&] {
        try {
            return one_launch(*guarded).hashes_tried == 64;
        } catch (const SearchHung&) {
            return false;
        }
    }));
    EXPECT_EQ(asked, 2) << "who waits no more is not asked";
}

TEST(GuardedSearcher, AnOwnersSleepIsNotTheDriversSilence) {
    const auto guarded = make_guarded_searcher(std::make_unique<TinySearcher>(), quick);
    EXPECT_NO_THROW(search(*guarded, [](const SearchProgress&) {
        std::this_thread::sleep_for(Milliseconds{700});
        return false;
    }));
}

TEST(GuardedSearcher, MayEndWhileItsDriverIsAway) {
    const auto driver = std::make_shared<Held::Driver>();
    {
        const auto guarded = make_guarded_searcher(std::make_unique<Held>(driver), quick);
        driver->hold = true;
        EXPECT_THROW(one_launch(*guarded), SearchHung);
        EXPECT_THROW(guarded->rest(), SearchHung);
    }
    driver->hold = false;
    EXPECT_TRUE(eventually([&] { return driver->asked == 1; }));
    EXPECT_EQ(driver->rests, 0);
}

}  // namespace
}  // namespace vigil::node
