#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/base/instant.hpp"
#include "core/policy/policy.hpp"
#include "core/uptime/judge.hpp"
#include "node/board.hpp"
#include "node/limits.hpp"
#include "proto/edge/notifier.hpp"

namespace vigil::node {

/// How a check ended, as far as this node knows: a verdict, or why none was asked for.
enum class OwnResult : std::uint8_t { refused, undelivered, skipped, paused };

/// How a device failed: a search that ended in an error, a driver that did not come back, a card
/// that is gone.
enum class DeviceError : std::uint8_t { search_failed, hung, lost };

/// How an owner's program ended; `limited`: it was asked for too often and not started.
enum class HookResult : std::uint8_t { good, failed, limited };

/// Everything Prometheus may ask of a node (experience 3); every label value exists from the start.
/// Any thread.
class Metrics {
public:
    Metrics(const std::string& version, const std::vector<DeviceStatus>& devices);
    ~Metrics();

    void add_hashes(const std::string& gpu, std::uint64_t hashes);
    void set_check_rate(const std::string& gpu, double hashes_per_second);
    void observe_check(CheckKind kind, double seconds);
    void count_verdict(CheckKind kind, Verdict verdict, Instant now);
    void count_result(CheckKind kind, OwnResult result);
    void count_kernel_error(const std::string& gpu, DeviceError error);
    /// What is not read has no series. From one thread.
    void set_health(const std::string& gpu, const health::Health& health);
    void set_paused(const std::string& gpu, const Beyond& beyond);
    void count_mismatches(const std::string& gpu, std::uint64_t mismatches);
    /// Of one check; `gap`: it was not plausible.
    void count_sieve(const std::string& gpu, const Sieve& sieve, bool gap);
    /// One of the owner's; its series exist from then on.
    void add_workload(const std::string& workload);
    void count_workload(const std::string& workload, bool look_was_good, bool up);
    void add_hook(const std::string& hook);
    void count_hook(const std::string& hook, HookResult result);
    void count_notification(edge::ChannelKind channel, edge::Notifier::Result result);
    void count_receipt();
    void set_day_windows(const DeviceStatus& device);
    void set_connected(bool connected);
    void set_outdated(bool outdated);
    void set_ping(double round_trip_seconds, double clock_offset_seconds);
    void set_unsent(std::uint64_t answers);

    /// Prometheus text format.
    std::string text() const;

private:
    struct Families;
    std::unique_ptr<Families> families_;
};

}  // namespace vigil::node
