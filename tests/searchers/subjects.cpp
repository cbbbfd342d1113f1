#include "tests/searchers/subjects.hpp"

#include <algorithm>
#include <array>

#include "core/work/first_round.hpp"
#include "core/work/launches.hpp"
#include "cuda/keccak_body.hpp"
#include "node/cpu_searcher.hpp"
#include "node/cpu_searcher_scan.hpp"

namespace vigil {
namespace {

void add_cpu(std::vector<Subject>& out) {
    for (const std::string path : {"scalar", "avx2", "avx512"}) {
        std::string missing = "this build has no CPU path " + path;
        for (const auto& built : node::cpu_paths()) {
            if (built.name == path)
                missing = built.supported() ? "" : "this processor has no " + path;
        }
        for (const unsigned threads : {1U, 3U}) {
            out.push_back(
                {"cpu_" + path + "_threads_" + std::to_string(threads), missing, [path, threads] {
                     return node::make_cpu_searcher(
                         {.threads = threads, .path = path, .machine_id = "test"});
                 }});
        }
    }
}

/// The CUDA kernel's body in a loop on the host, behind the launches that drive it on a GPU.
class HostBodySearcher final : public Searcher {
public:
    explicit HostBodySearcher(LaunchLimits limits) : limits_{limits} {}

    const DeviceDescription& device() const override { return device_; }

    SearchResult search(const SearchJob& job, const KeepSearching& keep_searching) override {
        const auto lanes = state_before_chi(job.challenge);
        std::copy(lanes.begin(), lanes.end(), before_chi_.lanes);
        return search_in_launches(
            job, keep_searching,
            {.limits = limits_,
             .start = [this](unsigned slot,
                             const Launch& launch) { start(slots_.at(slot), launch); },
             .wait = [this](unsigned slot) -> LaunchOutcome {
                 return {slots_.at(slot).hits, slots_.at(slot).found};
             },
             .now = std::chrono::steady_clock::now},
            launch_nonces_);
    }

private:
    struct Slot {
        std::uint64_t hits{};
        std::vector<std::uint64_t> found;
    };

    void start(Slot& slot, const Launch& launch) const {
        slot = {};
        for (std::uint64_t nonce = launch.range.first;; ++nonce) {
            if (cuda::hash32(before_chi_, nonce) <= launch.threshold64 >> 32 &&
                ++slot.hits <= limits_.found_capacity)
                slot.found.push_back(nonce);
            if (nonce == launch.range.last) return;
        }
    }

    LaunchLimits limits_;
    DeviceDescription device_{.uid = "body",
                              .name = "CUDA kernel body",
                              .backend = Backend::cuda,
                              .driver = "",
                              .kernel = "hi-lo",
                              .memory_bytes = 0,
                              .compute_units = 1};
    cuda::BeforeChi before_chi_{};
    std::array<Slot, 2> slots_;
    std::uint64_t launch_nonces_{4'096};
};

void add_cuda_body(std::vector<Subject>& out) {
    out.push_back(
        {"cuda_body_on_host", "", [] { return std::make_unique<HostBodySearcher>(roomy); }});
    out.push_back({"cuda_body_on_host_overflowing", "",
                   [] { return std::make_unique<HostBodySearcher>(overflowing); }});
}

}  // namespace

const std::vector<Subject>& subjects() {
    static const std::vector<Subject> all = [] {
        std::vector<Subject> out;
        add_cpu(out);
        add_opencl(out);
        add_cuda(out);
        add_cuda_body(out);
        return out;
    }();
    return all;
}

}  // namespace vigil
