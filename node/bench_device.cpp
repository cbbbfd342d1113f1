#include "node/bench_device.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string_view>

#include "node/clock_rate.hpp"
#include "node/console_lines.hpp"
#include "proto/edge/logging.hpp"

namespace vigil::node {
namespace {

constexpr std::size_t figures_in_long = 10;
constexpr Milliseconds between_looks{100};
/// An idle card's clock takes this long to rise.
constexpr Milliseconds warm_up{200};
constexpr double alu_results_a_clock = 64;  // of one SM

bool is_processor(const DeviceDescription& d) {
    return d.backend == Backend::cpu ||
           (d.backend == Backend::opencl && d.kernel.starts_with("ulong8"));
}

/// Looks at processor time and clocks ten times a second, between launches.
class Meter {
public:
    Meter(bool processor, const BenchTerms& terms) : processor_{processor}, terms_{terms} {}

    void look(const SearchProgress& p) {
        if (p.elapsed >= last_.elapsed && p.elapsed - last_.elapsed < between_looks) return;
        if (processor_) {
            // A new search counts from zero: what began in the one before has no end.
            if (p.hashes_tried > last_.hashes_tried && p.elapsed > last_.elapsed)
                cost_.end(static_cast<double>(p.hashes_tried - last_.hashes_tried));
            cost_.begin();
        } else if (terms_.clock_mhz) {
            if (const auto mhz = terms_.clock_mhz()) clocks_.push_back(*mhz);
        }
        last_ = p;
    }
    std::optional<double> cycles() const {
        const double cycles = processor_ ? cost_.cycles() : 0;
        return cycles > 0 ? std::optional{cycles} : std::nullopt;
    }
    std::optional<double> clock_mhz() const {
        if (clocks_.empty()) return std::nullopt;
        return std::accumulate(clocks_.begin(), clocks_.end(), 0.0) /
               static_cast<double>(clocks_.size());
    }

private:
    const bool processor_;
    const BenchTerms& terms_;
    CycleCost cost_{process_cpu_seconds};
    std::vector<double> clocks_;
    SearchProgress last_;
};

double median(std::vector<double> of) {
    if (of.empty()) return 0;
    std::sort(of.begin(), of.end());
    return of[(of.size() - 1) / 2];
}

double spread(const std::vector<double>& of) {
    if (of.size() < 2 || median(of) <= 0) return 0;
    const auto [low, high] = std::minmax_element(of.begin(), of.end());
    return (*high - *low) / median(of);
}

std::vector<double> means_of_ten(const std::vector<double>& rates) {
    std::vector<double> out;
    for (std::size_t i = 0; i + figures_in_long <= rates.size(); i += figures_in_long) {
        const auto first = rates.begin() + static_cast<std::ptrdiff_t>(i);
        out.push_back(std::accumulate(first, first + figures_in_long, 0.0) / figures_in_long);
    }
    return out;
}

std::string rate_cell(const std::vector<double>& rates) {
    return rates.empty() ? "–" : rate_words(median(rates));
}

std::string spread_cell(const std::vector<double>& rates) {
    return rates.size() < 2 ? "–" : fmt::format("{:.1f} %", spread(rates) * 100);
}

KernelBench measure(Searcher& searcher, const std::string& kernel, bool processor,
                    const BenchTerms& terms, BenchTerms::Progress place) {
    KernelBench out;
    out.kernel = kernel;
    Meter meter{processor, terms};
    try {
        if (kernel != searcher.device().kernel) searcher.use_kernel(kernel);
        out.failure = reference_check(searcher);
        if (!out.failure.empty()) return out;
        hashes_per_second(searcher, warm_up);
        BenchFigures figures = bench(
            searcher, terms.seconds, terms.figure,
            [&](unsigned done, unsigned of) {
                place.done = done;
                place.of = of;
                if (terms.progress) terms.progress(place);
            },
            [&](const SearchProgress& p) { meter.look(p); });
        out.failure = figures.failure;
        out.rates = std::move(figures.rates);
    } catch (const SearchFailed& failure) {
        out.failure = failure.what();
    }
    if (!out.failure.empty()) {
        out.rates.clear();
        return out;
    }
    out.long_rates = means_of_ten(out.rates);
    out.cycles_per_hash = meter.cycles();
    if (const auto mhz = meter.clock_mhz())
        if (const auto limit = alu_limit(searcher.device(), kernel, *mhz))
            out.limit_fraction = median(out.rates) / *limit;
    return out;
}

}  // namespace

std::vector<std::string> kernels_to_measure(const Searcher& searcher, const BenchTerms& terms) {
    std::vector<std::string> kernels = searcher.kernels();
    if (!terms.only.empty())
        std::erase_if(kernels, [&](const std::string& name) { return name != terms.only; });
    return kernels;
}

DeviceBench bench_device(const std::string& label, Searcher& searcher, const BenchTerms& terms) {
    DeviceBench out{label, searcher.device(), {}, {}};
    const bool processor = is_processor(out.device);
    const std::vector<std::string> kernels = kernels_to_measure(searcher, terms);
    for (std::size_t i = 0; i < kernels.size(); ++i) {
        const BenchTerms::Progress place{i, kernels.size(), kernels[i], 0, terms.seconds};
        if (terms.progress) terms.progress(place);
        out.kernels.push_back(measure(searcher, kernels[i], processor, terms, place));
    }
    return out;
}

const KernelBench* best(const DeviceBench& device) {
    const KernelBench* out = nullptr;
    for (const KernelBench& kernel : device.kernels)
        if (!kernel.rates.empty() && (!out || median(kernel.rates) > median(out->rates)))
            out = &kernel;
    return out;
}

bool any_failed(const std::vector<DeviceBench>& all) {
    return std::any_of(all.begin(), all.end(), [](const DeviceBench& device) {
        return std::any_of(device.kernels.begin(), device.kernels.end(),
                           [](const KernelBench& k) { return !k.failure.empty(); });
    });
}

std::string run_uses(const DeviceBench& device, const std::string& remembered, bool all_measured) {
    const KernelBench* fastest = best(device);
    if (!remembered.empty())
        return fmt::format("run uses {}, which it measured and remembers{}", remembered,
                           fastest && all_measured && fastest->kernel != remembered
                               ? "; run --retune measures again"
                               : "");
    if (!all_measured) return "run chooses by measuring at its start, and remembers";
    if (!fastest) return "no kernel is right on this device: run does not trust it";
    return fmt::format("run chooses by measuring at its start; {} was fastest here",
                       fastest->kernel);
}

std::optional<double> alu_limit(const DeviceDescription& device, const std::string& kernel,
                                double clock_mhz) {
    constexpr std::array<std::pair<std::string_view, double>, 3> instructions{
        {{"hi-lo", 4'089}, {"interleaved", 3'833}, {"interleaved-fma", 2'883}}};
    if (device.backend != Backend::cuda || device.compute_units == 0 || clock_mhz <= 0)
        return std::nullopt;
    for (const auto& [name, count] : instructions)
        if (name == kernel)
            return device.compute_units * alu_results_a_clock * clock_mhz * 1e6 / count;
    return std::nullopt;
}

std::string bench_table(const std::vector<DeviceBench>& all) {
    std::string text;
    bool cycles = false, limits = false;
    for (const DeviceBench& device : all) {
        text += fmt::format("{}{}  {} ({}, {} {})\n", text.empty() ? "" : "\n", device.label,
                            edge::for_log(device.device.name, 60), to_string(device.device.backend),
                            device.device.compute_units,
                            device.device.backend == Backend::cpu ? "threads" : "units");
        std::vector<std::vector<std::string>> rows{
            {"  kernel", "1 s", "spread", "10 s", "spread", "cycles", "limit", "check"}};
        for (const KernelBench& k : device.kernels) {
            cycles = cycles || k.cycles_per_hash;
            limits = limits || k.limit_fraction;
            rows.push_back(
                {"  " + k.kernel, rate_cell(k.rates), spread_cell(k.rates), rate_cell(k.long_rates),
                 spread_cell(k.long_rates),
                 k.cycles_per_hash ? fmt::format("{:.1f}", *k.cycles_per_hash) : "–",
                 k.limit_fraction ? fmt::format("{:.1f} %", *k.limit_fraction * 100) : "–",
                 k.failure.empty() ? "ok" : "FAILED"});
        }
        text += aligned(rows);
        for (const KernelBench& k : device.kernels)
            if (!k.failure.empty())
                text += fmt::format("  {} FAILED: {}\n", k.kernel, edge::for_log(k.failure));
        if (!device.run_uses.empty()) text += "  " + device.run_uses + "\n";
    }
    text +=
        "\n1 s, 10 s: median of figures that long; spread: (largest - smallest) / median\n"
        "check: a range's smallest hashes against the reference, before measuring\n";
    if (cycles)
        text +=
            "cycles: processor time of all threads a hash, by the clock that a chain of\n"
            "  additions shows between launches (hyperthreads share a core's cycles)\n";
    if (limits)
        text +=
            "limit: share of 64 ALU results a clock and SM, by the kernel's instructions and\n"
            "  the clock that the driver shows meanwhile\n";
    return text;
}

std::string bench_json(const std::vector<DeviceBench>& all) {
    using nlohmann::ordered_json;
    ordered_json devices = ordered_json::array();
    for (const DeviceBench& device : all) {
        ordered_json kernels = ordered_json::array();
        for (const KernelBench& k : device.kernels) {
            ordered_json entry{{"name", k.kernel},
                               {"hashes_per_second", nullptr},
                               {"spread_ppm", nullptr},
                               {"cycles_per_hash", nullptr},
                               {"limit_fraction", nullptr}};
            if (!k.rates.empty()) entry["hashes_per_second"] = std::llround(median(k.rates));
            if (k.rates.size() > 1) entry["spread_ppm"] = std::llround(spread(k.rates) * 1e6);
            if (k.cycles_per_hash)
                entry["cycles_per_hash"] = std::round(*k.cycles_per_hash * 10) / 10;
            if (k.limit_fraction)
                entry["limit_fraction"] = std::round(*k.limit_fraction * 10'000) / 10'000;
            kernels.push_back(std::move(entry));
        }
        const KernelBench* fastest = best(device);
        devices.push_back(
            {{"uid", device.device.uid},
             {"name", device.device.name},
             {"backend", to_string(device.device.backend)},
             {"threads", device.device.compute_units},
             {"best", fastest ? ordered_json(fastest->kernel) : ordered_json(nullptr)},
             {"kernels", std::move(kernels)}});
    }
    return ordered_json{{"devices", devices}}.dump(2, ' ', false,
                                                   ordered_json::error_handler_t::replace) +
           "\n";
}

}  // namespace vigil::node
