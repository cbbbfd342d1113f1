#include "node/first_look.hpp"

#include <chrono>
#include <condition_variable>
#include <fmt/format.h>
#include <mutex>
#include <spdlog/spdlog.h>
#include <thread>

#include "node/bench.hpp"
#include "node/console_lines.hpp"
#include "proto/edge/logging.hpp"

namespace vigil::node {
namespace {

constexpr Milliseconds measured{100};
/// Of each kernel, where it is not known which is fastest: about a second in all.
constexpr Milliseconds kernel_measured{300};

/// An OpenCL driver may take half a minute for a kernel that it compiles for the first time.
constexpr int compiling_patience = 4;

/// One device's look; outlives whoever waits for it, since a driver's call cannot be ended.
struct Look {
    std::mutex mutex;
    std::condition_variable changed;
    // guarded by mutex; the searcher is the looking thread's until `done`
    std::unique_ptr<Searcher> searcher;
    BenchFigures figures;
    Milliseconds patience{};
    std::vector<KernelRate> kernels;  ///< what was measured to choose among them
    bool done = false;
};

/// With the kernel that is known to be fastest, or, asked to, with the one that proves to be.
std::vector<KernelRate> choose_kernel(Searcher& searcher, const std::string& known, bool choose) {
    if (!choose || searcher.kernels().size() < 2) return {};
    if (!known.empty()) {
        try {
            searcher.use_kernel(known);
            return {};
        } catch (const SearchFailed&) {
            // It was for another build of the driver: measured again.
        }
    }
    return measure_kernels(searcher, kernel_measured);
}

void say(const std::string& label, const std::vector<KernelRate>& rates) {
    for (const KernelRate& rate : rates)
        if (!rate.failure.empty())
            spdlog::warn("{}: kernel {} is not used: {}", label, rate.kernel,
                         edge::for_log(rate.failure));
    const KernelRate* best = fastest(rates);
    if (!best) return;
    std::string others;
    for (const KernelRate& rate : rates)
        if (&rate != best && rate.failure.empty())
            others += fmt::format("{}{} {}", others.empty() ? "" : ", ", rate.kernel,
                                  rate_words(rate.hashes_per_second));
    spdlog::info("{}: kernel {} is the fastest with {}{}; kept until driver or program change",
                 label, best->kernel, rate_words(best->hashes_per_second),
                 others.empty() ? others : fmt::format(" ({})", others));
}

void begin(const std::shared_ptr<Look>& look, const std::string& known, bool choose) {
    std::thread{[look, known, choose] {
        BenchFigures figures;
        std::vector<KernelRate> kernels;
        try {
            kernels = choose_kernel(*look->searcher, known, choose);
            figures = bench(*look->searcher, 1, measured, [](unsigned, unsigned) {});
        } catch (const std::exception& failure) {
            figures.failure = failure.what();
        }
        const std::lock_guard lock{look->mutex};
        look->figures = std::move(figures);
        look->kernels = std::move(kernels);
        look->done = true;
        look->changed.notify_all();
    }}.detach();
}

class LateSearcher : public Searcher {
public:
    LateSearcher(DeviceDescription description, std::shared_ptr<Look> look)
        : description_{std::move(description)}, look_{std::move(look)} {}

    const DeviceDescription& device() const override { return description_; }
    std::vector<std::string> kernels() const override {
        return current_ ? current_->kernels() : Searcher::kernels();
    }
    void use_kernel(std::string_view name) override {
        come_back();
        current_->use_kernel(name);
        description_.kernel = current_->device().kernel;
    }
    void rest() override {
        if (current_) current_->rest();
    }
    SearchResult search(const SearchJob& job, const KeepSearching& keep_searching) override {
        come_back();
        return current_->search(job, keep_searching);
    }

private:
    void come_back() {
        if (current_) return;
        const std::lock_guard lock{look_->mutex};
        if (!look_->done) throw SearchFailed{"it has not come back from its first search"};
        current_ = std::move(look_->searcher);
        description_.kernel = current_->device().kernel;
    }

    DeviceDescription description_;
    const std::shared_ptr<Look> look_;
    std::unique_ptr<Searcher> current_;
};

}  // namespace

void look_at(OwnDevices& devices, std::vector<DeviceStatus>& statuses, const LookTerms& terms) {
    const auto begun = std::chrono::steady_clock::now();
    std::vector<std::shared_ptr<Look>> looks;
    for (auto& searcher : devices.searchers) {
        looks.push_back(std::make_shared<Look>());
        looks.back()->searcher = std::move(searcher);
        const std::string known =
            terms.kernels ? terms.kernels->kernel(looks.back()->searcher->device()) : std::string{};
        looks.back()->patience =
            terms.patience * (terms.kernels && known.empty() ? compiling_patience : 1);
        begin(looks.back(), known, terms.kernels != nullptr);
    }
    for (std::size_t i = 0; i < looks.size(); ++i) {
        Look& look = *looks[i];
        std::unique_lock lock{look.mutex};
        std::string failure;
        if (look.changed.wait_until(lock, begun + look.patience, [&] { return look.done; })) {
            devices.searchers[i] = std::move(look.searcher);
            statuses[i].hashes_per_second = look.figures.median();
            statuses[i].description.kernel = devices.searchers[i]->device().kernel;
            say(statuses[i].label, look.kernels);
            const KernelRate* best = fastest(look.kernels);
            if (best) terms.kernels->remember(statuses[i].description, *best);
            failure = look.figures.failure;
        } else {
            devices.searchers[i] =
                std::make_unique<LateSearcher>(statuses[i].description, looks[i]);
            failure = "no answer in " + std::to_string(look.patience.count() / 1000) + " s";
        }
        if (failure.empty()) continue;
        statuses[i].state = "failing: " + failure;
        spdlog::error("{} (E-DEVICE): {}; it is tried again at the next check", statuses[i].label,
                      edge::for_log(failure));
    }
}

}  // namespace vigil::node
