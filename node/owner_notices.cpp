#include "node/owner_notices.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "node/console_lines.hpp"
#include "proto/edge/logging.hpp"

namespace vigil::node {
namespace {

constexpr Milliseconds verifier_patience{300'000};

/// "passed 3 of 6 today": what the multiplier of the day is made from.
std::string windows_today(const DeviceStatus& device) {
    const auto count = [&](WindowMark mark) {
        return std::count(device.windows.begin(), device.windows.end(), mark);
    };
    return fmt::format("windows today: {} passed, {} missed, {} to come, of {}",
                       count(WindowMark::passed), count(WindowMark::failed),
                       count(WindowMark::open), device.windows.size());
}

std::string source_of(const NodeStatus& status) {
    const std::string name =
        status.name.empty() ? to_hex(status.node).substr(0, 16) : edge::for_log(status.name, 64);
    return status.network.empty()
               ? fmt::format("node {}", name)
               : fmt::format("node {} of {}", name, edge::for_log(status.network, 64));
}

}  // namespace

NodeIncidents::NodeIncidents(std::uint32_t windows, const NodeStatus& first)
    : windows_{windows}, before_{first} {}

bool NodeIncidents::any_open() const {
    return std::ranges::any_of(incidents_, [](const auto& one) { return one.second.open; });
}

void NodeIncidents::judge(const std::string& key, const Subject& subject, Sign sign,
                          std::uint32_t open_after, Instant at, Instant since) {
    using Turn = IncidentStep::News;
    const Incident before = incidents_[key];
    const IncidentStep stepped = step(before, sign, since, open_after);
    incidents_[key] = stepped.after;
    if (stepped.news == Turn::none) return;
    const bool over = stepped.news == Turn::recovered;
    const Incident& told = over ? before : stepped.after;
    edge::Notice notice{.kind = over ? edge::Notice::Kind::recovered : edge::Notice::Kind::opened,
                        .source = source_of(before_),
                        .title = (over ? "over: " : "") + subject.title,
                        .lines = subject.lines,
                        .facts = subject.facts,
                        .at = at};
    const std::string lasted = time_words(at - told.since);
    notice.lines.push_back((over ? "it lasted " : "for ") + lasted);
    notice.facts.emplace_back("incident", key);
    notice.facts.emplace_back("seconds", std::to_string((at - told.since).count() / 1000));
    notices_.push_back(std::move(notice));
}

void NodeIncidents::look_at(const DeviceStatus& before, const DeviceStatus& now, Instant at) {
    const std::string name =
        fmt::format("{} ({})", now.label, edge::for_log(now.description.name, 60));
    const std::vector<std::pair<std::string, std::string>> facts{
        {"device", now.label}, {"device_id", to_hex(now.id)}, {"uid", now.description.uid}};
    for (std::size_t i = 0; i < now.windows.size(); ++i) {
        const WindowMark mark = now.windows[i];
        const bool known =
            before.day == now.day && i < before.windows.size() && before.windows[i] == mark;
        if (known || mark == WindowMark::open) continue;
        const Sign sign = mark == WindowMark::passed   ? Sign::good
                          : mark == WindowMark::failed ? Sign::bad
                                                       : Sign::unknown;
        Subject subject{name + " misses windows", {windows_today(now)}, facts};
        const std::string key = now.label + " windows";
        const std::uint32_t missed = incidents_[key].bad + (sign == Sign::bad ? 1 : 0);
        subject.lines.push_back(fmt::format("missed in a row: {}", missed));
        if (sign == Sign::bad && now.last_verdict)
            subject.lines.push_back("last: " + verdict_line(now.label, *now.last_verdict, {}));
        subject.facts.emplace_back("windows_missed", std::to_string(missed));
        judge(key, subject, sign, windows_, at, at);
    }
    Sign presence = Sign::unknown;
    if (now.health.presence == health::Presence::lost) presence = Sign::bad;
    if (now.health.presence == health::Presence::present) presence = Sign::good;
    judge(now.label + " lost",
          {name + " is lost", {edge::for_log(now.health.why, 200), windows_today(now)}, facts},
          presence, 1, at, at);
}

std::vector<edge::Notice> NodeIncidents::look(const NodeStatus& now, Instant at) {
    using Is = WorkloadState::Is;
    notices_.clear();
    for (std::size_t i = 0; i < std::min(before_.devices.size(), now.devices.size()); ++i)
        look_at(before_.devices[i], now.devices[i], at);
    for (const WorkloadStatus& workload : now.workloads) {
        Sign sign = workload.state.is == Is::good ? Sign::good : Sign::unknown;
        if (workload.state.is == Is::failing) sign = Sign::bad;
        judge("workload " + workload.name,
              {"workload " + workload.name + " fails",
               {workload.way + ": " + edge::for_log(workload.state.why, 200),
                workload.pauses ? "the devices rest meanwhile; checks due are missed"
                                : "it is reported and nothing else"},
               {{"workload", workload.name}}},
              sign, 1, at, at);
    }
    Sign verifier = Sign::unknown;
    if (now.connected) verifier = Sign::good;
    if (!now.connected && at - now.connection_changed >= verifier_patience) verifier = Sign::bad;
    judge("verifier",
          {"the verifier is not reached",
           {edge::for_log(now.trouble, 200), "checks due meanwhile are missed"},
           {{"verifier", now.verifier}}},
          verifier, 1, at, verifier == Sign::bad ? now.connection_changed : at);
    before_ = now;
    return std::move(notices_);
}

OwnerNotices::OwnerNotices(const Config& config, const Board& board, Metrics& metrics,
                           std::function<Instant()> now)
    : board_{board},
      now_{now},
      incidents_{static_cast<std::uint32_t>(config.incident_windows), board.read()},
      notifier_{edge::load_channels_to_run(config.channels),
                {.now = now,
                 .counted =
                     [&metrics](edge::ChannelKind channel, edge::Notifier::Result result) {
                         metrics.count_notification(channel, result);
                     },
                 .hurry = 1}} {}

void OwnerNotices::look() {
    constexpr std::chrono::seconds every{1};
    const auto time = std::chrono::steady_clock::now();
    if (!notifier_.has_channels() || time - looked_ < every) return;
    looked_ = time;
    const NodeStatus status = board_.read();
    for (const edge::Notice& notice : incidents_.look(status, now_())) notifier_.tell(notice);
    if (status.connected && !incidents_.any_open()) notifier_.ping();
}

}  // namespace vigil::node
