#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.hpp"
#include "node/hooks.hpp"
#include "node/limits.hpp"
#include "node/workload.hpp"
#include "proto/edge/notifier.hpp"
#include "proto/edge/settings.hpp"

namespace vigil::node {

/// The owner's limits for one device; what is empty is as for all.
struct DeviceSettings {
    std::optional<std::int64_t> duty;
    std::optional<std::int64_t> temp_stop;  ///< brings its own temp_start, by default 10 below
    std::optional<std::int64_t> temp_start;
    std::optional<std::string> keep_free_memory;
    std::optional<bool> yield_to_others;
};

/// Everything an owner can set. Rules that decide money are the network's policy, not this.
struct Config {
    std::string verifier_address;  ///< host:port, or several with commas
    std::string verifier_ca;  ///< PEM file of the authority or of the verifier's own certificate
    std::string verifier_fingerprint;  ///< SHA-256 of the verifier's certificate, hexadecimal
    bool poll = false;
    std::string payout;
    std::string name;
    std::string region;
    std::string data_dir;
    std::vector<std::string> backends;  ///< empty: every GPU, or the CPU where there is none
    std::int64_t cpu_threads = 0;       ///< 0: one for each processor the node may use
    std::vector<std::string>
        cpu_affinity;  ///< processors or ranges, "0-3,6"; empty: those given by the system
    std::int64_t duty = 100;
    std::int64_t temp_stop = 0;    ///< °C; 0: off
    std::int64_t temp_start = 0;   ///< °C; 0: 10 below temp_stop
    std::string keep_free_memory;  ///< "2GiB"; empty: off
    bool yield_to_others = false;
    /// By uid, PCI address or label, as the owner named it: [device."GPU-5f1c…"].
    std::map<std::string, DeviceSettings> devices;
    std::map<std::string, WorkloadSettings> workloads;  ///< by name: [[workload]]
    std::map<std::string, HookSettings> hooks;          ///< by name: [hook.on_gpu_lost]
    edge::ChannelsByName channels;                      ///< by name: [[notify]]
    std::int64_t incident_windows = 2;                  ///< missed in a row, before one is told of
    std::string http_address = "127.0.0.1";
    std::int64_t http_port = 9465;  ///< 0: off
    std::string log_format = "text";
    std::string log_level = "info";
    std::string answers_log;  ///< file; empty: off
};

/// Declares every setting with its help. `config` must outlive `settings` and holds the defaults.
void declare(edge::Settings& settings, Config& config);

/// Whether this names a setting that only vigil-verifier has: where both programs run with one
/// environment, it is no mistake here.
bool is_setting_of_verifier(std::string_view environment_name);

/// What can be said about values without asking anybody: names of backends, duty, ranges, an
/// address with a port. Throws Fatal E-CONFIG.
void check(const Config& config);

/// What `run` needs beyond check(): a verifier and a payout address. Throws Fatal E-CONFIG or
/// E-PAYOUT.
void check_for_run(const Config& config);

/// Those for every device that is not named. Throws Fatal E-CONFIG for what makes no sense.
Limits limits_of(const Config& config);

/// Throws Fatal E-CONFIG for what makes no sense.
std::vector<Workload> workloads_of(const Config& config);
std::vector<Hook> hooks_of(const Config& config);

/// A device as the owner's file may name it.
struct DeviceNames {
    std::string uid, pci_address, label;
};
/// What this device may do: `config` with its own settings in place of those for all. Throws Fatal
/// E-CONFIG when it is named twice.
Config settings_of(const Config& config, const DeviceNames& device);
/// The names under [device] that no device has.
std::vector<std::string> names_of_none(const Config& config, const std::vector<DeviceNames>& all);

/// Throws Fatal E-PAYOUT with the reason and an example.
PayoutAddress payout_address(const Config& config);

/// The addresses of one network's verifiers, at least one of them. Throws Fatal E-CONFIG.
std::vector<std::string> verifier_addresses(const Config& config);

/// "0-3", "6" → {0, 1, 2, 3, 6}, ascending, without repeats. Throws Fatal E-CONFIG.
std::vector<unsigned> cpu_list(const std::vector<std::string>& words);

/// Where a node keeps its state when nothing is said: /var/lib/vigil-node for root, else under the
/// home directory.
std::string default_data_dir(bool root, const char* xdg_state_home, const char* home);

}  // namespace vigil::node
