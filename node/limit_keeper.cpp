#include "node/limit_keeper.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "core/base/require.hpp"
#include "node/console_lines.hpp"
#include "proto/edge/logging.hpp"

namespace vigil::node {

using health::Presence;

std::string pause_costs(const DeviceStatus& device) {
    std::string words = "a check due meanwhile is missed";
    if (!device.windows.empty())
        words += fmt::format(
            " (windows today: {} of {} passed)",
            std::count(device.windows.begin(), device.windows.end(), WindowMark::passed),
            device.windows.size());
    return words;
}

LimitKeeper::LimitKeeper(std::vector<Limits> limits,
                         std::function<health::Health(std::size_t)> health, Board& board,
                         Metrics& metrics, std::function<Instant()> now,
                         std::function<std::string()> workload)
    : limits_{std::move(limits)},
      health_{std::move(health)},
      now_{std::move(now)},
      workload_{std::move(workload)},
      board_{board},
      metrics_{metrics},
      known_(board.read().devices.size()),
      beyond_(known_.size()) {
    require(limits_.size() == known_.size(), "limits for each device");
}

void LimitKeeper::look() {
    const std::vector<DeviceStatus> devices = board_.read().devices;
    const std::string workload = workload_ ? workload_() : "";
    for (std::size_t i = 0; i < known_.size(); ++i) look_at(i, devices[i], workload);
}

Beyond LimitKeeper::beyond(std::size_t index) const {
    const std::lock_guard lock{mutex_};
    require(index < beyond_.size(), "a device of this node");
    return beyond_[index];
}

void LimitKeeper::look_at(std::size_t index, const DeviceStatus& device,
                          const std::string& workload) {
    const health::Health now = health_(index);
    Beyond beyond;
    {
        const std::lock_guard lock{mutex_};
        beyond = step(beyond_[index], limits_[index], now);
        beyond.owner = paused_;
        beyond.workload = !workload.empty();
        beyond_[index] = beyond;
    }
    std::string why = beyond.any() ? why_paused(beyond, limits_[index], now.reading) : "";
    if (beyond.workload) why += (why.empty() ? "" : "; ") + workload;
    tell_presence(device, now, known_[index]);
    tell_not_kept(index, device, now);
    tell_pause(device, beyond.any(), why);
    metrics_.set_health(device.label, now);
    metrics_.set_paused(device.label, beyond);
    board_.change([&](NodeStatus& status) {
        DeviceStatus& d = status.devices.at(index);
        if (d.paused.empty() && !why.empty()) {
            d.paused_since = now_();
            d.missed_while_paused = 0;
        }
        d.paused = why;
        d.health = now;
    });
}

void LimitKeeper::tell_presence(const DeviceStatus& device, const health::Health& now,
                                Known& known) {
    const Presence before = known.presence;
    if (now.presence == before && (now.presence != Presence::lost || now.why == known.why)) return;
    known.presence = now.presence;
    known.why = now.why;
    switch (now.presence) {
        case Presence::lost:
            spdlog::error(
                "{} is lost: {} (E-DEVICE); it is tried again at every check. What the kernel says "
                "is in dmesg; a lost card needs a reset or a restart of the machine",
                device.label, edge::for_log(now.why, 120));
            if (before != Presence::lost)
                metrics_.count_kernel_error(device.label, DeviceError::lost);
            break;
        case Presence::unknown:
            spdlog::warn("{}: temperature, memory and power are unknown now: {}", device.label,
                         edge::for_log(now.why, 120));
            break;
        case Presence::present:
            if (before == Presence::lost || !known.not_kept.empty())
                spdlog::info("{}: its driver answers again: {}", device.label, health_words(now));
            break;
        case Presence::silent:
            break;
    }
}

void LimitKeeper::tell_not_kept(std::size_t index, const DeviceStatus& device,
                                const health::Health& now) {
    Known& known = known_[index];
    if (now.presence == Presence::unknown && !now.age) return;  // before the first reading
    std::string words = limits_[index].any() ? not_kept(limits_[index], now.reading) : "";
    if (words == known.not_kept) return;
    known.not_kept = words;
    if (!words.empty())
        spdlog::warn("{}: {} cannot be kept: {}", device.label, words,
                     now.presence == Presence::present || now.presence == Presence::silent
                         ? "no driver gives the reading it needs"
                         : edge::for_log(now.why, 120));
}

void LimitKeeper::tell_pause(const DeviceStatus& device, bool rests, const std::string& why) {
    const bool rested = !device.paused.empty();
    if (rests && !rested) spdlog::warn("{} paused: {}; {}", device.label, why, pause_costs(device));
    if (!rests && rested)
        spdlog::info("{} goes on after {}, {} missed", device.label,
                     time_words(now_() - device.paused_since),
                     device.missed_while_paused == 1
                         ? "1 check"
                         : fmt::format("{} checks", device.missed_while_paused));
}

}  // namespace vigil::node
