#include "node/first_look.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <thread>

#include "node/cpu_searcher.hpp"
#include "tests/node/tiny_searcher.hpp"

namespace vigil::node {
namespace {

using test::eventually;

std::unique_ptr<Searcher> cpu() {
    return make_cpu_searcher({.threads = 1, .path = "", .machine_id = "test"});
}

/// Does not come back from a search before it is released.
class HungSearcher : public Searcher {
public:
    const DeviceDescription& device() const override { return inner_->device(); }
    SearchResult search(const SearchJob& job, const KeepSearching& keep_searching) override {
        while (!*released) std::this_thread::sleep_for(Milliseconds{1});
        return inner_->search(job, keep_searching);
    }
    std::vector<std::string> kernels() const override { return inner_->kernels(); }
    void use_kernel(std::string_view name) override { inner_->use_kernel(name); }
    const std::shared_ptr<std::atomic<bool>> released = std::make_shared<std::atomic<bool>>(false);

private:
    const std::unique_ptr<Searcher> inner_ = cpu();
};

TEST(FirstLook, AHungDeviceDoesNotHoldUpTheOthers) {
    OwnDevices devices;
    std::vector<DeviceStatus> statuses(2);
    auto hung = std::make_unique<HungSearcher>();
    const auto released = hung->released;
    auto good = cpu();
    statuses[0].description = hung->device();
    statuses[1].description = good->device();
    devices.searchers.push_back(std::move(hung));
    devices.searchers.push_back(std::move(good));

    look_at(devices, statuses, {.patience = Milliseconds{4000}});
    EXPECT_TRUE(statuses[0].state.starts_with("failing")) << statuses[0].state;
    EXPECT_EQ(statuses[1].state, "idle");
    EXPECT_GT(statuses[1].hashes_per_second, 0);
    ASSERT_EQ(devices.searchers.size(), 2u);

    const auto search = [&] {
        return devices.searchers[0]->search({{}, 4, {0, UINT64_MAX}},
                                            [](const SearchProgress&) { return false; });
    };
    EXPECT_THROW(search(), SearchFailed);
    EXPECT_THROW(devices.searchers[0]->use_kernel("scalar"), SearchFailed);
    *released = true;
    EXPECT_TRUE(eventually(
        [&] {
            try {
                return search().hashes_tried > 0;
            } catch (const SearchFailed&) {
                return false;
            }
        },
        Milliseconds{20'000}));
    EXPECT_EQ(devices.searchers[0]->kernels(), HungSearcher{}.kernels());
    devices.searchers[0]->use_kernel("scalar");
    EXPECT_EQ(devices.searchers[0]->device().kernel, "scalar");
}

TEST(FirstLook, MeasuresKernelsOnceAndRemembers) {
    const test::Folder folder;
    const auto look = [&](KernelMemory& memory) {
        OwnDevices devices;
        devices.searchers.push_back(cpu());
        std::vector<DeviceStatus> statuses(1);
        statuses[0].description = devices.searchers[0]->device();
        statuses[0].description.kernel.clear();
        look_at(devices, statuses, {.kernels = &memory});
        return statuses[0].description.kernel;
    };
    const DeviceDescription device = cpu()->device();
    KernelMemory memory{folder.path() / "kernels.json", "1"};
    const std::string kernel = look(memory);
    EXPECT_EQ(memory.kernel(device), cpu()->kernels().size() > 1 ? kernel : "");
    // What is known is used without a measurement, even where one would say something else.
    memory.remember(device, {"scalar", 1, ""});
    EXPECT_EQ(look(memory), "scalar");
}

}  // namespace
}  // namespace vigil::node
