#include "cuda/cuda_searcher.hpp"

#include <algorithm>
#include <array>

#include "core/work/first_round.hpp"
#include "cuda/cuda_calls.hpp"
#include "cuda/cuda_work.hpp"
#include "cuda/search_kernel.hpp"

namespace vigil::cuda {
namespace {

constexpr std::uint64_t first_launch_nonces = std::uint64_t{1} << 20;

/// The memory of one launch in flight, on the device and where its results are copied to.
struct Slot {
    DeviceMemory<unsigned int> hits;
    DeviceMemory<unsigned long long> found;
    PinnedMemory<unsigned int> host_hits;
    PinnedMemory<unsigned long long> host_found;
    Event complete;
};

class CudaSearcher final : public Searcher {
public:
    CudaSearcher(int ordinal, DeviceDescription description, LaunchLimits limits)
        : ordinal_{ordinal}, device_{std::move(description)}, limits_{limits} {
        check(cudaSetDevice(ordinal_), "cudaSetDevice");
        check(static_cast<cudaError_t>(kernel_.probe()), "the search kernel on " + device_.name);
        for (Slot& slot : slots_) {
            slot.hits = device_memory<unsigned int>(1);
            slot.found = device_memory<unsigned long long>(limits_.found_capacity);
            slot.host_hits = pinned_memory<unsigned int>(1);
            slot.host_found = pinned_memory<unsigned long long>(limits_.found_capacity);
            slot.complete = make_event();
        }
        stream_ = make_stream();
    }

    /// Copies into slots_ may be under way after a search that ended in an exception.
    ~CudaSearcher() override { cudaStreamSynchronize(stream_.get()); }

    const DeviceDescription& device() const override { return device_; }

    SearchResult search(const SearchJob& job, const KeepSearching& keep_searching) override {
        check(cudaSetDevice(ordinal_), "cudaSetDevice");
        check(cudaStreamSynchronize(stream_.get()), "cudaStreamSynchronize");
        const auto lanes = state_before_chi(job.challenge);
        std::copy(lanes.begin(), lanes.end(), before_chi_.lanes);
        return search_in_launches(
            job, keep_searching,
            {.limits = limits_,
             .start = [this](unsigned slot, const Launch& launch) { start(slots_[slot], launch); },
             .wait = [this](unsigned slot) { return wait(slots_[slot]); },
             .now = std::chrono::steady_clock::now},
            launch_nonces_);
    }

private:
    void start(Slot& slot, const Launch& launch) {
        const SearchArguments arguments{
            .before_chi = before_chi_,
            .first = launch.range.first,
            .more = launch.range.last - launch.range.first,
            .threshold32 = static_cast<std::uint32_t>(launch.threshold64 >> 32),
            .capacity = static_cast<std::uint32_t>(limits_.found_capacity),
            .hits = slot.hits.get(),
            .found = slot.found.get()};
        const std::uint64_t filled = std::uint64_t{device_.compute_units} * kernel_.blocks_per_unit;
        const auto blocks =
            static_cast<unsigned>(std::min(filled, arguments.more / kernel_.block_threads + 1));
        const cudaStream_t stream = stream_.get();
        check(cudaMemsetAsync(slot.hits.get(), 0, sizeof(unsigned int), stream), "cudaMemsetAsync");
        check(static_cast<cudaError_t>(kernel_.launch(arguments, blocks, stream)),
              "launch of the search kernel");
        copy(slot.host_hits.get(), slot.hits.get(), sizeof(unsigned int));
        copy(slot.host_found.get(), slot.found.get(),
             limits_.found_capacity * sizeof(unsigned long long));
        check(cudaEventRecord(slot.complete.get(), stream), "cudaEventRecord");
    }

    void copy(void* to, const void* from, std::size_t bytes) {
        check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_.get()),
              "cudaMemcpyAsync");
    }

    LaunchOutcome wait(Slot& slot) {
        check(cudaEventSynchronize(slot.complete.get()), "cudaEventSynchronize");
        const std::uint64_t hits = slot.host_hits[0];
        const std::size_t found = std::min<std::size_t>(hits, limits_.found_capacity);
        found_.assign(slot.host_found.get(), slot.host_found.get() + found);
        return {hits, found_};
    }

    int ordinal_;
    const SearchKernel& kernel_{hi_lo_kernel};
    DeviceDescription device_;
    LaunchLimits limits_;
    BeforeChi before_chi_{};
    std::vector<std::uint64_t> found_;
    std::array<Slot, 2> slots_;
    Stream stream_;
    std::uint64_t launch_nonces_{first_launch_nonces};
};

}  // namespace

std::unique_ptr<Searcher> open_device(int ordinal, const DeviceDescription& description,
                                      LaunchLimits limits) {
    return std::make_unique<CudaSearcher>(ordinal, description, limits);
}

}  // namespace vigil::cuda
