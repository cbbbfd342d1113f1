#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>

#include "core/base/instant.hpp"
#include "node/config.hpp"

/// The commands besides `run`. Results go to stdout, progress and logs to stderr; each returns the
/// exit code and throws Fatal for what experience.md lists.
namespace vigil::node {

/// `leave_out`: uids not to be opened, since a running node has them.
int list_devices(const Config& config, bool json, std::set<std::string> leave_out);
struct BenchAsked {
    unsigned seconds = 10;  ///< figures of one second a kernel
    std::string kernel;     ///< empty: all
    std::string device;     ///< label or uid; empty: all
    bool json = false;
};
/// Stores nothing. 1 when a kernel fails its reference check.
int run_bench(const Config& config, const BenchAsked& asked);
/// Asks the running node; 5 when there is none.
int show_status(const Config& config, bool json);
/// 0 when the running node is healthy, else 1; for containers.
int healthcheck(const Config& config);
/// Makes the node's key where there is none, and prints the node id.
int keygen(const Config& config);
/// `device`: uid, device id, or the label the running node gives it. `undo`: the next run enrols it
/// again.
int retire(const Config& config, const std::string& device, bool undo,
           const std::function<Instant()>& now);
/// Writes another payout address into the settings file that holds the one in force; without
/// `address` prints that one and where it is from. Throws Fatal E-PAYOUT.
int change_payout(const Config& config, const edge::Settings& settings, const std::string& address);
/// Sends a test notice by each of the owner's channels, or by `channel` alone; 1 when one failed.
int try_own_channels(const Config& config, const std::string& channel, bool json,
                     const std::function<Instant()>& now);
struct BundleAsked {
    std::string output;                        ///< empty: a name with the time
    std::vector<std::string> config_troubles;  ///< as DoctorAsked has them
    std::function<Instant()> now;
};
/// What whoever helps needs, without secrets, as one tar file. The node may be running or not.
int write_bundle(Config config, const edge::Settings& settings, const BundleAsked& asked);
/// Every effective value with its source.
int show_config(const edge::Settings& settings);
/// Reads everything `run` reads and says what is wrong.
int check_config(const Config& config);

}  // namespace vigil::node
