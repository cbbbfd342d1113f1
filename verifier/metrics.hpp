#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "proto/edge/notifier.hpp"
#include "proto/messages.hpp"
#include "verifier/day_settler.hpp"
#include "verifier/window_closer.hpp"

namespace vigil::verifier {

/// Everything Prometheus may ask of a verifier (experience 3), each metric named once. Every label
/// value exists from the start; values from outside (models) are bounded, so the series stay under
/// 500 whatever the network's size. Any thread.
class Metrics {
public:
    using Duration = std::chrono::steady_clock::duration;

    explicit Metrics(const std::string& version);
    ~Metrics();

    void set_policy(const Policy& policy, const PolicyHash& hash);

    void set_calendar(const Calendar& calendar);
    void set_certificate_expiry(Instant expires);

    void count_judged(const VerdictRecord& verdict);  ///< one that came from an answer
    void count_rejected(wire::RefusalReason reason);
    void observe_judging(Duration time);

    void observe_check_started(Milliseconds lag);
    void observe_broadcast(Duration time);
    void observe_page(const char* page, Duration time);  ///< a name of web/routes
    void set_open_streams(std::size_t streams, std::size_t outdated);
    void set_connections_refused(std::uint64_t since_the_start);

    /// Parts of a closing, then that it is done, which is when its gauges are set.
    void count_outcomes(const OutcomePart& part);
    void count_window(const WindowClosing& closing, const Policy& policy);
    void count_days(std::span<const DayRecord> days);
    void count_day(const DaySettlement& settlement);
    /// What a restart knows of the past, so that alerts on age stay quiet.
    void set_last_closed(Instant closed);
    void set_last_settled(Instant settled);
    /// Devices by claimed model; beyond the 20 most frequent they count as "other".
    void set_models(const std::map<std::string, std::size_t>& models);

    void observe_store(const char* operation, Duration time);  ///< "read" or "write"
    void count_store_error();
    void set_store_bytes(std::int64_t bytes);
    void count_task_failure();
    void count_clock_jump();
    void count_notification(edge::ChannelKind channel, edge::Notifier::Result result);

    /// Prometheus text format, process metrics included.
    std::string text();

private:
    struct Families;
    std::unique_ptr<Families> families_;
};

}  // namespace vigil::verifier
