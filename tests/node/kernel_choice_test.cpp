#include "node/kernel_choice.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <map>

#include "core/work/pow_hash.hpp"
#include "tests/node/tiny_searcher.hpp"

namespace vigil::node {
namespace {

/// Kernels that differ in how long they rest after each search, in what they find, and in whether
/// they compile.
class ManyKernels final : public Searcher {
public:
    ManyKernels() { description_.kernel = "slow"; }

    const DeviceDescription& device() const override { return description_; }
    std::vector<std::string> kernels() const override {
        return {"slow", "fast", "wrong", "never-measured"};
    }
    void use_kernel(std::string_view name) override {
        if (name == broken) throw SearchFailed{"it does not compile"};
        description_.kernel = name;
    }
    SearchResult search(const SearchJob& job, const KeepSearching& keep_searching) override {
        ++searches[description_.kernel];
        SearchResult out;
        BestK best{job.k};
        // What the reference check asks for is computed, the rest is claimed at the kernel's speed.
        if (job.range.last != UINT64_MAX) {
            for (std::uint64_t n = job.range.first; n <= job.range.last; ++n)
                best.offer({pow_hash(job.challenge, n), n});
            out.hashes_tried = job.range.last - job.range.first + 1;
            out.best = best.sorted();
            if (description_.kernel == "wrong") ++out.best[3].nonce;
            return out;
        }
        const std::map<std::string, std::uint64_t> speed{
            {"slow", 1'000}, {"fast", 5'000}, {"wrong", 900'000}};
        for (int ms = 1;; ++ms) {
            out.elapsed = Milliseconds{ms};
            out.hashes_tried = static_cast<std::uint64_t>(ms) * speed.at(description_.kernel);
            if (!keep_searching({out.hashes_tried, out.elapsed})) return out;
        }
    }

    std::map<std::string, int> searches;
    std::string broken;

private:
    DeviceDescription description_{.uid = "GPU-1",
                                   .name = "card",
                                   .backend = Backend::cuda,
                                   .driver = "1.0",
                                   .kernel = "",
                                   .memory_bytes = 0,
                                   .compute_units = 1};
};

TEST(KernelChoice, TheFastestOfThoseThatComputeRightIsUsed) {
    ManyKernels device;
    const auto rates = measure_kernels(device, Milliseconds{10});
    ASSERT_EQ(rates.size(), 3U);
    EXPECT_DOUBLE_EQ(rates[0].hashes_per_second, 1e6);
    EXPECT_DOUBLE_EQ(rates[1].hashes_per_second, 5e6);
    EXPECT_NE(rates[2].failure.find("place 4 differs"), std::string::npos) << rates[2].failure;
    ASSERT_NE(fastest(rates), nullptr);
    EXPECT_EQ(fastest(rates)->kernel, "fast");
    EXPECT_EQ(device.device().kernel, "fast");
    EXPECT_EQ(device.searches.count("never-measured"), 0U);
}

TEST(KernelChoice, OneThatDoesNotCompileIsPassedOver) {
    ManyKernels device;
    device.broken = "fast";
    const auto rates = measure_kernels(device, Milliseconds{10});
    EXPECT_EQ(rates[1].failure, "it does not compile");
    EXPECT_EQ(device.device().kernel, "slow");
}

TEST(KernelChoice, IsRememberedForThisDeviceDriverAndVersion) {
    const test::Folder folder;
    const auto path = folder.path() / "kernels.json";
    DeviceDescription device = ManyKernels{}.device();
    {
        KernelMemory memory{path, "1.0.0"};
        EXPECT_EQ(memory.kernel(device), "");
        memory.remember(device, {"fast", 5e6, ""});
        memory.save();
    }
    EXPECT_EQ(std::filesystem::status(path).permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    EXPECT_EQ((KernelMemory{path, "1.0.0"}.kernel(device)), "fast");
    EXPECT_EQ((KernelMemory{path, "1.0.1"}.kernel(device)), "");
    device.driver = "1.1";
    EXPECT_EQ((KernelMemory{path, "1.0.0"}.kernel(device)), "");
}

TEST(KernelChoice, AFileThatCannotBeReadIsAsIfThereWereNone) {
    const test::Folder folder;
    const auto path = folder.path() / "kernels.json";
    for (const std::string& text : {std::string{"{\"kernels\":[{"}, std::string{"[]"},
                                    std::string{}, std::string(300'000, ' ')}) {
        std::ofstream{path} << text;
        EXPECT_EQ((KernelMemory{path, "1.0.0"}.kernel(ManyKernels{}.device())), "");
    }
}

}  // namespace
}  // namespace vigil::node
