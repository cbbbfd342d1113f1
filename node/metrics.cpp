#include "node/metrics.hpp"

#include <array>
#include <map>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace vigil::node {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Registry;

constexpr std::array kinds{CheckKind::roll_call, CheckKind::hourly, CheckKind::spot,
                           CheckKind::calibration, CheckKind::probe};
constexpr std::array verdicts{Verdict::passed,      Verdict::below_rate, Verdict::late,
                              Verdict::bad_proof,   Verdict::missed,     Verdict::voided,
                              Verdict::maintenance, Verdict::busy};
constexpr std::array own_results{OwnResult::refused, OwnResult::undelivered, OwnResult::skipped,
                                 OwnResult::paused};
constexpr std::array device_errors{DeviceError::search_failed, DeviceError::hung,
                                   DeviceError::lost};
constexpr std::array<std::pair<const char*, bool Beyond::*>, 5> pause_reasons{
    {{"temperature", &Beyond::temperature},
     {"memory", &Beyond::memory},
     {"other_processes", &Beyond::others},
     {"owner", &Beyond::owner},
     {"workload", &Beyond::workload}}};
constexpr std::array marks{WindowMark::open, WindowMark::passed, WindowMark::failed,
                           WindowMark::voided};

std::string word(OwnResult result) {
    switch (result) {
        case OwnResult::refused:
            return "refused";
        case OwnResult::undelivered:
            return "undelivered";
        case OwnResult::skipped:
            return "skipped";
        case OwnResult::paused:
            return "paused";
    }
    return "skipped";
}

std::string word(DeviceError error) {
    switch (error) {
        case DeviceError::search_failed:
            return "search_failed";
        case DeviceError::hung:
            return "hung";
        case DeviceError::lost:
            return "lost";
    }
    return "search_failed";
}

std::string word(HookResult result) {
    switch (result) {
        case HookResult::good:
            return "good";
        case HookResult::failed:
            return "failed";
        case HookResult::limited:
            return "limited";
    }
    return "failed";
}

/// A gauge that is there while there is something to show.
template <class T>
void set_or_remove(Family<Gauge>& family, const std::string& gpu, const std::optional<T>& value,
                   double unit = 1) {
    const prometheus::Labels labels{{"gpu", gpu}};
    if (!value) {
        if (family.Has(labels)) family.Remove(&family.Add(labels));
        return;
    }
    const double shown = static_cast<double>(*value) * unit;
    family.Add(labels, shown).Set(shown);
}

Family<Counter>& counters(Registry& registry, const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}
Family<Gauge>& gauges(Registry& registry, const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}

}  // namespace

struct Metrics::Families {
    Registry registry;
    Family<Gauge>& build_info =
        gauges(registry, "vigil_node_build_info", "Always 1; the version of this node as a label.");
    Family<Gauge>& gpu_info =
        gauges(registry, "vigil_node_gpu_info",
               "Always 1; a device of this node, as its driver describes it.");
    Family<Counter>& hashes =
        counters(registry, "vigil_node_hashes_total", "Hashes tried, by the device's own count.");
    Family<Gauge>& check_rate = gauges(registry, "vigil_node_last_check_hashes_per_second",
                                       "Rate of the last search, by the device's own count.");
    Family<Counter>& checks = counters(registry, "vigil_node_checks_total",
                                       "Checks by kind and by verdict, or by why none was given.");
    Family<Histogram>& duration = prometheus::BuildHistogram()
                                      .Name("vigil_node_check_duration_seconds")
                                      .Help("Time from learning of a check to its finished proof.")
                                      .Register(registry);
    Family<Gauge>& last_passed =
        gauges(registry, "vigil_node_last_passed_timestamp_seconds",
               "When the last passed verdict arrived; 0 before the first.");
    Family<Gauge>& connected =
        gauges(registry, "vigil_node_verifier_connected", "1 while a session or polling works.");
    Family<Gauge>& outdated =
        gauges(registry, "vigil_node_outdated",
               "1 while this node is older than the version that its network recommends.");
    Family<Gauge>& round_trip = gauges(registry, "vigil_node_verifier_rtt_seconds",
                                       "Last measured round trip to the verifier.");
    Family<Gauge>& offset = gauges(registry, "vigil_node_clock_offset_seconds",
                                   "This clock minus the verifier's; for information only.");
    Family<Counter>& kernel_errors = counters(registry, "vigil_node_kernel_errors_total",
                                              "Times a device failed: a search ended in an error "
                                              "(search_failed), its driver did not come back "
                                              "(hung), the card was gone (lost).");
    Family<Gauge>& temperature =
        gauges(registry, "vigil_node_gpu_temperature_celsius",
               "Temperature of a device, as its driver reads it; no series while it does not.");
    Family<Gauge>& power = gauges(registry, "vigil_node_gpu_power_watts",
                                  "Power that a device draws, as its driver reads it.");
    Family<Counter>& energy =
        counters(registry, "vigil_node_gpu_energy_joules_total",
                 "Energy that a device took since its driver was loaded, by its own counter.");
    Family<Gauge>& memory_used = gauges(registry, "vigil_node_gpu_memory_used_bytes",
                                        "Memory of a device that is in use, by everybody.");
    Family<Gauge>& lost =
        gauges(registry, "vigil_node_gpu_lost", "1 while its driver says that a device is gone.");
    Family<Gauge>& paused = gauges(registry, "vigil_node_gpu_paused",
                                   "1 while a device rests because of this limit of its owner's.");
    std::map<std::string, std::uint64_t> millijoules;  ///< last read, of the thread of set_health
    Family<Counter>& mismatches =
        counters(registry, "vigil_node_recheck_mismatches_total",
                 "Nonces whose hash the CPU could not confirm; never sent.");
    Family<Counter>& sieve_passed =
        counters(registry, "vigil_node_sieve_passed_total",
                 "Hashes that passed a device's first filter, by its own count.");
    Family<Counter>& sieve_expected =
        counters(registry, "vigil_node_sieve_expected_total",
                 "How many would have, had every hash that it says it tried been a true one.");
    Family<Counter>& sieve_gaps = counters(
        registry, "vigil_node_sieve_gaps_total",
        "Checks in which the two differ by more than five deviations: a broken launch or counter.");
    Family<Gauge>& day_windows =
        gauges(registry, "vigil_node_day_windows",
               "Windows of the current day by what is known of their roll call.");
    Family<Gauge>& workload_up =
        gauges(registry, "vigil_node_workload_up",
               "0 while a workload of the owner's fails, else 1; 1 before the first look.");
    Family<Counter>& workload_looks =
        counters(registry, "vigil_node_workload_looks_total",
                 "Looks at the owner's workloads by what they found (good, failed).");
    Family<Counter>& hooks =
        counters(registry, "vigil_node_hooks_total",
                 "Times an owner's program was due, by how it ended (good, failed), or limited: "
                 "asked for too often and not started.");
    Family<Counter>& notifications =
        counters(registry, "vigil_node_notifications_total",
                 "Notifications and pings by kind of channel and by what became of an attempt "
                 "(delivered, retried, given_up) or of the whole (dropped: too many waited).");
    Family<Counter>& receipts =
        counters(registry, "vigil_node_receipts_total", "Receipts with a good signature.");
    Family<Gauge>& unsent =
        gauges(registry, "vigil_node_unsent_answers", "Answers that wait for their receipt.");
};

Metrics::Metrics(const std::string& version, const std::vector<DeviceStatus>& devices)
    : families_{std::make_unique<Families>()} {
    Families& f = *families_;
    f.build_info.Add({{"version", version}}).Set(1);
    for (const DeviceStatus& device : devices) {
        const DeviceDescription& d = device.description;
        f.gpu_info
            .Add({{"gpu", device.label},
                  {"name", d.name},
                  {"driver_version", device.health.reading.driver.value_or(d.driver)},
                  {"backend", std::string{to_string(d.backend)}}})
            .Set(1);
        f.hashes.Add({{"gpu", device.label}});
        f.check_rate.Add({{"gpu", device.label}});
        for (const DeviceError error : device_errors)
            f.kernel_errors.Add({{"gpu", device.label}, {"code", word(error)}});
        f.lost.Add({{"gpu", device.label}});
        for (const auto& [reason, beyond] : pause_reasons)
            f.paused.Add({{"gpu", device.label}, {"reason", reason}});
        f.mismatches.Add({{"gpu", device.label}});
        for (Family<Counter>* family : {&f.sieve_passed, &f.sieve_expected, &f.sieve_gaps})
            family->Add({{"gpu", device.label}});
        for (const WindowMark mark : marks)
            f.day_windows.Add({{"gpu", device.label}, {"state", std::string{to_string(mark)}}});
    }
    for (const CheckKind kind : kinds) {
        const std::string name{to_string(kind)};
        for (const Verdict verdict : verdicts)
            f.checks.Add({{"kind", name}, {"result", std::string{to_string(verdict)}}});
        for (const OwnResult result : own_results)
            f.checks.Add({{"kind", name}, {"result", word(result)}});
        f.duration.Add({{"kind", name}},
                       Histogram::BucketBoundaries{0.5, 1, 2, 3, 5, 8, 13, 20, 22, 25, 30, 60});
    }
    for (const edge::ChannelKind channel : edge::channel_kinds)
        for (const edge::Notifier::Result result : edge::Notifier::results)
            f.notifications.Add({{"channel", std::string{to_string(channel)}},
                                 {"result", std::string{to_string(result)}}});
    f.last_passed.Add({});
    f.connected.Add({});
    f.outdated.Add({});
    f.round_trip.Add({});
    f.offset.Add({});
    f.receipts.Add({});
    f.unsent.Add({});
}

Metrics::~Metrics() = default;

void Metrics::add_hashes(const std::string& gpu, std::uint64_t hashes) {
    families_->hashes.Add({{"gpu", gpu}}).Increment(static_cast<double>(hashes));
}
void Metrics::set_check_rate(const std::string& gpu, double hashes_per_second) {
    families_->check_rate.Add({{"gpu", gpu}}).Set(hashes_per_second);
}
void Metrics::observe_check(CheckKind kind, double seconds) {
    families_->duration.Add({{"kind", std::string{to_string(kind)}}}, Histogram::BucketBoundaries{})
        .Observe(seconds);
}
void Metrics::count_verdict(CheckKind kind, Verdict verdict, Instant now) {
    families_->checks
        .Add({{"kind", std::string{to_string(kind)}}, {"result", std::string{to_string(verdict)}}})
        .Increment();
    if (verdict == Verdict::passed)
        families_->last_passed.Add({}).Set(static_cast<double>(to_ms(now)) / 1000.0);
}
void Metrics::count_result(CheckKind kind, OwnResult result) {
    families_->checks.Add({{"kind", std::string{to_string(kind)}}, {"result", word(result)}})
        .Increment();
}
void Metrics::count_kernel_error(const std::string& gpu, DeviceError error) {
    families_->kernel_errors.Add({{"gpu", gpu}, {"code", word(error)}}).Increment();
}
void Metrics::set_health(const std::string& gpu, const health::Health& health) {
    Families& f = *families_;
    const health::Reading& r = health.reading;
    set_or_remove(f.temperature, gpu, r.temperature_celsius);
    set_or_remove(f.power, gpu, r.power_milliwatts, 1e-3);
    set_or_remove(f.memory_used, gpu, r.memory_used_bytes);
    f.lost.Add({{"gpu", gpu}}).Set(health.presence == health::Presence::lost ? 1 : 0);
    if (!r.energy_millijoules) return;
    // A driver that was loaded anew counts from zero again; ours only grows.
    std::uint64_t& before = f.millijoules[gpu];
    const std::uint64_t now = *r.energy_millijoules;
    f.energy.Add({{"gpu", gpu}})
        .Increment(static_cast<double>(now >= before ? now - before : now) * 1e-3);
    before = now;
}
void Metrics::set_paused(const std::string& gpu, const Beyond& beyond) {
    for (const auto& [reason, part] : pause_reasons)
        families_->paused.Add({{"gpu", gpu}, {"reason", reason}}).Set(beyond.*part ? 1 : 0);
}
void Metrics::count_sieve(const std::string& gpu, const Sieve& sieve, bool gap) {
    Families& f = *families_;
    f.sieve_passed.Add({{"gpu", gpu}}).Increment(static_cast<double>(sieve.passed));
    f.sieve_expected.Add({{"gpu", gpu}})
        .Increment(static_cast<double>(sieve.expected_65536ths) / 65'536);
    if (gap) f.sieve_gaps.Add({{"gpu", gpu}}).Increment();
}

void Metrics::count_mismatches(const std::string& gpu, std::uint64_t mismatches) {
    families_->mismatches.Add({{"gpu", gpu}}).Increment(static_cast<double>(mismatches));
}
void Metrics::add_workload(const std::string& workload) {
    families_->workload_up.Add({{"workload", workload}}).Set(1);
    for (const char* result : {"good", "failed"})
        families_->workload_looks.Add({{"workload", workload}, {"result", result}});
}
void Metrics::count_workload(const std::string& workload, bool look_was_good, bool up) {
    families_->workload_up.Add({{"workload", workload}}).Set(up ? 1 : 0);
    families_->workload_looks
        .Add({{"workload", workload}, {"result", look_was_good ? "good" : "failed"}})
        .Increment();
}
void Metrics::add_hook(const std::string& hook) {
    for (const HookResult result : {HookResult::good, HookResult::failed, HookResult::limited})
        families_->hooks.Add({{"hook", hook}, {"result", word(result)}});
}
void Metrics::count_hook(const std::string& hook, HookResult result) {
    families_->hooks.Add({{"hook", hook}, {"result", word(result)}}).Increment();
}
void Metrics::count_notification(edge::ChannelKind channel, edge::Notifier::Result result) {
    families_->notifications
        .Add({{"channel", std::string{to_string(channel)}},
              {"result", std::string{to_string(result)}}})
        .Increment();
}
void Metrics::count_receipt() { families_->receipts.Add({}).Increment(); }
void Metrics::set_day_windows(const DeviceStatus& device) {
    std::map<WindowMark, int> counts;
    for (const WindowMark mark : device.windows) ++counts[mark];
    for (const WindowMark mark : marks)
        families_->day_windows.Add({{"gpu", device.label}, {"state", std::string{to_string(mark)}}})
            .Set(counts[mark]);
}
void Metrics::set_connected(bool connected) { families_->connected.Add({}).Set(connected ? 1 : 0); }
void Metrics::set_outdated(bool outdated) { families_->outdated.Add({}).Set(outdated ? 1 : 0); }
void Metrics::set_ping(double round_trip_seconds, double clock_offset_seconds) {
    families_->round_trip.Add({}).Set(round_trip_seconds);
    families_->offset.Add({}).Set(clock_offset_seconds);
}
void Metrics::set_unsent(std::uint64_t answers) {
    families_->unsent.Add({}).Set(static_cast<double>(answers));
}

std::string Metrics::text() const {
    return prometheus::TextSerializer{}.Serialize(families_->registry.Collect());
}

}  // namespace vigil::node
