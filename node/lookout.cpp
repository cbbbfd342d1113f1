#include "node/lookout.hpp"

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include "node/timing.hpp"
#include "proto/edge/logging.hpp"

namespace vigil::node {
namespace {

constexpr Milliseconds calm_step{1'000};

}  // namespace

Expected<std::vector<SeenDevice>, std::string> unused_devices(std::string_view listing,
                                                              const std::set<std::string>& own) {
    std::vector<SeenDevice> unused;
    try {
        const auto all = nlohmann::json::parse(listing);
        for (const auto& entry : all.at("devices")) {
            SeenDevice seen{entry.at("uid"), entry.at("name")};
            if (entry.at("backend") != "cpu" && !own.contains(seen.uid))
                unused.push_back(std::move(seen));
        }
    } catch (const nlohmann::json::exception& wrong) {
        return tl::unexpected{std::string{"its list of devices cannot be read: "} + wrong.what()};
    }
    return unused;
}

Lookout::Lookout(Look look, std::function<bool()> calm, Milliseconds first, Milliseconds longest)
    : look_{std::move(look)}, calm_{std::move(calm)}, thread_{[this, first, longest] {
          run(first, longest);
      }} {}

Lookout::~Lookout() {
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

std::optional<SeenDevice> Lookout::found() const {
    const std::lock_guard lock{mutex_};
    return found_;
}

bool Lookout::wait(Milliseconds time) {
    std::unique_lock lock{mutex_};
    return !changed_.wait_for(lock, time, [this] { return stopping_; });
}

void Lookout::run(Milliseconds first, Milliseconds longest) {
    const auto stopping = [this] {
        const std::lock_guard lock{mutex_};
        return stopping_;
    };
    Backoff pauses{first, longest, random_u64()};
    std::string last_trouble;
    while (wait(pauses.next())) {
        while (!calm_())
            if (!wait(calm_step)) return;
        bool disturbed = false;
        auto seen = look_([&] { return stopping() || (disturbed = disturbed || !calm_()); });
        if (stopping()) return;
        if (!seen && disturbed) {
            pauses.reset();  // it has seen nothing yet
            continue;
        }
        if (!seen) {
            if (seen.error() != last_trouble)
                spdlog::warn("looking for devices that came later failed: {}",
                             edge::for_log(seen.error()));
            last_trouble = seen.error();
            continue;
        }
        if (seen->empty()) continue;
        const std::lock_guard lock{mutex_};
        found_ = seen->front();
        return;
    }
}

}  // namespace vigil::node
