#include "cuda/cuda_searcher.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include "cuda/affine_tables.hpp"
#include "cuda/cuda_calls.hpp"
#include "cuda/cuda_work.hpp"
#include "cuda/search_kernel.hpp"

namespace vigil::cuda {
namespace {

constexpr std::uint64_t first_launch_nonces = std::uint64_t{1} << 20;
/// Bounds the words that a launch needs for its high units, 960 KiB.
constexpr std::uint64_t most_high_units = 4'096;
constexpr std::uint64_t most_launch_nonces =
    (most_high_units - 1) * AffineTables::low_units * unit_nonces;
/// A filter looks at half of the leading bits of a threshold. With usual_limits, a launch of n
/// nonces expects at most √(2,048 · n) candidates while the filter is short of its 16 bits: room
/// for 2³¹ nonces. Where more come, the launch is repeated, in the end in halves: a range of a
/// million nonces always fits.
constexpr std::size_t candidate_capacity = std::size_t{1} << 21;

/// What is expected to be fastest first: see docs/benchmarks.md.
constexpr std::array search_kernels{&interleaved_kernel, &interleaved_fma_kernel, &hi_lo_kernel};

/// The memory of one launch in flight, on the device and where its results are copied to.
struct Slot {
    DeviceMemory<unsigned int> counters;
    DeviceMemory<unsigned long long> candidates;
    DeviceMemory<unsigned long long> found;
    DeviceMemory<AffineWords> high_units;
    PinnedMemory<AffineWords> host_high_units;
    PinnedMemory<unsigned int> host_counters;
    PinnedMemory<unsigned long long> host_found;
    std::uint64_t nonces{};  ///< of its range
    std::uint64_t computed{};
    int filter_bits{};
    Event complete;
};

/// What a searcher holds on its device; freed before the device is made fresh.
class CudaSearch final : public Searcher {
public:
    CudaSearch(int ordinal, DeviceDescription description, LaunchLimits limits)
        : in_use_{ordinal}, ordinal_{ordinal}, device_{std::move(description)}, limits_{limits} {
        limits_.nonces = std::min(limits_.nonces, most_launch_nonces);
        use_first_that_works();
        tables_ = device_memory<AffineTables>(1);
        for (Slot& slot : slots_) {
            slot.counters = device_memory<unsigned int>(2);
            slot.candidates = device_memory<unsigned long long>(candidate_capacity);
            slot.found = device_memory<unsigned long long>(limits_.found_capacity);
            slot.high_units = device_memory<AffineWords>(most_high_units);
            slot.host_high_units = pinned_memory<AffineWords>(most_high_units);
            slot.host_counters = pinned_memory<unsigned int>(2);
            slot.host_found = pinned_memory<unsigned long long>(limits_.found_capacity);
            slot.complete = make_event();
        }
        stream_ = make_stream();
        filled_ = device_.compute_units * blocks_per_unit;
        limits_.unit = unit_nonces;
        limits_.wave = std::uint64_t{filled_} * unit_nonces;
    }

    /// Copies into slots_ may be under way after a search that ended in an exception.
    ~CudaSearch() override {
        cudaSetDevice(ordinal_);
        cudaStreamSynchronize(stream_.get());
    }

    const DeviceDescription& device() const override { return device_; }

    std::vector<std::string> kernels() const override {
        std::vector<std::string> out;
        for (const SearchKernel* kernel : search_kernels) out.emplace_back(kernel->name);
        return out;
    }

    void use_kernel(std::string_view name) override {
        for (const SearchKernel* kernel : search_kernels) {
            if (name == kernel->name) return use(*kernel);
        }
        Searcher::use_kernel(name);
    }

    SearchResult search(const SearchJob& job, const KeepSearching& keep_searching) override {
        check(cudaSetDevice(ordinal_), "cudaSetDevice");
        check(cudaStreamSynchronize(stream_.get()), "cudaStreamSynchronize");
        const AffineMap map{job.challenge};
        const auto tables = affine_tables(map);
        check(cudaMemcpyAsync(tables_.get(), tables.get(), sizeof *tables, cudaMemcpyHostToDevice,
                              stream_.get()),
              "cudaMemcpyAsync");
        check(cudaStreamSynchronize(stream_.get()), "cudaStreamSynchronize");
        return search_in_launches(
            job, keep_searching,
            {.limits = limits_,
             .start = [this, &map](unsigned slot,
                                   const Launch& launch) { start(slots_[slot], map, launch); },
             .wait = [this](unsigned slot) { return wait(slots_[slot]); },
             .now = std::chrono::steady_clock::now},
            launch_nonces_);
    }

private:
    void use_first_that_works() {
        for (const SearchKernel* kernel : search_kernels) {
            try {
                return use(*kernel);
            } catch (const SearchFailed&) {
                if (kernel == search_kernels.back()) throw;
            }
        }
    }

    void use(const SearchKernel& kernel) {
        check(cudaSetDevice(ordinal_), "cudaSetDevice");
        check(static_cast<cudaError_t>(kernel.prepare()),
              std::string{"the kernel "} + kernel.name + " on " + device_.name);
        kernel_ = &kernel;
        device_.kernel = kernel.name;
    }

    SearchArguments arguments(const Slot& slot, const AffineMap& map, const Launch& launch) const {
        SearchArguments out{.before_chi = {},
                            .b13 = map.b13(),
                            .b14 = map.b14(),
                            .factors = turn_factors(),
                            .tables = tables_.get(),
                            .high_units = slot.high_units.get(),
                            .first_unit = launch.range.first / unit_nonces,
                            .units = 0,
                            .filter = kernel_->filter(launch.threshold64),
                            .first = launch.range.first,
                            .last = launch.range.last,
                            .threshold64 = launch.threshold64,
                            .candidate_capacity = candidate_capacity,
                            .capacity = static_cast<std::uint32_t>(limits_.found_capacity),
                            .counters = slot.counters.get(),
                            .candidates = slot.candidates.get(),
                            .found = slot.found.get()};
        std::copy(map.before_chi().begin(), map.before_chi().end(), out.before_chi.lanes);
        out.units =
            static_cast<std::uint32_t>(launch.range.last / unit_nonces - out.first_unit + 1);
        return out;
    }

    void start(Slot& slot, const AffineMap& map, const Launch& launch) {
        const SearchArguments job = arguments(slot, map, launch);
        const auto high = static_cast<std::size_t>(high_unit_count(job.first_unit, job.units));
        write_high_units(map, job.first_unit, {slot.host_high_units.get(), high});
        slot.nonces = launch.range.last - launch.range.first + 1;

        slot.computed = std::uint64_t{job.units} * unit_nonces;
        slot.filter_bits = std::popcount(job.filter);

        const cudaStream_t stream = stream_.get();
        cudaGetLastError();  // a launch reports what anybody left in this thread
        check(cudaMemcpyAsync(slot.high_units.get(), slot.host_high_units.get(),
                              high * sizeof(AffineWords), cudaMemcpyHostToDevice, stream),
              "cudaMemcpyAsync");
        check(cudaMemsetAsync(slot.counters.get(), 0, 2 * sizeof(unsigned int), stream),
              "cudaMemsetAsync");
        check(static_cast<cudaError_t>(kernel_->launch(job, std::min(filled_, job.units), stream)),
              "launch of the search kernel");
        check(static_cast<cudaError_t>(launch_confirm(job, filled_, stream)),
              "launch of the confirming kernel");
        copy(slot.host_counters.get(), slot.counters.get(), 2 * sizeof(unsigned int), stream);
        copy(slot.host_found.get(), slot.found.get(),
             limits_.found_capacity * sizeof(unsigned long long), stream);
        check(cudaEventRecord(slot.complete.get(), stream), "cudaEventRecord");
    }

    static void copy(void* to, const void* from, std::size_t bytes, cudaStream_t stream) {
        check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream), "cudaMemcpyAsync");
    }

    /// Candidates for which there was no room may have been hits: then all that is known is that
    /// there were more hits than found. They include those of the launch's units outside its range.
    LaunchOutcome wait(Slot& slot) {
        check(cudaEventSynchronize(slot.complete.get()), "cudaEventSynchronize");
        const std::uint64_t candidates = slot.host_counters[0];
        const std::uint64_t confirmed = slot.host_counters[1];
        const auto found = std::min<std::size_t>(confirmed, limits_.found_capacity);
        found_.assign(slot.host_found.get(), slot.host_found.get() + found);
        const Sieve sieve = Sieve::of(slot.computed, slot.filter_bits, candidates);
        if (candidates <= candidate_capacity) return {confirmed, found_, sieve};
        return {std::min(std::max(candidates, confirmed), slot.nonces), found_, sieve};
    }

    InUse in_use_;  // first: the last to go
    int ordinal_;
    const SearchKernel* kernel_{};
    DeviceDescription device_;
    LaunchLimits limits_;
    DeviceMemory<AffineTables> tables_;
    std::vector<std::uint64_t> found_;
    std::array<Slot, 2> slots_;
    Stream stream_;
    unsigned filled_{};  ///< the blocks that the device holds at a time
    std::uint64_t launch_nonces_{first_launch_nonces};
};

/// Leaves no broken context behind: opened again after a failure, the device starts from nothing.
class CudaSearcher final : public Searcher {
public:
    CudaSearcher(int ordinal, const DeviceDescription& description, LaunchLimits limits)
        : ordinal_{ordinal} {
        try {
            search_ = std::make_unique<CudaSearch>(ordinal, description, limits);
        } catch (const SearchFailed&) {
            make_fresh(ordinal_);
            throw;
        }
    }
    ~CudaSearcher() override {
        search_.reset();
        if (failed_) make_fresh(ordinal_);
    }

    const DeviceDescription& device() const override { return search_->device(); }
    std::vector<std::string> kernels() const override { return search_->kernels(); }
    void use_kernel(std::string_view name) override { search_->use_kernel(name); }

    SearchResult search(const SearchJob& job, const KeepSearching& keep_searching) override {
        try {
            return search_->search(job, keep_searching);
        } catch (const SearchFailed&) {
            failed_ = true;
            throw;
        }
    }

private:
    int ordinal_;
    bool failed_ = false;
    std::unique_ptr<CudaSearch> search_;
};

}  // namespace

std::unique_ptr<Searcher> open_device(int ordinal, const DeviceDescription& description,
                                      LaunchLimits limits) {
    return std::make_unique<CudaSearcher>(ordinal, description, limits);
}

}  // namespace vigil::cuda
