#include "node/doctor_judge.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>

#include "node/console_lines.hpp"
#include "proto/edge/logging.hpp"
#include "proto/edge/version.hpp"

namespace vigil::node {
namespace {

/// What a toolkit needs, from NVIDIA's release notes: the driver's branch, and the oldest compute
/// capability it still has machine code for.
struct Toolkit {
    int major;
    int driver;
    int capability;
};
constexpr std::array<Toolkit, 3> toolkits{{{11, 450, 35}, {12, 525, 50}, {13, 580, 75}}};

const Toolkit& toolkit_of(int version) {
    for (const Toolkit& toolkit : toolkits)
        if (version / 1'000 <= toolkit.major) return toolkit;
    return toolkits.back();
}

constexpr const char* container_fix =
    "in a container, start it with --gpus all (needs nvidia-container-toolkit on the host)";

Finding judge_version(const DriverReading& r) {
    const std::string driver = fmt::format(
        "NVIDIA driver{} ({})", r.driver.empty() ? "" : " " + r.driver, cuda_words(r.cuda.version));
    if (r.toolkit == 0)
        return warn("driver", driver + ", but this build has no CUDA",
                    "use a build with CUDA, or --backends opencl");
    if (r.cuda.version / 1'000 < r.toolkit / 1'000)
        return fail("driver",
                    fmt::format("{} is older than this build's toolkit ({})", driver,
                                cuda_words(r.toolkit)),
                    fmt::format("install driver {} or newer and reboot; until then --backends "
                                "opencl works",
                                toolkit_of(r.toolkit).driver),
                    "E-DRIVER");
    return ok("driver",
              fmt::format("{} serves this build's toolkit ({})", driver, cuda_words(r.toolkit)));
}

Finding judge_old_card(const health::CudaCard& card, const DriverReading& r) {
    const int needed = toolkit_of(r.toolkit).capability;
    const std::string what =
        fmt::format("{} ({}) has compute capability {}.{}; this build's {} starts at {}.{}",
                    edge::for_log(card.name, 60), card.uuid, card.major, card.minor,
                    cuda_words(r.toolkit), needed / 10, needed % 10);
    if (std::find(r.opencl_uids.begin(), r.opencl_uids.end(), card.uuid) != r.opencl_uids.end())
        return ok("driver", what + ": it is used through OpenCL");
    return warn("driver", what,
                "use OpenCL: install NVIDIA's OpenCL driver (apt install nvidia-opencl-icd, or "
                "NVIDIA_DRIVER_CAPABILITIES=compute,utility in a container)",
                "E-DRIVER");
}

std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
    return out;
}

std::string process_words(const std::vector<std::uint32_t>& pids) {
    if (pids.size() >= health::most_processes) return "64 or more other processes compute on it";
    std::vector<std::string> numbers;
    for (const std::uint32_t pid : pids) numbers.push_back(std::to_string(pid));
    return fmt::format("{} other process{} on it (pid {})", pids.size(),
                       pids.size() == 1 ? " computes" : "es compute", joined(numbers));
}

std::string gpu_words(const GpuReading& g) {
    const health::Reading& r = g.health.reading;
    std::vector<std::string> words{edge::for_log(g.name, 60), edge::for_log(g.uid, 128)};
    const std::string pci = r.pci_address.value_or(g.pci_address);
    if (!pci.empty()) words.push_back(fmt::format("PCI {}", pci));
    if (g.card) words.push_back(fmt::format("compute {}.{}", g.card->major, g.card->minor));
    const std::uint64_t total = r.memory_total_bytes.value_or(g.memory_bytes);
    if (total > 0)
        words.push_back(bytes_words(total) +
                        (r.memory_used_bytes
                             ? fmt::format(" ({} used)", bytes_words(*r.memory_used_bytes))
                             : ""));
    if (r.ecc) words.emplace_back(*r.ecc ? "ECC on" : "ECC off");
    if (r.mig) words.emplace_back(*r.mig ? "MIG on" : "MIG off");
    if (r.temperature_celsius) words.push_back(fmt::format("{} °C", *r.temperature_celsius));
    if (r.power_milliwatts) words.push_back(fmt::format("{} W", *r.power_milliwatts / 1000));
    if (r.other_processes && r.other_processes->empty())
        words.emplace_back("no other process computes on it");
    if (g.health.presence == health::Presence::silent)
        words.emplace_back("its driver tells nothing of its health");
    return joined(words);
}

constexpr double luck = 3;  // standard deviations that a device should be above the line

}  // namespace

std::string cuda_words(int version) {
    if (version <= 0) return "CUDA version unknown";
    return fmt::format("CUDA {}.{}", version / 1'000, version % 1'000 / 10);
}

std::string driver_version(std::string_view proc_text) {
    const std::string_view line = proc_text.substr(0, proc_text.find('\n'));
    for (std::size_t at = 0; at < line.size();) {
        const std::size_t end = std::min(line.find(' ', at), line.size());
        const std::string_view word = line.substr(at, end - at);
        if (word.find('.') != std::string_view::npos && edge::version_numbers(word))
            return std::string{word};
        at = end + 1;
    }
    return {};
}

std::vector<Finding> judge_driver(const DriverReading& r) {
    if (!r.cuda.present && r.driver.empty()) {
        if (r.cards_on_bus == 0) return {ok("driver", "no NVIDIA card in this machine")};
        return {fail("driver",
                     fmt::format("{} NVIDIA card{} in this machine, but no driver", r.cards_on_bus,
                                 r.cards_on_bus == 1 ? "" : "s"),
                     fmt::format("install the driver ({} or newer; Debian: apt install "
                                 "nvidia-driver) and reboot; {}",
                                 toolkit_of(r.toolkit).driver, container_fix),
                     "E-DRIVER")};
    }
    if (!r.cuda.present)
        return {fail("driver",
                     fmt::format("NVIDIA driver {} is loaded, but {}", r.driver, r.cuda.trouble),
                     fmt::format("install the driver's CUDA library (apt install libcuda1); {}",
                                 container_fix),
                     "E-DRIVER")};
    std::vector<Finding> out{judge_version(r)};
    if (!r.cuda.trouble.empty())
        out.push_back(
            fail("driver", r.cuda.trouble,
                 "see nvidia-smi and dmesg | grep -i nvrm; after an update of the driver, "
                 "reboot",
                 "E-DRIVER"));
    else if (r.cuda.cards.empty())
        out.push_back(fail("driver", "the NVIDIA driver lists no card",
                           std::string{"see nvidia-smi; "} + container_fix, "E-DRIVER"));
    for (const health::CudaCard& card : r.cuda.cards)
        if (r.toolkit > 0 && card.major * 10 + card.minor < toolkit_of(r.toolkit).capability)
            out.push_back(judge_old_card(card, r));
    return out;
}

std::vector<Finding> judge_gpu(const GpuReading& g) {
    constexpr std::int64_t hot_celsius = 85;
    constexpr std::uint64_t little_memory = 256ULL * 1024 * 1024;
    const std::string place = g.label + " ";
    const health::Reading& r = g.health.reading;
    if (g.health.presence == health::Presence::lost)
        return {fail("gpu", place + gpu_words(g) + ": lost: " + g.health.why,
                     "reset it (nvidia-smi --gpu-reset) or reboot; if it comes again, look at its "
                     "power and seat",
                     "E-DEVICE")};
    if (g.health.presence == health::Presence::unknown)
        return {fail("gpu", place + gpu_words(g) + ": " + g.health.why,
                     "see dmesg | grep -iE 'nvrm|amdgpu'; a driver that hangs needs a reboot",
                     "E-DEVICE")};
    std::vector<Finding> out{ok("gpu", place + gpu_words(g))};
    if (r.uncorrected_errors.value_or(0) > 0)
        out.push_back(warn("gpu",
                           fmt::format("{}{} uncorrected memory errors since the driver was loaded",
                                       place, *r.uncorrected_errors),
                           "reboot; if they come again, the card's memory is failing"));
    if (r.temperature_celsius.value_or(0) >= hot_celsius)
        out.push_back(warn("gpu",
                           fmt::format("{}{} °C, where {} is hot: the clock falls, and the rate",
                                       place, *r.temperature_celsius, hot_celsius),
                           "clean or speed up its fans, or lower its power (nvidia-smi -pl)"));
    if (r.throttled_by && !r.throttled_by->empty())
        out.push_back(warn("gpu", place + "its clock is held down by: " + joined(*r.throttled_by),
                           "a rate held down all the time is only paid as such; see nvidia-smi -q "
                           "-d PERFORMANCE"));
    if (r.memory_free_bytes && *r.memory_free_bytes < little_memory)
        out.push_back(warn("gpu",
                           fmt::format("{}only {} MiB of its memory are free", place,
                                       *r.memory_free_bytes / (1024 * 1024)),
                           "end what holds it (nvidia-smi shows who)"));
    if (r.other_processes && !r.other_processes->empty())
        out.push_back(warn("gpu", place + process_words(*r.other_processes),
                           "they take from the measured rate: end them, or let them be measured "
                           "with it"));
    return out;
}

std::vector<Finding> judge_limits(const GpuReading& g, const Limits& limits) {
    std::vector<Finding> out;
    const Beyond beyond = step({}, limits, g.health);
    if (beyond.any())
        out.push_back(fail("gpu",
                           fmt::format("{} would rest now, and answer no check: {}", g.label,
                                       why_paused(beyond, limits, g.health.reading)),
                           "wait until it may go on, or change that limit in the settings"));
    const std::string unread = not_kept(limits, g.health.reading);
    if (!unread.empty())
        out.push_back(warn("gpu",
                           fmt::format("{}: its driver tells nothing for {}, so that limit is not "
                                       "kept",
                                       g.label, unread),
                           "update its driver, or do without the limit"));
    return out;
}

std::vector<Finding> judge_opencl(const OpenclListing& listing) {
    std::vector<Finding> out;
    for (const DeviceDescription& d : listing.devices)
        out.push_back(ok("opencl", fmt::format("{}: {}", edge::for_log(d.driver, 100),
                                               edge::for_log(d.name, 60))));
    for (const std::string& note : listing.notes)
        out.push_back(listing.devices.empty() ? ok("opencl", note)
                                              : warn("opencl", note,
                                                     "only needed where that device shall hash; "
                                                     "reinstall its OpenCL driver"));
    return out;
}

Finding judge_certificate(const PeerCertificate& shown, bool pinned, const std::string& trust,
                          Instant now) {
    constexpr std::chrono::hours soon{14 * 24};
    const std::string until = edge::for_log(shown.not_after, 40);
    const std::string renew =
        "ask the operator for a verifier with a new certificate, and for its tls.crt where "
        "verifier.ca names the old one";
    if (!pinned && shown.expires <= now)
        return fail("tls", "its certificate expired on " + until + ", by this machine's clock",
                    renew + "; first see that this clock is right (date)", "E-CERT");
    const std::string what =
        fmt::format("its certificate is the one to trust ({}), valid until {}", trust, until);
    if (pinned || shown.expires - now >= soon) return ok("tls", what);
    return warn("tls",
                what + fmt::format(", in {} days", (shown.expires - now) / std::chrono::hours{24}),
                renew);
}

Finding judge_clock(Milliseconds offset) {
    constexpr Milliseconds noticeable{5'000};
    const double seconds = std::abs(static_cast<double>(offset.count())) / 1000.0;
    const std::string what = fmt::format("this clock is {:.3f} s {} the verifier's", seconds,
                                         offset.count() >= 0 ? "ahead of" : "behind");
    if (std::chrono::abs(offset) < noticeable) return ok("clock", what);
    return warn("clock",
                what + "; verdicts use the verifier's, but certificates are read by this one",
                "timedatectl set-ntp true (in a container: on the host)");
}

Finding judge_versions(const std::string& own, const wire::Network& network) {
    const std::string verifier = edge::for_log(network.verifier_version, 32);
    const std::string least = edge::for_log(network.minimum_node_version, 32);
    const auto minimum = edge::version_numbers(network.minimum_node_version);
    if (minimum && edge::version_numbers(own) < minimum)
        return fail("version",
                    fmt::format("this node is {}, the verifier ({}) talks to {} and newer", own,
                                verifier, least),
                    fmt::format("update vigil-node to {} or newer", least), "E-VERSION");
    const VersionAdvice advice = version_advice(own, network);
    if (advice.outdated)
        return warn("version", advice.words(own),
                    fmt::format("install vigil-node {} or newer and restart it, which is safe at "
                                "any time",
                                advice.recommended));
    return ok("version", fmt::format("node {}, verifier {}{}", own, verifier,
                                     least.empty() ? ", which names no minimum"
                                                   : ", which talks to " + least + " and newer"));
}

Finding judge_hashing(const HashReading& r, bool node_runs) {
    const std::string place = r.label + " " + edge::for_log(r.name, 60);
    if (!r.failure.empty())
        return fail("hashing", place + ": " + edge::for_log(r.failure),
                    "lower its overclock, look at its cooling and memory, update its driver; see "
                    "vigil-node bench",
                    "E-DEVICE");
    return ok(
        "hashing",
        fmt::format("{}: {} in one second with {}, the same results as the reference{}", place,
                    rate_words(r.rate), r.kernel, node_runs ? " (beside the running node)" : ""));
}

Finding judge_rate(const HashReading& r, const VerifierLook::Known* known, const PassTerms& terms) {
    if (!r.failure.empty())
        return fail("pass", r.label + " would not pass: it does not hash right",
                    "first what hashing says above", "E-DEVICE");
    if (!known)
        return ok("pass", fmt::format("{} is not enrolled yet: its first calibration at {} would "
                                      "set what it is held to",
                                      r.label, rate_words(r.rate)));
    if (known->retired_from && *known->retired_from <= terms.verifier_time)
        return warn(
            "pass", r.label + " is retired, so it is no longer checked",
            "to have it back: vigil-node retire --undo --device " + edge::for_log(r.uid, 128));
    // Checked until then.
    const std::string label = known->retired_from ? fmt::format("{} (retires on {})", r.label,
                                                                date_words(*known->retired_from))
                                                  : r.label;
    if (known->baseline == 0)
        return ok("pass", label + " is enrolled and waits for its first calibration");
    const CheckRule& rule = terms.policy.roll_call;
    const double work = static_cast<double>(rule.work.count());
    // A rate divides by the time until the answer arrives (protocol 5.5).
    const double there = work / (work + static_cast<double>(terms.round_trip.count()) / 1000.0);
    const double ratio = r.rate * static_cast<double>(terms.duty) / 100.0 * there /
                         static_cast<double>(known->baseline);
    const double theta = static_cast<double>(rule.theta.value) / 1e6;
    const double deviation = 1 / std::sqrt(std::max<double>(1, rule.k - 2.0));
    const std::string duty =
        terms.duty < 100 ? fmt::format(" at duty {} %", terms.duty) : std::string{};
    const std::string what =
        fmt::format("{}{}: {:.0f} % of its baseline {}; a roll call asks for {:.0f} %", label, duty,
                    ratio * 100, rate_words(static_cast<double>(known->baseline)), theta * 100);
    const std::string fix =
        terms.node_runs ? "the running node shares the device: stop it and ask again to be sure"
                        : "end what else uses the device, look at its clock and temperature; a "
                          "slower device is soon measured anew and paid as such";
    if (ratio < theta && !terms.node_runs) return fail("pass", what, fix);
    if (ratio * (1 - luck * deviation) < theta)
        return warn(
            "pass",
            what + fmt::format(" and luck moves a measurement by {:.0f} %", deviation * 100), fix);
    return ok("pass", what);
}

Finding judge_deadline(const PassTerms& terms) {
    // What a node keeps free before a deadline (timing.hpp).
    constexpr Milliseconds least{400};
    const auto round_trip = std::chrono::ceil<Milliseconds>(terms.round_trip);
    const Milliseconds kept = std::max(least, 2 * round_trip);
    CheckKind kind = CheckKind::roll_call;
    for (const CheckKind other : {CheckKind::hourly, CheckKind::spot, CheckKind::calibration})
        if (terms.policy.rule(other).slack < terms.policy.rule(kind).slack) kind = other;
    const Milliseconds slack = terms.policy.rule(kind).slack;
    const std::string what = fmt::format(
        "{} ms from the work of {} to its deadline, of which the node keeps {} ms for checking "
        "and sending",
        slack.count(), a_check(kind), kept.count());
    if (slack > kept) return ok("deadline", what);
    return warn(
        "deadline", what + ": the work is cut short, and the rate with it",
        fmt::format("use a faster way to the verifier (round trip {} ms)", round_trip.count()));
}

}  // namespace vigil::node
