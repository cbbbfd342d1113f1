#include "node/lookout.hpp"

#include <atomic>
#include <gtest/gtest.h>

#include "tests/node/tiny_searcher.hpp"

namespace vigil::node {
namespace {

using std::chrono::steady_clock;
using test::eventually;
using Seen = Expected<std::vector<SeenDevice>, std::string>;

bool always() { return true; }

TEST(UnusedDevices, AreThoseOfTheListThatAreNotOursAndNoCpu) {
    const auto seen = unused_devices(
        R"({"devices": [{"uid": "GPU-1", "name": "Card", "backend": "cuda", "kernel": "hi-lo"},
                        {"uid": "GPU-2", "name": "Card", "backend": "opencl"},
                        {"uid": "cpu:abc", "name": "Processor", "backend": "cpu"}], "notes": []})",
        {"GPU-1"});
    ASSERT_TRUE(seen);
    ASSERT_EQ(seen->size(), 1u);
    EXPECT_EQ(seen->front().uid, "GPU-2");
    EXPECT_FALSE(unused_devices("", {}));
    EXPECT_FALSE(unused_devices(R"({"devices": [{"uid": 7}]})", {}));
}

TEST(Lookout, LooksUntilItFindsSomething) {
    std::atomic<int> looks{0};
    const Lookout lookout{[&](const auto&) -> Seen {
                              switch (++looks) {
                                  case 1:
                                      return tl::unexpected{std::string{"the driver hangs"}};
                                  case 4:
                                      return std::vector<SeenDevice>{{"GPU-1", "Card"}};
                                  default:
                                      return std::vector<SeenDevice>{};
                              }
                          },
                          always, Milliseconds{10}, Milliseconds{20}};
    ASSERT_TRUE(eventually([&] { return lookout.found().has_value(); }));
    EXPECT_EQ(lookout.found()->uid, "GPU-1");
    std::this_thread::sleep_for(Milliseconds{60});
    EXPECT_EQ(looks, 4);
}

TEST(Lookout, ItsPausesGrow) {
    std::atomic<int> looks{0};
    const Lookout lookout{[&](const auto&) -> Seen {
                              ++looks;
                              return std::vector<SeenDevice>{};
                          },
                          always, Milliseconds{40}, Milliseconds{10'000}};
    std::this_thread::sleep_for(Milliseconds{600});
    // Pauses of at least 20, 40, 80, 160, 320 ms.
    EXPECT_GE(looks, 1);
    EXPECT_LE(looks, 4);
}

TEST(Lookout, DoesNotLookWhileADeviceWorksAndEndsAtOnce) {
    std::atomic<int> looks{0};
    const auto begun = steady_clock::now();
    {
        const Lookout lookout{[&](const auto&) -> Seen {
                                  ++looks;
                                  return std::vector<SeenDevice>{};
                              },
                              [] { return false; }, Milliseconds{5}, Milliseconds{10}};
        std::this_thread::sleep_for(Milliseconds{100});
    }
    EXPECT_EQ(looks, 0);
    EXPECT_LT(steady_clock::now() - begun, Milliseconds{900});
}

TEST(Lookout, ALookIsAbandonedWhenACheckComesAndMadeAgainAfterIt) {
    std::atomic<bool> calm{true};
    std::atomic<int> looks{0}, abandoned{0};
    const Lookout lookout{[&](const std::function<bool()>& abandon) -> Seen {
                              if (++looks > 1) return std::vector<SeenDevice>{{"GPU-1", "Card"}};
                              calm = false;
                              if (!eventually(abandon)) return std::vector<SeenDevice>{};
                              ++abandoned;
                              calm = true;
                              return tl::unexpected{std::string{"abandoned"}};
                          },
                          [&] { return calm.load(); }, Milliseconds{10}, Milliseconds{20}};
    EXPECT_TRUE(eventually([&] { return lookout.found().has_value(); }));
    EXPECT_EQ(abandoned, 1);
    EXPECT_EQ(looks, 2);
}

}  // namespace
}  // namespace vigil::node
