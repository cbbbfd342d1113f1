#include "verifier/store/postgres/pool.hpp"

#include <algorithm>
#include <random>
#include <thread>

namespace vigil::verifier::postgres {
namespace {

constexpr std::chrono::seconds turn_within{60};
constexpr int attempts_max = 10;
constexpr std::chrono::seconds attempts_within{30};
constexpr std::chrono::milliseconds first_pause{10}, longest_pause{3'000};
constexpr std::chrono::milliseconds longest_pause_in_an_outage{500};

}  // namespace

std::unique_ptr<Connection> Pool::take(std::uint64_t& era) {
    {
        std::unique_lock lock{mutex_};
        if (!returned_.wait_for(lock, turn_within,
                                [this] { return !idle_.empty() || made_ < most_; }))
            throw StoreFailed{"store " + address_.name() + ": all " + std::to_string(most_) +
                              " connections have been busy for a minute; nothing of the "
                              "transaction was kept"};
        drop_idle_of_past_eras();
        era = *eras_;
        if (!idle_.empty()) {
            auto connection = std::move(idle_.back().connection);
            idle_.pop_back();
            return connection;
        }
        ++made_;
    }
    try {
        return std::make_unique<Connection>(
            address_, clock_, Waits{.longest = longest_, .others_went = [eras = eras_, era] {
                                        return *eras != era;
                                    }});
    } catch (...) {
        const std::scoped_lock lock{mutex_};
        --made_;
        returned_.notify_all();
        throw;
    }
}

void Pool::drop_idle_of_past_eras() {
    const std::uint64_t now = *eras_;
    made_ -= std::erase_if(idle_, [now](const Idle& one) { return one.era != now; });
}

void Pool::give_back(std::unique_ptr<Connection> connection, std::uint64_t era) noexcept {
    connection->rollback();
    const bool good = connection->usable();
    const std::scoped_lock lock{mutex_};
    if (good) {
        idle_.push_back({std::move(connection), era});
    } else {
        // The others were made to the same server and have likely gone with it.
        --made_;
        if (era == *eras_) ++*eras_;
    }
    drop_idle_of_past_eras();
    returned_.notify_all();
}

void with_repetition(const std::function<void()>& attempt, const std::function<void()>& failed,
                     Patience patience) {
    const bool brief = patience == Patience::brief;
    thread_local std::minstd_rand chance{std::random_device{}()};
    const auto deadline = std::chrono::steady_clock::now() + attempts_within;
    auto pause = first_pause;
    for (int number = 1;; ++number) {
        try {
            attempt();
            return;
        } catch (const TryAgain&) {
            failed();
            if ((brief && number == attempts_max) || std::chrono::steady_clock::now() >= deadline)
                throw;
        }
        std::uniform_int_distribution<std::int64_t> length{pause.count() / 2, pause.count()};
        std::this_thread::sleep_for(std::chrono::milliseconds{length(chance)});
        pause = std::min(2 * pause, brief ? longest_pause : longest_pause_in_an_outage);
    }
}

}  // namespace vigil::verifier::postgres
