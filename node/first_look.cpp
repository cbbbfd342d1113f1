#include "node/first_look.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <spdlog/spdlog.h>
#include <thread>

#include "node/bench.hpp"
#include "proto/edge/logging.hpp"

namespace vigil::node {
namespace {

constexpr Milliseconds measured{100};

/// One device's look; outlives whoever waits for it, since a driver's call cannot be ended.
struct Look {
    std::mutex mutex;
    std::condition_variable changed;
    // guarded by mutex; the searcher is the looking thread's until `done`
    std::unique_ptr<Searcher> searcher;
    BenchFigures figures;
    bool done = false;
};

void begin(const std::shared_ptr<Look>& look) {
    std::thread{[look] {
        BenchFigures figures;
        try {
            figures = bench(*look->searcher, 1, measured, [](unsigned, unsigned) {});
        } catch (const std::exception& failure) {
            figures.failure = failure.what();
        }
        const std::lock_guard lock{look->mutex};
        look->figures = std::move(figures);
        look->done = true;
        look->changed.notify_all();
    }}.detach();
}

class LateSearcher : public Searcher {
public:
    LateSearcher(DeviceDescription description, std::shared_ptr<Look> look)
        : description_{std::move(description)}, look_{std::move(look)} {}

    const DeviceDescription& device() const override { return description_; }
    SearchResult search(const SearchJob& job, const KeepSearching& keep_searching) override {
        if (!current_) {
            const std::lock_guard lock{look_->mutex};
            if (!look_->done) throw SearchFailed{"it has not come back from its first search"};
            current_ = std::move(look_->searcher);
        }
        return current_->search(job, keep_searching);
    }

private:
    const DeviceDescription description_;
    const std::shared_ptr<Look> look_;
    std::unique_ptr<Searcher> current_;
};

}  // namespace

void look_at(OwnDevices& devices, std::vector<DeviceStatus>& statuses, Milliseconds patience) {
    const auto until = std::chrono::steady_clock::now() + patience;
    std::vector<std::shared_ptr<Look>> looks;
    for (auto& searcher : devices.searchers) {
        looks.push_back(std::make_shared<Look>());
        looks.back()->searcher = std::move(searcher);
        begin(looks.back());
    }
    for (std::size_t i = 0; i < looks.size(); ++i) {
        Look& look = *looks[i];
        std::unique_lock lock{look.mutex};
        std::string failure;
        if (look.changed.wait_until(lock, until, [&] { return look.done; })) {
            devices.searchers[i] = std::move(look.searcher);
            statuses[i].hashes_per_second = look.figures.median();
            failure = look.figures.failure;
        } else {
            devices.searchers[i] =
                std::make_unique<LateSearcher>(statuses[i].description, looks[i]);
            failure = "no answer in " + std::to_string(patience.count() / 1000) + " s";
        }
        if (failure.empty()) continue;
        statuses[i].state = "failing: " + failure;
        spdlog::error("{} (E-DEVICE): {}; it is tried again at the next check", statuses[i].label,
                      edge::for_log(failure));
    }
}

}  // namespace vigil::node
