#include "verifier/scheduler.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <thread>
#include <utility>

namespace vigil::verifier {
namespace {

namespace asio = boost::asio;
using Steady = std::chrono::steady_clock;

constexpr Milliseconds longest_sleep{1'000};
constexpr Milliseconds first_backoff{100};
constexpr Milliseconds longest_backoff{5'000};

}  // namespace

/// One task that is run again and again on a thread of its own.
struct Scheduler::Loop {
    Loop(std::string name, std::function<Instant(Instant)> run_task, ClockGuard& guarded,
         SchedulerHooks told)
        : task{std::move(name)},
          run{std::move(run_task)},
          clock{guarded},
          hooks{std::move(told)},
          last_through{Steady::now().time_since_epoch()} {}

    ~Loop() { stop(); }

    void ask_to_stop() {
        asio::post(context, [this] {
            stopping = true;
            timer.cancel();
        });
    }

    void stop() {
        if (!thread.joinable()) return;
        ask_to_stop();
        thread.join();
    }

    void start() {
        sleep(Milliseconds{0});
        thread = std::thread{[this] { context.run(); }};
    }

    void sleep(Milliseconds time) {
        timer.expires_after(time);
        timer.async_wait([this](const boost::system::error_code&) {
            if (!stopping) tick();
        });
    }

    void tick() {
        const Instant now = clock.now();
        try {
            const Instant next = run(now);
            backoff = first_backoff;
            last_through = Steady::now().time_since_epoch();
            sleep(std::clamp(std::chrono::duration_cast<Milliseconds>(next - clock.now()),
                             Milliseconds{0}, longest_sleep));
        } catch (const std::exception& failure) {
            if (hooks.failed) hooks.failed(task, failure.what(), backoff);
            sleep(backoff);
            backoff = std::min(backoff * 2, longest_backoff);
        }
    }

    const std::string task;
    const std::function<Instant(Instant)> run;
    ClockGuard& clock;
    const SchedulerHooks hooks;
    std::atomic<Steady::duration> last_through;
    asio::io_context context{1};
    asio::steady_timer timer{context};
    // of the thread
    bool stopping = false;
    Milliseconds backoff = first_backoff;
    std::thread thread;
};

Scheduler::Scheduler(Timeline& timeline, ClockGuard& clock, SchedulerHooks hooks)
    : checks_{std::make_unique<Loop>(
          "starting checks", [&timeline](Instant now) { return timeline.start_checks(now); }, clock,
          hooks)},
      books_{std::make_unique<Loop>(
          "keeping books",
          [&timeline, &clock, known = clock.steps_ahead()](Instant now) mutable {
              // Asked after the time was taken, which may be the first after a step.
              const std::uint64_t steps = clock.steps_ahead();
              if (std::exchange(known, steps) != steps) timeline.clock_stepped_ahead();
              return clock.held() ? timeline.stay_alive(now) : timeline.keep_books(now);
          },
          clock, hooks)},
      following_{std::make_unique<Loop>(
          "following the other verifiers",
          [&timeline](Instant now) { return timeline.follow(now); }, clock, std::move(hooks))} {}

Scheduler::~Scheduler() = default;

void Scheduler::start() {
    books_->start();
    checks_->start();
    following_->start();
}

void Scheduler::stop() {
    const std::array all{checks_.get(), books_.get(), following_.get()};
    // First, so that they finish beside each other: each may wait for a store that hangs.
    for (Loop* loop : all) loop->ask_to_stop();
    for (Loop* loop : all) loop->stop();
}

Steady::duration Scheduler::silence() const {
    const auto oldest = std::min({checks_->last_through.load(), books_->last_through.load(),
                                  following_->last_through.load()});
    return Steady::now().time_since_epoch() - oldest;
}

}  // namespace vigil::verifier
