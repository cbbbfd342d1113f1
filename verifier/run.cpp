#include "verifier/run.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <fmt/format.h>
#include <mutex>
#include <thread>

#include "proto/edge/files.hpp"
#include "proto/edge/http_server.hpp"
#include "proto/edge/recent_log.hpp"
#include "proto/edge/stopwatch.hpp"
#include "verifier/incident_desk.hpp"
#include "verifier/journal.hpp"
#include "verifier/metered_store.hpp"
#include "verifier/premises.hpp"
#include "verifier/readiness.hpp"
#include "verifier/refusal_counts.hpp"
#include "verifier/service/descriptors.hpp"
#include "verifier/service/service.hpp"
#include "verifier/store_wait.hpp"
#include "verifier/version.hpp"
#include "verifier/web/endpoints.hpp"

namespace vigil::verifier {
namespace {

constexpr std::chrono::seconds housekeeping_every{5};
constexpr std::chrono::seconds settle_within{2};
/// A balancer looks every second or two, and nodes that come meanwhile are served.
constexpr std::chrono::seconds open_after_notice{3};
/// Else the store is away: the number expires by itself.
constexpr std::chrono::seconds last_answers_within{20};
constexpr Milliseconds grace_max{2'000};
constexpr int grace_share = 40;  ///< of a window, for the short ones of a demo

DayKey draw_day_key() {
    DayKey key;
    edge::random_bytes(key.bytes);
    return key;
}

/// Names this process among all that serve on the store.
std::string drawn_holder() {
    std::array<std::uint8_t, 8> drawn{};
    edge::random_bytes(drawn);
    return to_hex(drawn);
}

/// A whole verifier. Members in order of dependence: what is below uses what is above.
class Verifier {
public:
    Verifier(const VerifierOptions& options, std::unique_ptr<Store> store)
        : options_{options},
          premises_{premises_of(options)},
          store_{std::move(store), metrics_},
          clock_{options.clock, edge::time_passed, clock_hooks()},
          founded_{found_or_join(store_, options, clock_.now())},
          tls_{load_tls(options)},
          receipt_key_{edge::load_or_create_key(premises_.receipt_key).key},
          schedule_{store_},
          roster_{store_},
          incidents_{store_, schedule_, options.incident_windows},
          notifier_{edge::load_channels_to_run(options.channels), notifier_hooks()},
          desk_{incidents_, notifier_,
                fmt::format("verifier of {}", schedule_.genesis().network_name), desk_hooks()},
          answers_{store_,           roster_, schedule_, receipt_key_, answers_options(options),
                   answer_observer()},
          service_{service_options(), store_,   roster_,
                   schedule_,         answers_, [this] { return clock_.now(); },
                   service_observer()},
          timeline_{store_,
                    roster_,
                    schedule_,
                    outlets_ = service_.outlets(),
                    timeline_options(),
                    timeline_hooks()},
          scheduler_{timeline_, clock_, scheduler_hooks()},
          watch_{store_, roster_, schedule_, pulse_, watch_hooks()} {
        add_routes(http_, {.metrics = [this] { return scrape(); },
                           .not_ready = [this] { return not_ready(); },
                           .store = store_,
                           .roster = roster_,
                           .schedule = schedule_,
                           .watch = watch_,
                           .clock = [this] { return clock_.now(); },
                           .version = version,
                           .receipts = web::receipt_signer(receipt_key_, schedule_.network()),
                           .all_devices = options.all_device_metrics,
                           .served = [this](const char* page,
                                            auto time) { metrics_.observe_page(page, time); }});
    }

    void serve(const std::stop_token& stop, const std::function<void(const VerifierView&)>& ready) {
        const PublicKey receipts = receipt_key_.public_key();
        if (join_receipt_key(store_, receipts, premises_.receipt_key, clock_.now()))
            log_new_receipt_key(receipts);
        recall_the_past();
        metrics_.set_calendar(schedule_.calendar());
        if (tls_) {
            metrics_.set_certificate_expiry(tls_->expires);
            log_certificate(missing_names(options_, *tls_));
        }
        // The first heartbeat and this day's key come before anything a node can see.
        timeline_.keep_books(clock_.now());
        watch_.start();
        desk_.start();
        http_.limit_addresses(options_.limits_per_address);
        http_.start(options_.http_address, options_.http_port, "--http-port");
        service_.start();
        scheduler_.start();
        readiness_.serve(true);
        const VerifierView view = this->view();
        log_start(view, founded_, roster_.node_count(), roster_.device_count());
        log_descriptors(descriptors_allowed(), options_.max_sessions);
        ready(view);
        wait(stop);
        readiness_.serve(false);
        service_.announce_stop();
        const std::size_t others = timeline_.others_serving();
        log_stopping(others, open_after_notice);
        if (others > 0) std::this_thread::sleep_for(open_after_notice);
        service_.stop();
        // Before the number is given back: until then the others wait for what is in flight here.
        const bool settled = answers_.settle(clock_.now(), last_answers_within);
        scheduler_.stop();
        desk_.stop();
        if (settled) leave();
        watch_.stop();
        http_.stop();
    }

private:
    static AnswersOptions answers_options(const VerifierOptions& options) {
        AnswersOptions answers;
        answers.judging_threads = options.judging_threads;
        return answers;
    }

    AnswerObserver answer_observer() {
        AnswerObserver observer;
        observer.judged = [this](const VerdictRecord& verdict) {
            metrics_.count_judged(verdict);
            pulse_.note(verdict);
        };
        observer.refused = [this](wire::RefusalReason reason) { count_refused(reason); };
        observer.judging = [this](auto time) { metrics_.observe_judging(time); };
        return observer;
    }

    ServiceOptions service_options() {
        ServiceOptions service;
        service.address = options_.address;
        service.port = options_.port;
        service.tls = tls_;
        service.limits_per_peer = options_.limits_per_address;
        service.max_streams = options_.max_sessions;
        service.enrolment.nodes = options_.max_nodes;
        service.connections_per_second = options_.connections_per_second;
        service.connections_at_once = std::max(options_.connections_per_second / 2, 1);
        service.enrolment.enrolments = {.per_second = options_.enrolments_per_second,
                                        .burst = 20 * options_.enrolments_per_second};
        service.receipt_key = receipt_key_.public_key();
        service.verifier_version = version;
        service.node_versions = options_.node_versions;
        service.reflection = options_.reflection;
        service.network_threads = options_.network_threads;
        service.others_serving = [this] {
            return readiness_.started() ? timeline_.others_serving() : 0;
        };
        return service;
    }

    ServiceObserver service_observer() {
        ServiceObserver observer;
        observer.refused = [this](wire::RefusalReason reason) { count_refused(reason); };
        observer.broadcast = [this](auto time) { metrics_.observe_broadcast(time); };
        return observer;
    }

    TimelineOptions timeline_options() const {
        TimelineOptions timeline;
        timeline.holder = drawn_holder();
        timeline.grace = std::min(grace_max, schedule_.calendar().window_length() / grace_share);
        return timeline;
    }

    TimelineHooks timeline_hooks() {
        TimelineHooks hooks;
        hooks.draw = draw_day_key;
        hooks.passed = edge::time_passed;
        // A window closes when every answer received in it is judged (protocol 6.4).
        hooks.settle_answers = [this](Instant received) {
            return answers_.settle(received, settle_within);
        };
        hooks.settled_until = [this](Instant now) { return answers_.settled_until(now); };
        hooks.check_started = [this](Milliseconds lag) {
            metrics_.observe_check_started(lag);
            readiness_.check_started(lag);
        };
        hooks.judged_waiting = [this](std::span<const VerdictRecord> verdicts) {
            for (const VerdictRecord& verdict : verdicts) {
                metrics_.count_judged(verdict);
                pulse_.note(verdict);
            }
        };
        hooks.outcomes_written = [this](const OutcomePart& part) { metrics_.count_outcomes(part); };
        hooks.days_written = [this](std::span<const DayRecord> days) { metrics_.count_days(days); };
        hooks.window_closed = [this](const WindowClosing& closing) {
            const DayIndex day = schedule_.calendar().day_of(closing.window);
            metrics_.count_window(closing, *schedule_.policy_on(day));
            log_window(closing);
            desk_.window_closed(closing.window);
        };
        hooks.day_settled = [this](const DaySettlement& settlement) {
            metrics_.count_day(settlement);
            log_day(settlement);
            desk_.day_settled(settlement.day.day);
        };
        return hooks;
    }

    web::FleetWatch::Hooks watch_hooks() {
        return {.clock = [this] { return clock_.now(); },
                .changed = [this](const web::Fleet& fleet) { publish(http_, fleet); },
                .failed = {}};  // counted by the store itself; it looks again soon
    }

    edge::Notifier::Hooks notifier_hooks() {
        return {.now = [this] { return clock_.now(); },
                .counted =
                    [this](edge::ChannelKind channel, edge::Notifier::Result result) {
                        metrics_.count_notification(channel, result);
                    },
                .hurry = 1};
    }

    IncidentDesk::Hooks desk_hooks() {
        return {.clock = [this] { return clock_.now(); },
                .failed =
                    [](const std::string& why) {
                        log_failure("reading incidents", why, Milliseconds{10'000});
                    }};
    }

    SchedulerHooks scheduler_hooks() {
        SchedulerHooks hooks;
        hooks.failed = [this](const std::string& task, const std::string& why, Milliseconds retry) {
            metrics_.count_task_failure();
            log_failure(task, why, retry);
        };
        return hooks;
    }

    ClockGuard::Hooks clock_hooks() {
        return {.jumped =
                    [this](Milliseconds jump) {
                        metrics_.count_clock_jump();
                        log_clock_jump(jump);
                    },
                .held =
                    [this](const ClockLeap& leap) {
                        metrics_.count_clock_jump();
                        log_clock_leap(leap);
                    },
                .released = log_clock_agrees};
    }

    void count_refused(wire::RefusalReason reason) {
        refusals_.count(reason);
        metrics_.count_rejected(reason);
    }

    void recall_the_past() {
        std::optional<SettledDay> settled;
        std::vector<ClosedWindow> closed;
        store_.read([&](Reader& reader) {
            settled = reader.last_settled_day();
            if (const auto last = reader.last_closed_window())
                closed = reader.closed_windows(*last, 1);
        });
        if (settled) metrics_.set_last_settled(settled->settled);
        if (!closed.empty()) metrics_.set_last_closed(closed.back().closed);
    }

    /// Another verifier need not wait until the leases expire. Every answer is decided by now.
    void leave() {
        try {
            timeline_.leave();
        } catch (const StoreFailed& failure) {
            log_failure("giving the leases back", failure.what(), Milliseconds{0});
        }
    }

    VerifierView view() {
        return {.port = service_.port(),
                .http_port = http_.port(),
                .http_address = options_.http_address,
                .ca_file = tls_ ? premises_.certificate : std::filesystem::path{},
                .tls_fingerprint = tls_ ? tls_->fingerprint : std::string{},
                .store = store_,
                .roster = roster_,
                .schedule = schedule_,
                .refused = [this](wire::RefusalReason reason) { return refusals_.get(reason); }};
    }

    void wait(const std::stop_token& stop) {
        std::mutex mutex;
        std::condition_variable_any stopped;
        std::unique_lock lock{mutex};
        do {
            keep_metrics();
            desk_.look(not_ready(), timeline_.keeps_books());
        } while (!stopped.wait_for(lock, stop, housekeeping_every,
                                   [&] { return stop.stop_requested(); }));
    }

    void keep_metrics() {
        const DayIndex today = schedule_.calendar().day_at(clock_.now());
        metrics_.set_policy(*schedule_.policy_on(today), schedule_.policy_hash_on(today));
        const std::uint64_t roster_version = roster_.version();
        try {
            recall_the_past();  // another verifier may have closed and settled
            if (models_of_ == roster_version) return;
            std::map<std::string, std::size_t> models;
            store_.read([&](Reader& reader) {
                models.clear();
                for (const DeviceRecord& device : reader.devices()) ++models[device.model];
            });
            metrics_.set_models(models);
            models_of_ = roster_version;
        } catch (const StoreFailed&) {
            // Counted by the store itself; the next round tries again.
        }
    }

    std::string scrape() {
        const ServiceStats stats = service_.stats();
        metrics_.set_open_streams(stats.open_sessions, stats.outdated_sessions);
        metrics_.set_connections_refused(stats.connections_refused);
        try {
            metrics_.set_store_bytes(store_.health().bytes);
        } catch (const StoreFailed&) {
            // Its other metrics say that it is gone; they must be read just then.
        }
        return metrics_.text();
    }

    std::optional<std::string> not_ready() const {
        return readiness_.why_not({clock_, timeline_, store_, scheduler_});
    }

    const VerifierOptions options_;
    const Premises premises_;
    Metrics metrics_{version};
    RefusalCounts refusals_;
    Readiness readiness_;
    std::optional<std::uint64_t> models_of_;  ///< roster version that the model counts show
    MeteredStore store_;
    ClockGuard clock_;
    Founded founded_;
    std::optional<edge::TlsIdentity> tls_;
    SigningKey receipt_key_;
    Schedule schedule_;
    Roster roster_;
    DeviceIncidents incidents_;
    edge::Notifier notifier_;
    IncidentDesk desk_;
    web::Pulse pulse_;
    Outlets outlets_;  ///< set before anything is served; outlives those who tell it
    Answers answers_;
    Service service_;
    Timeline timeline_;
    Scheduler scheduler_;
    edge::HttpServer http_;
    web::FleetWatch watch_;
};

}  // namespace

void run_verifier(const VerifierOptions& options, const std::stop_token& stop,
                  const std::function<void(const VerifierView&)>& ready) try {
    allow_all_descriptors();  // before anything counts with them
    make_data_dir(options.data_dir);
    const auto run = [&] {
        auto store = open_store(options);  // first: its lock says whose the folder is
        const edge::RecentLog recent_log{options.data_dir / edge::RecentLog::file_name};
        Verifier verifier{options, std::move(store)};
        verifier.serve(stop, ready);
    };
    run_when_store_is_there(run, stop);
} catch (const StoreFailed& failure) {
    throw edge::Fatal{edge::exit_configuration, "E-STORE", failure.what()};
}

}  // namespace vigil::verifier
