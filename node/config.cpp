#include "node/config.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <iterator>
#include <set>

#include "core/crypto/payout_address.hpp"
#include "proto/edge/files.hpp"
#include "proto/edge/logging.hpp"

namespace vigil::node {
namespace {

constexpr unsigned highest_cpu = 4095;
constexpr std::int64_t coolest_stop = 40;
constexpr std::int64_t hottest_stop = 110;  // where cards switch themselves off
constexpr std::int64_t coolest_start = 20;
constexpr std::int64_t usual_gap = 10;
constexpr std::size_t most_verifiers = 16;

Config with(Config config, const DeviceSettings& own) {
    if (own.temp_stop) config.temp_start = 0;
    config.duty = own.duty.value_or(config.duty);
    config.temp_stop = own.temp_stop.value_or(config.temp_stop);
    config.temp_start = own.temp_start.value_or(config.temp_start);
    config.keep_free_memory = own.keep_free_memory.value_or(config.keep_free_memory);
    config.yield_to_others = own.yield_to_others.value_or(config.yield_to_others);
    return config;
}

/// "3b:00.0" of lspci and "00000000:3B:00.0" of nvidia-smi as "0000:3b:00.0".
std::string pci_from(std::string name) {
    for (char& c : name)
        if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
    if (std::count(name.begin(), name.end(), ':') == 1) name.insert(0, "0000:");
    if (name.starts_with("0000") && name.find(':') == 8) name.erase(0, 4);
    return name;
}

bool names(const std::string& name, const DeviceNames& device) {
    return name == device.uid || name == device.label ||
           (!device.pci_address.empty() && pci_from(name) == device.pci_address);
}

[[noreturn]] void refuse(const std::string& why) {
    throw edge::Fatal{edge::exit_configuration, "E-CONFIG", why};
}

/// `place` goes before the names of settings in errors.
Limits limits_at(const Config& config, const std::string& place) {
    Limits limits;
    limits.yield_to_others = config.yield_to_others;
    if (!config.keep_free_memory.empty()) {
        const auto bytes = bytes_from_text(config.keep_free_memory);
        if (!bytes)
            refuse(
                fmt::format("{}keep_free_memory: \"{}\" is no amount of memory; write for example "
                            "2GiB or 512MiB",
                            place, config.keep_free_memory.substr(0, 40)));
        limits.keep_free_memory = *bytes;
    }
    if (config.temp_stop == 0) {
        if (config.temp_start != 0)
            refuse(place +
                   "temp_start is set without temp_stop; set the temperature to rest at, too");
        return limits;
    }
    if (config.temp_stop < coolest_stop || config.temp_stop > hottest_stop)
        refuse(fmt::format("{}temp_stop: {} °C is not from {} to {}; 0 switches it off", place,
                           config.temp_stop, coolest_stop, hottest_stop));
    const std::int64_t start =
        config.temp_start == 0 ? config.temp_stop - usual_gap : config.temp_start;
    if (start < coolest_start || start >= config.temp_stop)
        refuse(fmt::format("{}temp_start: {} °C is not from {} to {}, one below temp_stop ({} °C)",
                           place, start, coolest_start, config.temp_stop - 1, config.temp_stop));
    limits.temp_stop = config.temp_stop;
    limits.temp_start = start;
    return limits;
}

unsigned cpu_number(std::string_view text, const std::string& word) {
    unsigned value{};
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failure != std::errc{} || end != text.data() + text.size() || value > highest_cpu)
        refuse("cpu.affinity: \"" + word +
               "\" is not a processor or a range of them; write for example 0-3,6");
    return value;
}

void check_address(const std::string& address) {
    if (const std::size_t scheme = address.find("://"); scheme != std::string::npos)
        refuse("verifier.address: \"" + edge::for_log(address, 128) +
               "\" is a URL; write host:port without " +
               edge::for_log(address.substr(0, scheme + 3), 32) +
               ", for example vigil.example.org:9464");
    const std::size_t colon = address.rfind(':');
    unsigned port{};
    if (colon != std::string::npos) {
        const char* end = address.data() + address.size();
        if (const auto read = std::from_chars(address.data() + colon + 1, end, port);
            read.ec != std::errc{} || read.ptr != end)
            port = 0;
    }
    if (colon == 0 || port == 0 || port > 65535)
        refuse("verifier.address: \"" + address +
               "\" is not host:port; write for example vigil.example.org:9464");
}

}  // namespace

void declare(edge::Settings& settings, Config& c) {
    settings.declare({"verifier.address", &c.verifier_address,
                      "verifier to answer to, host:port; several of one network with commas"});
    settings.declare({"verifier.ca", &c.verifier_ca, "PEM file its certificate must lead to"});
    settings.declare({"verifier.fingerprint", &c.verifier_fingerprint,
                      "or: SHA-256 of its certificate, pinned"});
    settings.declare({"poll", &c.poll, "ask for checks instead of holding a stream"});
    settings.declare({"payout", &c.payout, "EVM address that is paid, 0x and 40 digits"});
    settings.declare({"name", &c.name, "name of this machine for people"});
    settings.declare({"region", &c.region, "claimed region, e.g. eu-west"});
    settings.declare({"data_dir", &c.data_dir, "where key and unsent answers are kept"});
    settings.declare({"backends", &c.backends,
                      "exactly these of cuda, opencl, cpu; empty: all GPUs, else the CPU"});
    settings.declare({"cpu.threads", &c.cpu_threads, "threads of the CPU device; 0: all", 0, 1024});
    settings.declare(
        {"cpu.affinity", &c.cpu_affinity, "processors the CPU device may use, e.g. 0-3,6"});
    settings.declare({"duty", &c.duty, "share of the time a device may work, percent", 1, 100});
    settings.declare(
        {"temp_stop", &c.temp_stop, "a device this hot rests, °C; 0: off", 0, hottest_stop});
    settings.declare({"temp_start", &c.temp_start, "and goes on when as cool as this; 0: 10 below",
                      0, hottest_stop});
    settings.declare({"keep_free_memory", &c.keep_free_memory,
                      "memory to leave free on a GPU, e.g. 2GiB; with less it rests"});
    settings.declare(
        {"yield_to_others", &c.yield_to_others, "rest while another process computes on the GPU"});
    settings.declare_rows("device", [&c](const std::string& name) {
        DeviceSettings& d = c.devices[name];
        return std::vector<edge::Setting>{
            {"duty", &d.duty, "share of the time it may work, percent", 1, 100},
            {"temp_stop", &d.temp_stop, "this hot it rests, °C; 0: off", 0, hottest_stop},
            {"temp_start", &d.temp_start, "and goes on; 0: 10 below", 0, hottest_stop},
            {"keep_free_memory", &d.keep_free_memory, "memory to leave free on it"},
            {"yield_to_others", &d.yield_to_others, "rest while another process computes on it"}};
    });
    settings.declare_rows("workload", [&c](const std::string& name) {
        WorkloadSettings& w = c.workloads[name];
        return std::vector<edge::Setting>{
            {"http", &w.http, "URL that must answer 2xx"},
            {"tcp", &w.tcp, "or: host:port that must accept a connection"},
            {"exec", &w.exec, "or: program with arguments that must end with 0"},
            {"version", &w.version, "what the answer's first version must be, e.g. >=1.4, <2"},
            {"interval", &w.interval, "seconds between looks", 1, 86'400},
            {"timeout", &w.timeout, "seconds a look may take", 1, 600},
            {"failures", &w.failures, "in a row, until it counts as failing", 1, 1'000},
            {"on_failure", &w.on_failure, "report, or pause: the devices rest meanwhile"}};
    });
    settings.declare_rows("hook", [&c](const std::string& name) {
        HookSettings& h = c.hooks[name];
        return std::vector<edge::Setting>{
            {"run", &h.run, "program with arguments; no shell reads them"},
            {"timeout", &h.timeout, "seconds it may take", 1, 3'600},
            {"per_hour", &h.per_hour, "starts; what comes more often is counted only", 1, 3'600}};
    });
    edge::declare_channels(settings, c.channels);
    settings.declare({"incident_windows", &c.incident_windows,
                      "windows missed in a row before [[notify]] is told", 1, 100});
    settings.declare({"http.address", &c.http_address, "address of /metrics, /status, /healthz"});
    settings.declare({"http.port", &c.http_port, "its port; 0: off", 0, 65535});
    settings.declare({"log.format", &c.log_format, "text, json or journal"});
    settings.declare({"log.level", &c.log_level, "trace, debug, info, warning, error"});
    settings.declare({"answers.log", &c.answers_log, "append every answer sent to this file"});
}

bool is_setting_of_verifier(std::string_view environment_name) {
    constexpr std::string_view own[] = {"VIGIL_STORE",
                                        "VIGIL_STORE_TRANSACTIONS",
                                        "VIGIL_NETWORK",
                                        "VIGIL_POLICY",
                                        "VIGIL_ADDRESS",
                                        "VIGIL_PORT",
                                        "VIGIL_TLS_ENABLED",
                                        "VIGIL_TLS_CERTIFICATE",
                                        "VIGIL_TLS_KEY",
                                        "VIGIL_TLS_NAMES",
                                        "VIGIL_LIMITS_PER_ADDRESS",
                                        "VIGIL_CONNECTIONS_PER_SECOND",
                                        "VIGIL_MAX_NODES",
                                        "VIGIL_MAX_SESSIONS",
                                        "VIGIL_ENROLMENTS_PER_SECOND",
                                        "VIGIL_METRICS_ALL_DEVICES",
                                        "VIGIL_THREADS_JUDGING",
                                        "VIGIL_THREADS_NETWORK",
                                        "VIGIL_MINIMUM_NODE_VERSION",
                                        "VIGIL_RECOMMENDED_NODE_VERSION",
                                        "VIGIL_RECOMMENDED_BY",
                                        "VIGIL_REFLECTION"};
    return std::ranges::find(own, environment_name) != std::end(own);
}

void check(const Config& config) {
    static const std::vector<std::string> known{"cuda", "opencl", "cpu"};
    for (const std::string& backend : config.backends) {
        if (std::find(known.begin(), known.end(), backend) != known.end()) continue;
        const std::string near = edge::nearest(backend, known);
        refuse("backends: \"" + backend + "\" is none of cuda, opencl, cpu" +
               (near.empty() ? "" : "; did you mean " + near + "?"));
    }
    cpu_list(config.cpu_affinity);
    limits_of(config);
    for (const auto& [name, own] : config.devices)
        limits_at(with(config, own), fmt::format("device.\"{}\".", edge::for_log(name, 128)));
    workloads_of(config);
    hooks_of(config);
    edge::check_channels(config.channels);
    if (!config.verifier_address.empty()) verifier_addresses(config);
    if (!config.verifier_ca.empty() && !config.verifier_fingerprint.empty())
        refuse("verifier.ca and verifier.fingerprint are both set; keep the one that shall decide");
    Hash pin;
    if (!config.verifier_fingerprint.empty()) {
        std::string digits = config.verifier_fingerprint;
        std::erase(digits, ':');
        if (!hex_into(digits, pin.bytes))
            refuse("verifier.fingerprint: expected 64 hexadecimal digits (SHA-256), got \"" +
                   config.verifier_fingerprint.substr(0, 100) + "\"");
    }
    if (config.name.size() > 64)
        refuse("name: at most 64 bytes, got " + std::to_string(config.name.size()));
    if (config.region.size() > 32)
        refuse("region: at most 32 bytes, got " + std::to_string(config.region.size()));
    if (!config.payout.empty()) payout_address(config);
}

void check_for_run(const Config& config) {
    check(config);
    if (config.verifier_address.empty())
        refuse(
            "verifier.address is not set; give --verifier host:port, VIGIL_VERIFIER_ADDRESS, or "
            "the file's key");
    payout_address(config);
}

Limits limits_of(const Config& config) { return limits_at(config, ""); }

std::vector<Workload> workloads_of(const Config& config) {
    if (config.workloads.size() > most_workloads)
        refuse(fmt::format("{} workloads, and {} are the most", config.workloads.size(),
                           most_workloads));
    std::vector<Workload> out;
    for (const auto& [name, asked] : config.workloads) {
        auto workload = workload_of(name, asked);
        if (!workload) refuse(workload.error());
        out.push_back(std::move(*workload));
    }
    return out;
}

std::vector<Hook> hooks_of(const Config& config) {
    std::vector<Hook> out;
    for (const auto& [name, asked] : config.hooks) {
        auto hook = hook_of(name, asked);
        if (!hook) refuse(hook.error());
        out.push_back(std::move(*hook));
    }
    return out;
}

Config settings_of(const Config& config, const DeviceNames& device) {
    const std::string* used = nullptr;
    const DeviceSettings* own = nullptr;
    for (const auto& [name, settings] : config.devices) {
        if (!names(name, device)) continue;
        if (used)
            refuse(fmt::format("device.\"{}\" and device.\"{}\" are the same device; keep one",
                               *used, name));
        used = &name;
        own = &settings;
    }
    return own ? with(config, *own) : config;
}

std::vector<std::string> names_of_none(const Config& config, const std::vector<DeviceNames>& all) {
    std::vector<std::string> out;
    for (const auto& [name, own] : config.devices)
        if (std::none_of(all.begin(), all.end(),
                         [&](const DeviceNames& device) { return names(name, device); }))
            out.push_back(name);
    return out;
}

PayoutAddress payout_address(const Config& config) {
    if (config.payout.empty())
        throw edge::Fatal{edge::exit_configuration, "E-PAYOUT",
                          "no payout address is set, so nobody could be paid; give --payout 0x… "
                          "(an EVM address)"};
    auto address = payout_address_from_text(config.payout);
    if (!address)
        throw edge::Fatal{
            edge::exit_configuration, "E-PAYOUT",
            "payout: " + address.error() + "; copy the address again from your wallet"};
    return *address;
}

std::vector<std::string> verifier_addresses(const Config& config) {
    std::vector<std::string> out;
    const std::string& text = config.verifier_address;
    for (std::size_t start = 0; start <= text.size();) {
        const std::size_t comma = std::min(text.find(',', start), text.size());
        std::string one = text.substr(start, comma - start);
        one.erase(0, one.find_first_not_of(' '));
        one.erase(one.find_last_not_of(' ') + 1);
        check_address(one);
        if (std::find(out.begin(), out.end(), one) == out.end()) out.push_back(std::move(one));
        start = comma + 1;
    }
    if (out.size() > most_verifiers)
        refuse("verifier.address: at most " + std::to_string(most_verifiers) + " verifiers, got " +
               std::to_string(out.size()));
    return out;
}

std::vector<unsigned> cpu_list(const std::vector<std::string>& words) {
    std::set<unsigned> cpus;
    for (const std::string& word : words) {
        const std::size_t dash = word.find('-');
        const unsigned first = cpu_number(std::string_view{word}.substr(0, dash), word);
        const unsigned last = dash == std::string::npos
                                  ? first
                                  : cpu_number(std::string_view{word}.substr(dash + 1), word);
        if (last < first) refuse("cpu.affinity: the range \"" + word + "\" runs backwards");
        for (unsigned cpu = first; cpu <= last; ++cpu) cpus.insert(cpu);
    }
    return {cpus.begin(), cpus.end()};
}

std::string default_data_dir(bool root, const char* xdg_state_home, const char* home) {
    if (!root && xdg_state_home && *xdg_state_home)
        return std::string{xdg_state_home} + "/vigil-node";
    if (!root && home && *home) return std::string{home} + "/.local/state/vigil-node";
    return "/var/lib/vigil-node";
}

}  // namespace vigil::node
