#include <algorithm>
#include <array>
#include <bit>
#include <span>

#include "core/work/first_round.hpp"
#include "core/work/interleaved.hpp"
#include "opencl/keccak_search_source.hpp"
#include "opencl/opencl_calls.hpp"
#include "opencl/opencl_work.hpp"

namespace vigil::opencl {
namespace {

/// What a kernel starts from: the block to hash for a zero nonce, or what round 0 makes of it
/// before chi, as lanes or as their even and odd bits.
enum class Start { block, before_chi, interleaved };

/// A way to compute, with the size of its work.
struct Shape {
    const char* name;
    const char* build_options;
    Start start;
    cl_uint nonces_per_item;  // a power of two, for the kernel's arithmetic
    std::size_t group_items;
};
constexpr const char* plain_options = "-cl-std=CL1.2 -DLANES=1 -DPLAIN=1";

/// Processors get long work items, since PoCL starts each by hand; GPUs get many. What is expected
/// to be best comes first; "plain" is the yardstick that bench shows the others beside.
constexpr std::array processor_shapes{
    Shape{"ulong8", "-cl-std=CL1.2 -DLANES=8 -DUNROLLED=2", Start::before_chi, 1'024, 1},
    Shape{"ulong8-unrolled", "-cl-std=CL1.2 -DLANES=8 -DUNROLLED=22", Start::before_chi, 1'024, 1},
    Shape{"plain", plain_options, Start::block, 1'024, 1}};
constexpr std::array gpu_shapes{
    Shape{"interleaved", "-cl-std=CL1.2 -DLANES=1 -DINTERLEAVED=1 -DUNROLLED=22",
          Start::interleaved, 64, 128},
    Shape{"interleaved-wide", "-cl-std=CL1.2 -DLANES=1 -DINTERLEAVED=1 -DUNROLLED=22",
          Start::interleaved, 32, 256},
    Shape{"ulong", "-cl-std=CL1.2 -DLANES=1 -DUNROLLED=22", Start::before_chi, 16, 64},
    Shape{"plain", plain_options, Start::block, 16, 64}};

constexpr std::uint64_t first_launch_nonces = 65'536;

/// The buffers of one launch in flight, on the device and where its results are read to.
struct Slot {
    Buffer counters;
    Buffer found;
    std::array<cl_uint, 2> host_counters{};  ///< hits, passed the filter
    std::uint64_t computed{};
    int filter_bits{};
    std::vector<std::uint64_t> host_found;
    Event complete;
};

class OpenclSearcher final : public Searcher {
public:
    OpenclSearcher(cl_device_id id, DeviceDescription description, std::span<const Shape> shapes,
                   LaunchLimits limits)
        : id_{id},
          device_{std::move(description)},
          shapes_{shapes},
          limits_{limits},
          context_{make_context(id)},
          start_{make_buffer(context_.get(), CL_MEM_READ_ONLY, sizeof host_start_)},
          queue_{make_queue(context_.get(), id)} {
        use_first_that_compiles();
        for (Slot& slot : slots_) {
            slot.counters =
                make_buffer(context_.get(), CL_MEM_READ_WRITE, sizeof slot.host_counters);
            slot.found = make_buffer(context_.get(), CL_MEM_READ_WRITE,
                                     limits.found_capacity * sizeof(cl_ulong));
            slot.host_found.resize(limits.found_capacity);
        }
    }

    /// Reads into slots_ may be under way after a search that ended in an exception.
    ~OpenclSearcher() override { clFinish(queue_.get()); }

    const DeviceDescription& device() const override { return device_; }

    std::vector<std::string> kernels() const override {
        std::vector<std::string> out;
        for (const Shape& shape : shapes_) out.emplace_back(shape.name);
        return out;
    }

    void use_kernel(std::string_view name) override {
        if (name == shape_->name) return;
        for (const Shape& shape : shapes_) {
            if (name == shape.name) return use(shape);
        }
        Searcher::use_kernel(name);
    }

    SearchResult search(const SearchJob& job, const KeepSearching& keep_searching) override {
        check(clFinish(queue_.get()), "clFinish");
        host_start_ = start_of(job.challenge);
        check(clEnqueueWriteBuffer(queue_.get(), start_.get(), CL_TRUE, 0, sizeof host_start_,
                                   host_start_.data(), 0, nullptr, nullptr),
              "clEnqueueWriteBuffer");
        return search_in_launches(
            job, keep_searching,
            {.limits = limits_,
             .start = [this](unsigned slot, const Launch& launch) { start(slots_[slot], launch); },
             .wait = [this](unsigned slot) { return wait(slots_[slot]); },
             .now = std::chrono::steady_clock::now},
            launch_nonces_);
    }

private:
    void use_first_that_compiles() {
        for (const Shape& shape : shapes_) {
            try {
                return use(shape);
            } catch (const SearchFailed&) {
                if (&shape == &shapes_.back()) throw;
            }
        }
    }

    void use(const Shape& shape) {
        Program program =
            make_program(context_.get(), id_, keccak_search_source, shape.build_options);
        kernel_ = make_kernel(program.get(), "search");
        program_ = std::move(program);
        shape_ = &shape;
        device_.kernel = shape.name;
        launch_nonces_ = first_launch_nonces;
    }

    std::array<std::uint64_t, 25> start_of(const Challenge& challenge) const {
        switch (shape_->start) {
            case Start::block:
                return block_of(challenge);
            case Start::before_chi:
                return state_before_chi(challenge);
            case Start::interleaved:
                break;
        }
        std::array<std::uint64_t, 25> lanes = state_before_chi(challenge);
        for (std::uint64_t& lane : lanes) {
            const Interleaved words = interleaved(lane);
            lane = std::uint64_t{words.odd} << 32 | words.even;
        }
        return lanes;
    }

    /// Up to 16 bits of lane 0 that a hit has clear, as the kernel wants them.
    cl_ulong filter(std::uint64_t threshold64) const {
        const int zeros =
            std::min(std::countl_zero(threshold64), shape_->start == Start::interleaved ? 32 : 16);
        const std::uint64_t leading = zeros == 0 ? 0 : ~std::uint64_t{0} << (64 - zeros);
        const std::uint64_t lane = __builtin_bswap64(leading);
        return shape_->start == Start::interleaved ? interleaved(lane).even : lane;
    }

    void start(Slot& slot, const Launch& launch) {
        constexpr cl_uint none = 0;
        const std::uint64_t per_item = shape_->nonces_per_item;
        const std::uint64_t base = launch.range.first & ~(per_item - 1);
        const std::uint64_t items = (launch.range.last - base) / per_item + 1;
        const std::size_t global =
            static_cast<std::size_t>((items - 1) / shape_->group_items + 1) * shape_->group_items;

        slot.computed = items * per_item;
        slot.filter_bits = std::popcount(filter(launch.threshold64));
        set_arguments(slot, launch);
        check(clEnqueueFillBuffer(queue_.get(), slot.counters.get(), &none, sizeof none, 0,
                                  sizeof slot.host_counters, 0, nullptr, nullptr),
              "clEnqueueFillBuffer");
        check(clEnqueueNDRangeKernel(queue_.get(), kernel_.get(), 1, nullptr, &global,
                                     &shape_->group_items, 0, nullptr, nullptr),
              "clEnqueueNDRangeKernel");
        check(clEnqueueReadBuffer(queue_.get(), slot.found.get(), CL_FALSE, 0,
                                  slot.host_found.size() * sizeof(cl_ulong), slot.host_found.data(),
                                  0, nullptr, nullptr),
              "clEnqueueReadBuffer");
        cl_event complete = nullptr;
        check(clEnqueueReadBuffer(queue_.get(), slot.counters.get(), CL_FALSE, 0,
                                  sizeof slot.host_counters, slot.host_counters.data(), 0, nullptr,
                                  &complete),
              "clEnqueueReadBuffer");
        slot.complete.reset(complete);
        check(clFlush(queue_.get()), "clFlush");
    }

    LaunchOutcome wait(Slot& slot) {
        const cl_event complete = slot.complete.get();
        check(clWaitForEvents(1, &complete), "clWaitForEvents");
        const auto [hits, passed] = slot.host_counters;
        const std::size_t found = std::min<std::size_t>(hits, slot.host_found.size());
        return {hits, std::span{slot.host_found}.first(found),
                Sieve::of(slot.computed, slot.filter_bits, passed)};
    }

    void set_arguments(const Slot& slot, const Launch& launch) {
        cl_uint index = 0;
        const auto set = [&](const auto& value) {
            check(clSetKernelArg(kernel_.get(), index++, sizeof value, &value), "clSetKernelArg");
        };
        set(start_.get());
        set(cl_ulong{launch.range.first});
        set(cl_ulong{launch.range.last});
        set(cl_ulong{launch.threshold64});
        set(filter(launch.threshold64));
        set(shape_->nonces_per_item);
        set(static_cast<cl_uint>(limits_.found_capacity));
        set(slot.counters.get());
        set(slot.found.get());
    }

    cl_device_id id_;
    DeviceDescription device_;
    std::span<const Shape> shapes_;
    const Shape* shape_{};
    LaunchLimits limits_;
    Context context_;
    Program program_;
    Kernel kernel_;
    std::array<std::uint64_t, 25> host_start_{};
    Buffer start_;
    std::array<Slot, 2> slots_;
    std::uint64_t launch_nonces_{first_launch_nonces};
    Queue queue_;
};

}  // namespace

std::unique_ptr<Searcher> open_device(cl_device_id device, const DeviceDescription& description,
                                      bool processor, LaunchLimits limits) {
    const std::span<const Shape> shapes =
        processor ? std::span<const Shape>{processor_shapes} : std::span<const Shape>{gpu_shapes};
    return std::make_unique<OpenclSearcher>(device, description, shapes, limits);
}

}  // namespace vigil::opencl
