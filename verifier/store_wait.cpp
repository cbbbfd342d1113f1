#include "verifier/store_wait.hpp"

#include <condition_variable>
#include <mutex>
#include <optional>

#include "verifier/journal.hpp"
#include "verifier/store/store_away.hpp"

namespace vigil::verifier {
namespace {

constexpr std::chrono::seconds again_after{1};
constexpr std::chrono::seconds line_every{10};

}  // namespace

void run_when_store_is_there(const std::function<void()>& work, const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock{mutex};
    std::optional<std::chrono::steady_clock::time_point> said;
    while (!stop.stop_requested()) {
        try {
            work();
            return;
        } catch (const StoreAway& away) {
            // An attempt may wait for seconds itself.
            if (const auto now = std::chrono::steady_clock::now();
                !said || now >= *said + line_every) {
                log_store_away(away.what());
                said = now;
            }
        }
        stopped.wait_for(lock, stop, again_after, [] { return false; });
    }
}

}  // namespace vigil::verifier
