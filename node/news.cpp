#include "node/news.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "node/console_lines.hpp"
#include "node/limit_keeper.hpp"
#include "proto/edge/logging.hpp"

namespace vigil::node {
namespace {

constexpr std::size_t value_limit = 300;

using Is = WorkloadState::Is;

/// Collects what is new about one node.
class Finder {
public:
    explicit Finder(const NodeStatus& now) : now_{now} {}

    void compare(const DeviceStatus& before, const DeviceStatus& after) {
        const bool lost = after.health.presence == health::Presence::lost;
        const bool was_lost = before.health.presence == health::Presence::lost;
        if (lost && !was_lost)
            of_device(NewsKind::gpu_lost, after, after.label + " is lost: " + after.health.why,
                      {{"why", after.health.why}});
        if (was_lost && after.health.presence == health::Presence::present)
            of_device(NewsKind::gpu_back, after, after.label + " is back", {});
        if (before.paused.empty() && !after.paused.empty())
            of_device(
                NewsKind::paused, after,
                fmt::format("{} rests: {}; {}", after.label, after.paused, pause_costs(after)),
                {{"why", after.paused}});
        if (!before.paused.empty() && after.paused.empty())
            of_device(NewsKind::resumed, after,
                      fmt::format("{} goes on; checks missed: {}", after.label,
                                  before.missed_while_paused),
                      {{"checks_missed", std::to_string(before.missed_while_paused)}});
        for (std::size_t i = 0; i < after.windows.size(); ++i) {
            const bool known = before.day == after.day && i < before.windows.size() &&
                               before.windows[i] == WindowMark::failed;
            if (after.windows[i] == WindowMark::failed && !known) missed(after, i);
        }
    }

    void compare(const WorkloadStatus& before, const WorkloadStatus& after) {
        if (before.state.is == after.state.is) return;
        if (after.state.is == Is::failing)
            add(NewsKind::workload_failed,
                fmt::format("workload {} fails: {}{}", after.name, after.state.why,
                            after.pauses ? "; the devices rest until it is well" : ""),
                {{"workload", after.name}, {"why", after.state.why}});
        if (before.state.is == Is::failing)
            add(NewsKind::workload_recovered, "workload " + after.name + " is well again",
                {{"workload", after.name}});
    }

    void compare_connection(const NodeStatus& before) {
        if (before.connected && !now_.connected)
            add(NewsKind::disconnected, "the verifier is not reached: " + now_.trouble,
                {{"why", now_.trouble}});
        if (!before.connected && now_.connected)
            add(NewsKind::connected, "connected to the verifier", {});
    }

    std::vector<News> take() { return std::move(news_); }

private:
    using Facts = std::vector<std::pair<std::string, std::string>>;

    void missed(const DeviceStatus& device, std::size_t window) {
        const auto passed =
            std::count(device.windows.begin(), device.windows.end(), WindowMark::passed);
        std::string why;
        if (device.last_verdict && device.last_verdict->kind == CheckKind::roll_call &&
            device.last_verdict->verdict != Verdict::passed)
            why = fmt::format("{}: {}", to_string(device.last_verdict->verdict),
                              device.last_verdict->reason);
        of_device(
            NewsKind::window_missed, device,
            fmt::format("{} missed window {} of {}{}{}; {} passed today", device.label, window + 1,
                        device.windows.size(), why.empty() ? "" : ", ", why, passed),
            {{"day", std::to_string(device.day)},
             {"window", std::to_string(window + 1)},
             {"windows_per_day", std::to_string(device.windows.size())},
             {"windows_passed", std::to_string(passed)},
             {"why", why}});
    }

    void of_device(NewsKind kind, const DeviceStatus& device, const std::string& text,
                   Facts facts) {
        facts.emplace_back("device", device.label);
        facts.emplace_back("device_id", to_hex(device.id));
        facts.emplace_back("uid", device.description.uid);
        facts.emplace_back("name", device.description.name);
        add(kind, text, std::move(facts));
    }

    void add(NewsKind kind, const std::string& text, Facts facts) {
        facts.emplace_back("node", now_.name);
        facts.emplace_back("node_id", to_hex(now_.node));
        facts.emplace_back("network", now_.network);
        for (auto& [name, value] : facts) value = edge::for_log(value, value_limit);
        news_.push_back({kind, edge::for_log(text, value_limit), std::move(facts)});
    }

    const NodeStatus& now_;
    std::vector<News> news_;
};

}  // namespace

std::string_view to_string(NewsKind kind) {
    switch (kind) {
        case NewsKind::window_missed:
            return "window_missed";
        case NewsKind::gpu_lost:
            return "gpu_lost";
        case NewsKind::gpu_back:
            return "gpu_back";
        case NewsKind::paused:
            return "paused";
        case NewsKind::resumed:
            return "resumed";
        case NewsKind::disconnected:
            return "disconnected";
        case NewsKind::connected:
            return "connected";
        case NewsKind::workload_failed:
            return "workload_failed";
        case NewsKind::workload_recovered:
            return "workload_recovered";
    }
    return "window_missed";
}

std::vector<News> news_of(const NodeStatus& before, const NodeStatus& after) {
    Finder finder{after};
    for (std::size_t i = 0; i < std::min(before.devices.size(), after.devices.size()); ++i)
        finder.compare(before.devices[i], after.devices[i]);
    for (std::size_t i = 0; i < std::min(before.workloads.size(), after.workloads.size()); ++i)
        finder.compare(before.workloads[i], after.workloads[i]);
    finder.compare_connection(before);
    return finder.take();
}

NewsWatch::NewsWatch(const Board& board, Tell tell)
    : board_{board}, tell_{std::move(tell)}, before_{board.read()} {}

void NewsWatch::look() {
    NodeStatus now = board_.read();
    for (const News& news : news_of(before_, now)) tell_(news);
    before_ = std::move(now);
}

}  // namespace vigil::node
