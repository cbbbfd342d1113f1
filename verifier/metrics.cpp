#include "verifier/metrics.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <mutex>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <sstream>
#include <utility>
#include <vector>

#include "verifier/process_metrics.hpp"

namespace vigil::verifier {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildGauge;
using prometheus::BuildHistogram;
using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Registry;

constexpr std::size_t models_shown = 20;
constexpr double normal_95 = 1.96;

constexpr std::array kinds{CheckKind::roll_call, CheckKind::hourly, CheckKind::spot,
                           CheckKind::calibration};
constexpr std::array verdicts{Verdict::passed,      Verdict::below_rate, Verdict::late,
                              Verdict::bad_proof,   Verdict::missed,     Verdict::voided,
                              Verdict::maintenance, Verdict::busy};
constexpr std::array outcomes{WindowOutcome::complete, WindowOutcome::incomplete,
                              WindowOutcome::voided,   WindowOutcome::maintenance,
                              WindowOutcome::busy,     WindowOutcome::unenrolled};
constexpr std::array page_names{"network", "policy", "providers", "provider",
                                "device",  "check",  "log"};
constexpr std::array states{"online", "suspect", "offline", "waiting"};

const Histogram::BucketBoundaries micro_buckets{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                                0.01,   0.025,   0.05,   0.1,   0.5,    2.5};
const Histogram::BucketBoundaries page_buckets{0.005, 0.05, 0.5};
const Histogram::BucketBoundaries answer_buckets{1, 2, 2.5, 3, 4, 5, 6, 8, 10, 14, 20, 25, 32};

double seconds(Metrics::Duration time) { return std::chrono::duration<double>{time}.count(); }
double seconds(Milliseconds time) { return std::chrono::duration<double>{time}.count(); }
double timestamp(Instant at) { return static_cast<double>(to_ms(at)) / 1000; }
double amount(Micro value) { return static_cast<double>(value.count()); }

/// What the parts of a closing add up to.
struct FleetGauges {
    std::map<std::string, double> by_state;
    double rate{}, squares{};
};

const char* state_of(const WindowRecord& window) {
    switch (window.outcome) {
        case WindowOutcome::complete:
            return "online";
        case WindowOutcome::incomplete:
            return window.roll_call_rate > 0 ? "suspect" : "offline";
        case WindowOutcome::voided:
        case WindowOutcome::maintenance:
        case WindowOutcome::busy:
        case WindowOutcome::unenrolled:
            return "waiting";
    }
    return "waiting";
}

Family<Counter>& counters(Registry& registry, const char* name, const char* help) {
    return BuildCounter().Name(name).Help(help).Register(registry);
}
Family<Gauge>& gauges(Registry& registry, const char* name, const char* help) {
    return BuildGauge().Name(name).Help(help).Register(registry);
}
Family<Histogram>& histograms(Registry& registry, const char* name, const char* help) {
    return BuildHistogram().Name(name).Help(help).Register(registry);
}
Counter& counter(Registry& registry, const char* name, const char* help) {
    return counters(registry, name, help).Add({});
}
Gauge& gauge(Registry& registry, const char* name, const char* help) {
    return gauges(registry, name, help).Add({});
}

}  // namespace

struct Metrics::Families {
    explicit Families(const std::string& version_in) : version{version_in} {
        for (const CheckKind kind : kinds) {
            for (const Verdict verdict : verdicts) checks_with(kind, verdict);
            duration_of(kind);
        }
        for (unsigned reason = 1; reason <= wire::refusal_reasons; ++reason)
            rejected_for(static_cast<wire::RefusalReason>(reason));
        for (const WindowOutcome outcome : outcomes)
            windows_closed.Add({{"outcome", std::string{to_string(outcome)}}});
        for (const char* state : states) devices.Add({{"state", state}});
        for (const char* operation : {"read", "write"})
            store_duration.Add({{"operation", operation}}, micro_buckets);
        for (const char* page : page_names) pages.Add({{"page", page}}, page_buckets);
        gpus.Add({{"model", "other"}});
        for (const edge::ChannelKind channel : edge::channel_kinds)
            for (const edge::Notifier::Result result : edge::Notifier::results)
                notifications_of(channel, result);
    }

    /// Looked up once: looking for labels costs more than counting, and this is every answer's way.
    Counter& checks_with(CheckKind kind, Verdict verdict) {
        std::atomic<Counter*>& known =
            judged.at(static_cast<std::size_t>(kind)).at(static_cast<std::size_t>(verdict));
        if (known == nullptr)
            known = &checks.Add({{"kind", std::string{to_string(kind)}},
                                 {"verdict", std::string{to_string(verdict)}}});
        return *known;
    }
    Histogram& duration_of(CheckKind kind) {
        std::atomic<Histogram*>& known = durations.at(static_cast<std::size_t>(kind));
        if (known == nullptr)
            known = &answer_duration.Add({{"kind", std::string{to_string(kind)}}}, answer_buckets);
        return *known;
    }
    Counter& rejected_for(wire::RefusalReason reason) {
        return rejected.Add({{"reason", std::string{wire::to_string(reason)}}});
    }

    Counter& notifications_of(edge::ChannelKind channel, edge::Notifier::Result result) {
        return notifications.Add({{"channel", std::string{to_string(channel)}},
                                  {"result", std::string{to_string(result)}}});
    }

    Registry registry;
    const std::string version;
    std::array<std::array<std::atomic<Counter*>, 9>, 6> judged{};  ///< by CheckKind, Verdict
    std::array<std::atomic<Histogram*>, 6> durations{};            ///< by CheckKind
    std::mutex mutex;
    // guarded by mutex
    Gauge* build{};
    std::vector<Gauge*> models;
    FleetGauges fleet;  ///< of the closing under way; of the thread that keeps the books

    Family<Gauge>& build_info =
        gauges(registry, "vigil_verifier_build_info", "Version and policy in force; always 1");
    Family<Gauge>& devices = gauges(
        registry, "vigil_verifier_devices",
        "Enrolled devices by their last closed window: online (complete), suspect (incomplete, but "
        "its roll call was measured), offline (incomplete, no roll call), waiting (not counted)");
    Family<Gauge>& gpus =
        gauges(registry, "vigil_verifier_gpus",
               "Enrolled devices by claimed model; the 20 most frequent, the rest "
               "as other");
    Family<Counter>& checks =
        counters(registry, "vigil_verifier_checks_total",
                 "Verdicts by kind of check; a check that is voided counts again as void");
    Family<Counter>& rejected =
        counters(registry, "vigil_verifier_answers_rejected_total", "Requests refused, by reason");
    Family<Counter>& windows_closed = counters(registry, "vigil_verifier_windows_closed_total",
                                               "Windows of devices that were closed, by outcome");
    Gauge& rate = gauge(registry, "vigil_verifier_network_hashes_per_second",
                        "Verified hash rate of all devices at the last closed roll call");
    Gauge& rate_lower = gauge(registry, "vigil_verifier_network_hashes_per_second_lower",
                              "Lower end of the 95 % interval of the verified hash rate");
    Gauge& rate_upper = gauge(registry, "vigil_verifier_network_hashes_per_second_upper",
                              "Upper end of the 95 % interval of the verified hash rate");
    Family<Histogram>& answer_duration =
        histograms(registry, "vigil_verifier_answer_duration_seconds",
                   "From a check's start to the arrival of its answer");
    Histogram& judging = histograms(registry, "vigil_verifier_judging_duration_seconds",
                                    "Verifying and judging one answer")
                             .Add({}, micro_buckets);
    Family<Histogram>& pages = histograms(registry, "vigil_verifier_page_duration_seconds",
                                          "Making one page for a reader");
    Gauge& lag = gauge(registry, "vigil_verifier_schedule_lag_seconds",
                       "How late the last check was started against its published start");
    Gauge& streams = gauge(registry, "vigil_verifier_open_streams", "Nodes with an open session");
    Gauge& outdated = gauge(registry, "vigil_verifier_outdated_streams",
                            "Nodes with an open session that are older than the version this "
                            "verifier recommends");
    Counter& connections_refused =
        counter(registry, "vigil_verifier_connections_refused_total",
                "Connections turned away because their address has its share");
    Histogram& broadcast = histograms(registry, "vigil_verifier_broadcast_duration_seconds",
                                      "From a fleet check's begin until one network thread had "
                                      "handed it to gRPC for all of its streams: a sample a thread")
                               .Add({}, micro_buckets);
    Family<Histogram>& store_duration =
        histograms(registry, "vigil_verifier_store_operation_duration_seconds",
                   "Transactions of the store, waiting included");
    Counter& store_errors =
        counter(registry, "vigil_verifier_store_errors_total", "Transactions that failed");
    Gauge& store_bytes =
        gauge(registry, "vigil_verifier_store_size_bytes", "Size of the store's files");
    Counter& task_failures = counter(registry, "vigil_verifier_scheduler_failures_total",
                                     "Scheduler tasks that failed and were tried again");
    Counter& clock_jumps = counter(registry, "vigil_verifier_clock_jumps_total",
                                   "Times the wall clock jumped by more than two seconds");
    Gauge& last_closed = gauge(registry, "vigil_verifier_last_window_closed_timestamp_seconds",
                               "When the last window was closed; 0 before the first");
    Gauge& last_settled = gauge(registry, "vigil_verifier_last_day_settled_timestamp_seconds",
                                "When the last day was settled; 0 before the first");
    Gauge& window_length = gauge(registry, "vigil_verifier_window_length_seconds",
                                 "Length of a window, for alerts on age");
    Gauge& day_length = gauge(registry, "vigil_verifier_day_length_seconds",
                              "Length of a day of the network's calendar, for alerts on age");
    Family<Gauge>& certificate_expiry =
        gauges(registry, "vigil_verifier_certificate_expiry_timestamp_seconds",
               "When the certificate shown to nodes expires; no series without TLS");
    Counter& credits = counter(registry, "vigil_verifier_credits_micro_total",
                               "Credits settled since this program started, micro-credits");
    Family<Counter>& slashed =
        counters(registry, "vigil_verifier_slashed_micro_total",
                 "Slashed since this program started, micro-credits, by the tier's first day");
    // promtool takes "days" in a name for a unit that is not the base unit.
    Counter& grace_days = counter(registry, "vigil_verifier_grace_used_total",
                                  "Grace days used since this program started");
    Family<Counter>& notifications =
        counters(registry, "vigil_verifier_notifications_total",
                 "Notifications and pings by kind of channel and by what became of an attempt "
                 "(delivered, retried, given_up) or of the whole (dropped: too many waited)");
    ProcessMetrics process{registry};
};

Metrics::Metrics(const std::string& version) : families_{std::make_unique<Families>(version)} {}
Metrics::~Metrics() = default;

void Metrics::set_policy(const Policy& policy, const PolicyHash& hash) {
    const std::lock_guard lock{families_->mutex};
    Gauge& fresh =
        families_->build_info.Add({{"version", families_->version}, {"policy_hash", to_hex(hash)}});
    if (families_->build != nullptr && families_->build != &fresh)
        families_->build_info.Remove(families_->build);
    families_->build = &fresh;
    fresh.Set(1);
    for (const SlashTier& tier : policy.slash_tiers)
        families_->slashed.Add({{"tier", std::to_string(tier.first_day)}});
}

void Metrics::count_judged(const VerdictRecord& verdict) {
    const CheckKind kind = verdict.claim.kind;
    families_->checks_with(kind, verdict.judgement.verdict).Increment();
    if (verdict.received)
        families_->duration_of(kind).Observe(seconds(*verdict.received - verdict.start));
}

void Metrics::count_rejected(wire::RefusalReason reason) {
    families_->rejected_for(reason).Increment();
}

void Metrics::observe_judging(Duration time) { families_->judging.Observe(seconds(time)); }

void Metrics::observe_check_started(Milliseconds lag) { families_->lag.Set(seconds(lag)); }

void Metrics::observe_page(const char* page, Duration time) {
    families_->pages.Add({{"page", page}}, page_buckets).Observe(seconds(time));
}

void Metrics::observe_broadcast(Duration time) { families_->broadcast.Observe(seconds(time)); }

void Metrics::set_open_streams(std::size_t streams, std::size_t outdated) {
    families_->streams.Set(static_cast<double>(streams));
    families_->outdated.Set(static_cast<double>(outdated));
}

void Metrics::set_connections_refused(std::uint64_t since_the_start) {
    const std::lock_guard lock{families_->mutex};
    const double more =
        static_cast<double>(since_the_start) - families_->connections_refused.Value();
    if (more > 0) families_->connections_refused.Increment(more);
}

void Metrics::count_outcomes(const OutcomePart& part) {
    FleetGauges& fleet = families_->fleet;
    for (const WindowRecord& window : part.windows) {
        families_->windows_closed.Add({{"outcome", std::string{to_string(window.outcome)}}})
            .Increment();
        fleet.by_state[state_of(window)] += 1;
        if (!window.roll_call_valid) continue;
        const auto own = static_cast<double>(window.roll_call_rate);
        fleet.rate += own;
        fleet.squares += own * own;
    }
    for (const VerdictRecord& verdict : part.decided)
        families_->checks_with(verdict.claim.kind, verdict.judgement.verdict).Increment();
}

void Metrics::count_window(const WindowClosing& closing, const Policy& policy) {
    FleetGauges fleet = std::exchange(families_->fleet, {});
    for (const char* state : states)
        families_->devices.Add({{"state", state}}).Set(fleet.by_state[state]);
    // Relative standard deviation of one estimate is 1/√(k−2) (protocol 5.4); estimates are
    // independent.
    const double k = std::max<double>(3, policy.roll_call.k);
    const double band = normal_95 * std::sqrt(fleet.squares / (k - 2));
    families_->rate.Set(fleet.rate);
    families_->rate_lower.Set(std::max(0.0, fleet.rate - band));
    families_->rate_upper.Set(fleet.rate + band);
    set_last_closed(closing.closed);
}

void Metrics::count_days(std::span<const DayRecord> days) {
    for (const DayRecord& day : days) {
        families_->credits.Increment(amount(day.credit));
        if (day.tier > 0)
            families_->slashed.Add({{"tier", std::to_string(day.tier)}})
                .Increment(amount(day.slashed));
        if (day.grace_used) families_->grace_days.Increment();
    }
}

void Metrics::count_day(const DaySettlement& settlement) {
    set_last_settled(settlement.day.settled);
}

void Metrics::set_last_closed(Instant closed) { families_->last_closed.Set(timestamp(closed)); }
void Metrics::set_last_settled(Instant settled) { families_->last_settled.Set(timestamp(settled)); }

void Metrics::set_calendar(const Calendar& calendar) {
    families_->window_length.Set(seconds(calendar.window_length()));
    families_->day_length.Set(seconds(calendar.day_length()));
}
void Metrics::set_certificate_expiry(Instant expires) {
    families_->certificate_expiry.Add({}).Set(timestamp(expires));
}

void Metrics::set_models(const std::map<std::string, std::size_t>& models) {
    std::vector<std::pair<std::size_t, std::string>> ranked;
    for (const auto& [model, count] : models)
        ranked.emplace_back(count, model.empty() ? "unknown" : model);
    std::sort(ranked.rbegin(), ranked.rend());
    const std::lock_guard lock{families_->mutex};
    for (Gauge* old : families_->models) families_->gpus.Remove(old);
    families_->models.clear();
    double others = 0;
    for (const auto& [count, model] : ranked) {
        const auto value = static_cast<double>(count);
        if (families_->models.size() == models_shown || model == "other") {
            others += value;
            continue;
        }
        Gauge& shown = families_->gpus.Add({{"model", model}});
        shown.Set(value);
        families_->models.push_back(&shown);
    }
    families_->gpus.Add({{"model", "other"}}).Set(others);
}

void Metrics::observe_store(const char* operation, Duration time) {
    families_->store_duration.Add({{"operation", operation}}, micro_buckets).Observe(seconds(time));
}

void Metrics::count_store_error() { families_->store_errors.Increment(); }
void Metrics::set_store_bytes(std::int64_t bytes) {
    families_->store_bytes.Set(static_cast<double>(bytes));
}
void Metrics::count_task_failure() { families_->task_failures.Increment(); }
void Metrics::count_clock_jump() { families_->clock_jumps.Increment(); }

void Metrics::count_notification(edge::ChannelKind channel, edge::Notifier::Result result) {
    families_->notifications_of(channel, result).Increment();
}

std::string Metrics::text() {
    families_->process.read();
    std::ostringstream out;
    prometheus::TextSerializer{}.Serialize(out, families_->registry.Collect());
    return out.str();
}

}  // namespace vigil::verifier
