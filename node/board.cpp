#include "node/board.hpp"

#include <nlohmann/json.hpp>

#include "node/console_lines.hpp"

namespace vigil::node {

using nlohmann::ordered_json;

std::string_view to_string(WindowMark mark) {
    switch (mark) {
        case WindowMark::open:
            return "open";
        case WindowMark::passed:
            return "passed";
        case WindowMark::failed:
            return "failed";
        case WindowMark::voided:
            return "void";
    }
    return "open";
}

std::string state_words(const DeviceStatus& device) {
    if (device.retired) return "retired";
    if (device.health.presence == health::Presence::lost) return "lost: " + device.health.why;
    if (!device.paused.empty()) return "paused: " + device.paused;
    return device.state;
}

std::string retirement_words(const DeviceStatus& device) {
    if (!device.retires_from) return {};
    std::string words = device.retired ? "retired since " : "retires ";
    return words.append(date_words(*device.retires_from));
}

std::optional<Instant> next_check_by(const NodeStatus& status, Instant now) {
    if (status.slot_length <= Milliseconds::zero()) return std::nullopt;
    const Milliseconds offset = status.clock_offset.value_or(Milliseconds{});
    const std::int64_t slot = (to_ms(now) - offset.count()) / status.slot_length.count();
    const std::int64_t next = status.learned_slot >= slot ? slot + 1 : slot;
    return instant_from_ms((next + 1) * status.slot_length.count()) + offset;
}

std::optional<WindowPlace> window_place(const JudgedCheck& judged,
                                        const std::optional<Calendar>& calendar) {
    if (judged.kind != CheckKind::roll_call || !calendar) return std::nullopt;
    const WindowIndex window =
        calendar->window_of(SlotIndex{static_cast<std::int64_t>(judged.ref)});
    const DayIndex day = calendar->day_of(window);
    return WindowPlace{day, window.value - calendar->first_window(day).value + 1,
                       calendar->windows_per_day()};
}

void enter_verdict(DeviceStatus& device, const JudgedCheck& judged,
                   const std::optional<Calendar>& calendar, Instant now) {
    device.last_verdict = judged;
    device.last_verdict_at = now;
    const auto place = window_place(judged, calendar);
    if (!place || place->day.value < device.day) return;
    if (place->day.value > device.day) {
        device.day = place->day.value;
        device.windows.assign(static_cast<std::size_t>(place->of), WindowMark::open);
    }
    WindowMark mark = WindowMark::failed;
    if (judged.verdict == Verdict::passed) mark = WindowMark::passed;
    if (judged.verdict == Verdict::voided) mark = WindowMark::voided;
    device.windows.at(static_cast<std::size_t>(place->number - 1)) = mark;
}

namespace {

template <class T>
ordered_json or_null(const std::optional<T>& value) {
    return value ? ordered_json(*value) : ordered_json(nullptr);
}

ordered_json text_or_null(const std::string& text) {
    return text.empty() ? ordered_json(nullptr) : ordered_json(text);
}

std::string_view to_string(health::Presence presence) {
    switch (presence) {
        case health::Presence::unknown:
            return "unknown";
        case health::Presence::present:
            return "present";
        case health::Presence::lost:
            return "lost";
        case health::Presence::silent:
            return "not read";
    }
    return "unknown";
}

ordered_json health_json(const health::Health& h) {
    const health::Reading& r = h.reading;
    return {{"presence", to_string(h.presence)},
            {"why", text_or_null(h.why)},
            {"age_ms", h.age ? ordered_json(h.age->count()) : ordered_json(nullptr)},
            {"temperature_celsius", or_null(r.temperature_celsius)},
            {"power_milliwatts", or_null(r.power_milliwatts)},
            {"energy_millijoules", or_null(r.energy_millijoules)},
            {"memory_total_bytes", or_null(r.memory_total_bytes)},
            {"memory_used_bytes", or_null(r.memory_used_bytes)},
            {"memory_free_bytes", or_null(r.memory_free_bytes)},
            {"utilisation_percent", or_null(r.utilisation_percent)},
            {"clock_mhz", or_null(r.clock_mhz)},
            {"memory_clock_mhz", or_null(r.memory_clock_mhz)},
            {"throttled_by", or_null(r.throttled_by)},
            {"ecc", or_null(r.ecc)},
            {"uncorrected_errors", or_null(r.uncorrected_errors)},
            {"mig", or_null(r.mig)},
            {"pci_address", or_null(r.pci_address)},
            {"driver", or_null(r.driver)},
            {"other_processes", or_null(r.other_processes)}};
}

ordered_json pause_json(const DeviceStatus& d, Instant now) {
    if (d.paused.empty()) return nullptr;
    return {{"why", d.paused},
            {"seconds", (now - d.paused_since).count() / 1000},
            {"checks_missed", d.missed_while_paused}};
}

ordered_json workload_json(const WorkloadStatus& w, Instant now) {
    return {{"name", w.name},
            {"way", w.way},
            {"state", to_string(w.state.is)},
            {"seconds_in_this_state", (now - w.state.since).count() / 1000},
            {"why", text_or_null(w.state.why)},
            {"failures_in_row", w.state.failures_in_row},
            {"on_failure", w.pauses ? "pause" : "report"}};
}

}  // namespace

std::string status_json(const NodeStatus& s, Instant now) {
    const auto ms_or_null = [](const std::optional<Milliseconds>& value) {
        return value ? ordered_json(value->count()) : ordered_json(nullptr);
    };
    ordered_json devices = ordered_json::array();
    for (const DeviceStatus& d : s.devices) {
        ordered_json verdict = nullptr;
        if (d.last_verdict)
            verdict = {{"kind", to_string(d.last_verdict->kind)},
                       {"ref", d.last_verdict->ref},
                       {"verdict", to_string(d.last_verdict->verdict)},
                       {"hashes_per_second", d.last_verdict->rate},
                       {"baseline", d.last_verdict->baseline},
                       {"reason", d.last_verdict->reason},
                       {"seconds_ago", (now - d.last_verdict_at).count() / 1000}};
        ordered_json windows = ordered_json::array();
        for (const WindowMark mark : d.windows) windows.push_back(to_string(mark));
        devices.push_back({{"label", d.label},
                           {"device_id", to_hex(d.id)},
                           {"uid", d.description.uid},
                           {"name", d.description.name},
                           {"backend", to_string(d.description.backend)},
                           {"kernel", d.description.kernel},
                           {"state", state_words(d)},
                           {"retires_from_ms", d.retires_from ? ordered_json(to_ms(*d.retires_from))
                                                              : ordered_json(nullptr)},
                           {"paused", pause_json(d, now)},
                           {"hashes_per_second", static_cast<std::uint64_t>(d.hashes_per_second)},
                           {"hashes_per_second_10s", static_cast<std::uint64_t>(d.rate_10s)},
                           {"hashes_per_second_15m", static_cast<std::uint64_t>(d.rate_15m)},
                           {"hashes_total", d.hashes_total},
                           {"failures", d.failures},
                           {"recheck_mismatches", d.mismatches},
                           {"health", health_json(d.health)},
                           {"last_verdict", verdict},
                           {"windows_today", windows}});
    }
    const auto next_by = next_check_by(s, now);
    ordered_json receipt = nullptr, error = nullptr;
    if (s.last_receipt)
        receipt = {{"kind", to_string(s.last_receipt->kind)},
                   {"answer_id", to_hex(s.last_receipt->answer)},
                   {"seconds_ago", (now - s.last_receipt->at).count() / 1000}};
    if (s.last_error)
        error = {{"what", s.last_error->what},
                 {"seconds_ago", (now - s.last_error->at).count() / 1000}};
    ordered_json workloads = ordered_json::array();
    for (const WorkloadStatus& w : s.workloads) workloads.push_back(workload_json(w, now));
    const ordered_json all{
        {"version", s.version},
        {"outdated", s.advice.outdated},
        {"recommended_version", text_or_null(s.advice.recommended)},
        {"recommended_by", text_or_null(s.advice.by)},
        {"node_id", to_hex(s.node)},
        {"name", s.name},
        {"payout", s.payout},
        {"network", s.network},
        {"network_id",
         s.network.empty() ? ordered_json(nullptr) : ordered_json(to_hex(s.network_id))},
        {"verifier",
         {{"address", s.verifier},
          {"connected", s.connected},
          {"polling", s.polling},
          {"seconds_in_this_state", (now - s.connection_changed).count() / 1000},
          {"trouble", text_or_null(s.trouble)},
          {"round_trip_ms", ms_or_null(s.round_trip)},
          {"clock_offset_ms", ms_or_null(s.clock_offset)}}},
        {"unsent_answers", s.unsent},
        {"receipts", s.receipts},
        {"last_receipt", receipt},
        {"last_error", error},
        {"next_check_by_ms", next_by ? ordered_json(to_ms(*next_by)) : ordered_json(nullptr)},
        {"uptime_seconds", (now - s.started).count() / 1000},
        {"devices", devices},
        {"workloads", workloads}};
    return all.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace vigil::node
