#include "node/guarded_searcher.hpp"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

namespace vigil::node {
namespace {

using std::chrono::steady_clock;

/// All that the thread in the driver touches; outlives whoever waited for it.
struct Guarded {
    std::mutex mutex;
    std::condition_variable changed;
    // guarded by mutex; the searcher is the thread's while `busy`
    std::unique_ptr<Searcher> searcher;
    bool busy = false;
    bool left = false;    // nobody waits for this call any more
    bool asking = false;  // inside keep_searching
    std::uint64_t launches = 0;
    steady_clock::time_point since;  // of the last sign of life
    std::exception_ptr failure;
};

class GuardedSearcher : public Searcher {
public:
    GuardedSearcher(std::unique_ptr<Searcher> searcher, Patience patience)
        : description_{searcher->device()},
          kernels_{searcher->kernels()},
          patience_{patience},
          guarded_{std::make_shared<Guarded>()} {
        guarded_->searcher = std::move(searcher);
    }

    ~GuardedSearcher() override {
        std::unique_lock lock{guarded_->mutex};
        const bool away = guarded_->busy;
        lock.unlock();
        if (away)
            thread_.detach();
        else if (thread_.joinable())
            thread_.join();
    }

    const DeviceDescription& device() const override { return description_; }
    std::vector<std::string> kernels() const override { return kernels_; }

    void use_kernel(std::string_view name) override {
        run([name = std::string{name}](Guarded& g) { g.searcher->use_kernel(name); },
            patience_.kernel);
        description_ = guarded_->searcher->device();
    }

    void rest() override {
        run([](Guarded& g) { g.searcher->rest(); }, patience_.first);
    }

    SearchResult search(const SearchJob& job, const KeepSearching& keep_searching) override {
        const auto result = std::make_shared<SearchResult>();
        // `keep_searching` is the caller's: it is asked only while the caller waits.
        run(
            [job, result, &keep_searching](Guarded& g) {
                *result = g.searcher->search(job, [&](const SearchProgress& progress) {
                    {
                        const std::lock_guard lock{g.mutex};
                        if (g.left) return false;
                        g.asking = true;
                    }
                    bool more = false;
                    std::exception_ptr failure;
                    try {
                        more = keep_searching(progress);
                    } catch (...) {
                        failure = std::current_exception();
                    }
                    const std::lock_guard lock{g.mutex};
                    g.asking = false;
                    ++g.launches;
                    g.since = steady_clock::now();
                    g.changed.notify_all();
                    if (failure) std::rethrow_exception(failure);
                    return more;
                });
            },
            patience_.first);
        return std::move(*result);
    }

private:
    template <class Job>
    void run(Job job, Milliseconds first) {
        const std::shared_ptr<Guarded> g = guarded_;
        std::unique_lock lock{g->mutex};
        if (g->busy) throw hung(*g);
        if (thread_.joinable()) thread_.join();  // it was away, and has come back
        g->left = g->asking = false;
        g->launches = 0;
        g->since = steady_clock::now();
        g->failure = nullptr;
        thread_ = std::thread{[g, job = std::move(job)] {
            std::exception_ptr failure;
            try {
                job(*g);
            } catch (...) {
                failure = std::current_exception();
            }
            const std::lock_guard done{g->mutex};
            g->failure = failure;
            g->busy = false;
            g->changed.notify_all();
        }};
        g->busy = true;  // only now: a thread may be refused; it ends under the mutex held here
        while (g->busy) {
            const auto until = g->since + (g->launches == 0 ? first : patience_.next);
            if (g->asking)
                g->changed.wait(lock);
            else if (steady_clock::now() < until)
                g->changed.wait_until(lock, until);
            else {
                g->left = true;
                throw hung(*g);
            }
        }
        lock.unlock();
        thread_.join();
        if (g->failure) std::rethrow_exception(g->failure);
    }

    static SearchHung hung(const Guarded& g) {
        const auto away = std::chrono::floor<Milliseconds>(steady_clock::now() - g.since);
        return SearchHung{"its driver has not come back for " +
                          std::to_string(away.count() / 1000) + " s"};
    }

    DeviceDescription description_;
    const std::vector<std::string> kernels_;
    const Patience patience_;
    const std::shared_ptr<Guarded> guarded_;
    std::thread thread_;
};

}  // namespace

std::unique_ptr<Searcher> make_guarded_searcher(std::unique_ptr<Searcher> searcher,
                                                Patience patience) {
    return std::make_unique<GuardedSearcher>(std::move(searcher), patience);
}

}  // namespace vigil::node
