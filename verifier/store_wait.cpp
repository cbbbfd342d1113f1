#include "verifier/store_wait.hpp"

#include <condition_variable>
#include <mutex>

#include "verifier/journal.hpp"
#include "verifier/store/store_away.hpp"

namespace vigil::verifier {
namespace {

constexpr std::chrono::seconds again_after{1};
constexpr int attempts_a_line = 10;

}  // namespace

void run_when_store_is_there(const std::function<void()>& work, const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock{mutex};
    for (int attempt = 0; !stop.stop_requested(); ++attempt) {
        try {
            work();
            return;
        } catch (const StoreAway& away) {
            if (attempt % attempts_a_line == 0) log_store_away(away.what());
        }
        stopped.wait_for(lock, stop, again_after, [] { return false; });
    }
}

}  // namespace vigil::verifier
