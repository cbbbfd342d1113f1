#include "node/retirement_watch.hpp"

#include <chrono>
#include <spdlog/spdlog.h>
#include <utility>

#include "node/retired_devices.hpp"

namespace vigil::node {
namespace {

constexpr std::chrono::seconds look_every{2};

}  // namespace

RetirementWatch::RetirementWatch(std::filesystem::path data_dir, Board& board,
                                 std::function<Instant()> now)
    : data_dir_{std::move(data_dir)}, board_{board}, now_{std::move(now)} {}

void RetirementWatch::look() {
    const auto steady = std::chrono::steady_clock::now();
    if (steady < next_) return;
    next_ = steady + look_every;
    try {
        read();
        failed_ = false;
    } catch (const std::exception& failure) {
        if (!std::exchange(failed_, true))
            spdlog::warn("which devices retire cannot be read: {}", failure.what());
    }
    std::vector<std::string> retired;
    board_.change([&](NodeStatus& status) {
        const Instant there = now_() - status.clock_offset.value_or(Milliseconds{});
        for (DeviceStatus& device : status.devices) {
            if (device.retired || !retired_by(device, there)) continue;
            device.retired = true;
            retired.push_back(device.label);
        }
    });
    for (const std::string& label : retired)
        spdlog::info("{} is retired: it takes no more checks, and its balance stays", label);
}

void RetirementWatch::read() {
    const auto known = retirements(data_dir_);
    std::vector<std::string> news;
    board_.change([&](NodeStatus& status) {
        for (DeviceStatus& device : status.devices) {
            const auto found = known.find(device.id);
            if (found == known.end()) {  // never, or undone
                device.retires_from.reset();
                device.retired = false;
                continue;
            }
            if (!found->second || device.retires_from == found->second) continue;
            device.retires_from = found->second;
            if (*found->second > now_())
                news.push_back(device.label + " " + retirement_words(device));
        }
    });
    for (const std::string& line : news)
        spdlog::info("{}: leave the node running until then, its windows count", line);
}

}  // namespace vigil::node
