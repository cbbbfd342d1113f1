#include <algorithm>
#include <fmt/format.h>
#include <iostream>
#include <unistd.h>

#include "health/monitor.hpp"
#include "node/bench_device.hpp"
#include "node/commands.hpp"
#include "node/console_lines.hpp"
#include "node/devices.hpp"
#include "node/kernel_choice.hpp"
#include "proto/edge/logging.hpp"

namespace vigil::node {
namespace {

[[noreturn]] void no_such(const std::string& what, const std::string& named,
                          const std::string& known) {
    throw edge::Fatal{
        edge::exit_usage, "E-DEVICE",
        fmt::format("no {} \"{}\" here; there are {}", what, edge::for_log(named, 100), known)};
}

/// The devices asked for, as indices.
std::vector<std::size_t> chosen(const OwnDevices& devices, const std::string& device) {
    std::vector<std::size_t> out;
    std::string known;
    for (std::size_t i = 0; i < devices.searchers.size(); ++i) {
        const std::string& uid = devices.searchers[i]->device().uid;
        known += fmt::format("{}{} ({})", known.empty() ? "" : ", ", devices.labels[i], uid);
        if (device.empty() || device == devices.labels[i] || device == uid) out.push_back(i);
    }
    if (out.empty()) no_such("device", device, known);
    return out;
}

void require_kernel(const OwnDevices& devices, const std::vector<std::size_t>& which,
                    const std::string& kernel) {
    std::string known;
    for (const std::size_t i : which)
        for (const std::string& name : devices.searchers[i]->kernels()) {
            if (kernel.empty() || name == kernel) return;
            known += (known.empty() ? "" : ", ") + name;
        }
    no_such("kernel", kernel, known);
}

/// One line that is written over: what is measured, and how long it all takes from here.
class ProgressLine {
public:
    ProgressLine(bool shown, unsigned figures) : shown_{shown}, left_{figures} {}
    ~ProgressLine() {
        if (shown_) std::cerr << "\r\x1b[K";
    }
    ProgressLine(const ProgressLine&) = delete;
    ProgressLine& operator=(const ProgressLine&) = delete;

    void show(const std::string& label, const BenchTerms::Progress& p) {
        if (p.done > 0 && left_ > 0) --left_;
        if (!shown_) return;
        const std::string now = p.done == 0 ? "checking" : fmt::format("{} of {} s", p.done, p.of);
        std::cerr << fmt::format("\r\x1b[K{} {}: {}, kernel {} of {}; about {} left in all", label,
                                 p.name, now, p.kernel + 1, p.kernels,
                                 time_words(Milliseconds{left_ * 1000}))
                  << std::flush;
    }
    /// A kernel that failed took fewer figures.
    void skip_to(unsigned left) { left_ = left; }

private:
    const bool shown_;
    unsigned left_;  // figures
};

}  // namespace

int run_bench(const Config& config, const BenchAsked& asked) {
    check(config);
    const OwnDevices devices = find_devices(config, machine_id_without_writing(config.data_dir));
    require_devices(devices);
    const std::vector<std::size_t> which = chosen(devices, asked.device);
    require_kernel(devices, which, asked.kernel);

    BenchTerms terms;
    terms.seconds = asked.seconds;
    terms.only = asked.kernel;
    unsigned figures = 0;
    for (const std::size_t i : which)
        figures += asked.seconds *
                   static_cast<unsigned>(kernels_to_measure(*devices.searchers[i], terms).size());
    const KernelMemory memory{std::filesystem::path{config.data_dir} / "kernels.json",
                              VIGIL_VERSION};
    std::vector<DeviceBench> all;
    {
        ProgressLine line{::isatty(STDERR_FILENO) == 1, figures};
        for (const std::size_t i : which) {
            Searcher& searcher = *devices.searchers[i];
            const auto kernels = static_cast<unsigned>(kernels_to_measure(searcher, terms).size());
            if (kernels == 0) continue;
            const std::string remembered = memory.kernel(searcher.device());
            const health::Monitor health{{{searcher.device().uid, searcher.device().pci_address}},
                                         {.every = Milliseconds{200}}};
            terms.clock_mhz = [&health] { return health.read(0).reading.clock_mhz; };
            terms.progress = [&](const BenchTerms::Progress& p) {
                line.show(devices.labels[i], p);
            };
            all.push_back(bench_device(devices.labels[i], searcher, terms));
            all.back().run_uses = run_uses(all.back(), remembered, asked.kernel.empty());
            figures -= asked.seconds * kernels;
            line.skip_to(figures);
        }
    }
    std::cout << (asked.json ? bench_json(all) : bench_table(all));
    if (asked.json)
        for (const DeviceBench& device : all)
            for (const KernelBench& k : device.kernels)
                if (!k.failure.empty())
                    std::cerr << fmt::format("vigil-node: E-DEVICE: {} kernel {} FAILED: {}\n",
                                             device.label, k.kernel, edge::for_log(k.failure));
    return any_failed(all) ? edge::exit_check_failed : 0;
}

}  // namespace vigil::node
