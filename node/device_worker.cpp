#include "node/device_worker.hpp"

#include <algorithm>
#include <spdlog/spdlog.h>
#include <vector>

#include "node/console_lines.hpp"
#include "node/guarded_searcher.hpp"
#include "node/searching.hpp"
#include "node/timing.hpp"
#include "proto/edge/logging.hpp"

namespace vigil::node {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t queue_limit = 8;

double seconds(steady_clock::duration time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

DeviceWorker::DeviceWorker(std::unique_ptr<Searcher> searcher, WorkerPlace place,
                           WorkerSurroundings surroundings)
    : searcher_{std::move(searcher)},
      place_{std::move(place)},
      around_{std::move(surroundings)},
      thread_{[this] { run(); }} {}

DeviceWorker::~DeviceWorker() {
    quit();
    thread_.join();
}

bool DeviceWorker::take(DeviceCheck check) {
    const std::lock_guard lock{mutex_};
    if (finishing_ || waiting_.size() >= queue_limit) return false;
    const CheckKind kind = check.check.kind;
    waiting_.push_back(std::move(check));
    const bool outranked =
        stop_ && running_ == CheckKind::calibration && kind != CheckKind::calibration;
    if (outranked || (stop_ && !waiting_fit(*stop_))) {
        spdlog::info(
            "{}: the {} does not wait; the check before it is answered now with what it has",
            place_.label, check_words(kind));
        stop_ = std::min(*stop_, steady_clock::now());
    }
    changed_.notify_all();
    return true;
}

/// Whether every check that waits gets its whole working time, one after the other as next() takes
/// them, when the device is busy until then. With mutex_ held.
bool DeviceWorker::waiting_fit(SteadyTime busy_until) const {
    std::vector<const DeviceCheck*> turns;
    for (const DeviceCheck& check : waiting_) turns.push_back(&check);
    std::sort(turns.begin(), turns.end(),
              [](const auto* a, const auto* b) { return a->deadline() < b->deadline(); });
    return std::all_of(turns.begin(), turns.end(), [&](const DeviceCheck* check) {
        const bool fits = can_wait(check->check, check->learned, busy_until,
                                   deadline_margin(check->check, around_.round_trip()));
        busy_until += check->check.work + check->extra;
        return fits;
    });
}

void DeviceWorker::finish() {
    const std::lock_guard lock{mutex_};
    finishing_ = true;
    changed_.notify_all();
}

void DeviceWorker::quit() {
    const std::lock_guard lock{mutex_};
    finishing_ = quitting_ = true;
    waiting_.clear();
    changed_.notify_all();
}

bool DeviceWorker::idle() const {
    const std::lock_guard lock{mutex_};
    return !busy_ && waiting_.empty();
}

std::optional<DeviceCheck> DeviceWorker::next() {
    std::unique_lock lock{mutex_};
    busy_ = false;
    stop_.reset();
    while (!changed_.wait_for(lock, Milliseconds{500},
                              [this] { return finishing_ || !waiting_.empty(); })) {
        lock.unlock();
        give_memory_back();
        lock.lock();
    }
    if (waiting_.empty()) return std::nullopt;
    const auto first =
        std::min_element(waiting_.begin(), waiting_.end(),
                         [](const auto& a, const auto& b) { return a.deadline() < b.deadline(); });
    DeviceCheck check = std::move(*first);
    waiting_.erase(first);
    busy_ = true;
    return check;
}

void DeviceWorker::run() {
    const std::string found = around_.board.read().devices.at(place_.index).state;
    if (found.starts_with("failing")) failing_ = found;
    while (auto check = next()) {
        try {
            answer(*check);
        } catch (const std::exception& failure) {
            // A driver may throw anything; the device goes on with the next check.
            spdlog::error("{}: {} (E-DEVICE)", place_.label, edge::for_log(failure.what()));
            around_.metrics.count_kernel_error(place_.label, DeviceError::search_failed);
            fails(failure.what());
            around_.finished(*check, std::nullopt);
        }
        show(failing_.empty() ? "idle" : failing_);
    }
}

void DeviceWorker::answer(const DeviceCheck& check) {
    const auto plan = plan_search(check.check, check.learned, steady_clock::now(), check.extra,
                                  deadline_margin(check.check, around_.round_trip()));
    const std::string kind{check_words(check.check.kind)};
    if (!plan) {
        spdlog::warn("{}: {} left out, its deadline is too near", place_.label, kind);
        around_.metrics.count_result(check.check.kind, OwnResult::skipped);
        around_.finished(check, std::nullopt);
        return;
    }
    SteadyTime stop = plan->stop;
    {
        const std::lock_guard lock{mutex_};
        // What waits is not kept waiting for the sake of a delay to be made up for.
        if (!waiting_fit(stop))
            stop = std::min(stop, steady_clock::now() + check.check.work + check.extra);
        stop_ = stop;
        running_ = check.check.kind;
    }
    if (!may_work(stop)) {
        missed_by_pause(check);
        around_.finished(check, std::nullopt);
        return;
    }
    if (plan->late)
        spdlog::info("{}: {} learned {:.2f} s late, searching {:.2f} s to make up for it",
                     place_.label, kind, seconds(steady_clock::now() - plan->start),
                     seconds(plan->stop - steady_clock::now()));
    else
        spdlog::debug("{}: {}, searching {:.1f} s", place_.label, kind,
                      seconds(plan->stop - steady_clock::now()));
    if (failing_.empty()) show(kind);
    auto proof = around_.prove(check, [&] { return search(check, stop); });
    if (proof) failing_.clear();
    around_.metrics.observe_check(check.check.kind, seconds(steady_clock::now() - check.learned));
    around_.finished(check, std::move(proof));
}

/// Waits while the device is beyond a limit; false when it was until it was too late.
bool DeviceWorker::may_work(SteadyTime stop) {
    const auto pauses = [this] { return around_.beyond(place_.index).any(); };
    if (!pauses()) return true;
    give_memory_back();
    sleep_until(stop, [&] {
        if (steady_clock::now() >= stop_now(stop) || !pauses()) return true;
        const std::lock_guard lock{mutex_};
        return quitting_;
    });
    return !pauses() && steady_clock::now() < stop_now(stop);
}

/// The planned stop, or the nearer one that another check or the owner's limits have made of it.
SteadyTime DeviceWorker::stop_now(SteadyTime planned) {
    const std::lock_guard lock{mutex_};
    return stop_.value_or(planned);
}

void DeviceWorker::give_memory_back() {
    if (gave_back_ || !around_.beyond(place_.index).memory) return;
    gave_back_ = true;
    try {
        searcher_->rest();
        spdlog::info("{}: its buffers are given back", place_.label);
    } catch (const std::exception& failure) {
        spdlog::warn("{}: its buffers could not be given back: {}", place_.label,
                     edge::for_log(failure.what()));
    }
}

void DeviceWorker::missed_by_pause(const DeviceCheck& check) {
    {
        const std::lock_guard lock{mutex_};
        if (quitting_) return;
    }
    spdlog::warn("{}: the {} is missed, the device is paused", place_.label,
                 check_words(check.check.kind));
    around_.metrics.count_result(check.check.kind, OwnResult::paused);
    around_.board.change(
        [&](NodeStatus& status) { ++status.devices.at(place_.index).missed_while_paused; });
}

std::optional<Proof> DeviceWorker::search(const DeviceCheck& check, SteadyTime stop) {
    gave_back_ = false;
    const SearchOrder order{
        .device = check.device,
        .challenge = check.challenge,
        .k = check.check.k,
        .stop = stop,
        .first_nonce = random_u64() >> 1,  // so that no search reaches the end of the range
        .resume = around_.progress.find(check.device, check.challenge),
        .duty = place_.duty};
    if (order.resume)
        spdlog::info("{}: going on with {} of the run before, {} hashes done", place_.label,
                     a_check(check.check.kind), order.resume->hashes_tried);
    std::uint64_t hashes = 0;
    steady_clock::duration searching{};
    const SearchWatch watch{
        .stop =
            [this, stop] {
                const bool pauses = around_.beyond(place_.index).any();
                const std::lock_guard lock{mutex_};
                const auto now = steady_clock::now();
                if (pauses && stop_.value_or(stop) > now) {
                    spdlog::info("{}: paused; the {} is answered now with what it has",
                                 place_.label, check_words(running_));
                    stop_ = now;
                }
                return stop_.value_or(stop);
            },
        .abandon =
            [this] {
                const std::lock_guard lock{mutex_};
                return quitting_;
            },
        .hashed =
            [&](std::uint64_t count, steady_clock::duration elapsed) {
                hashes += count;
                searching += elapsed;
                rates_.add(count, elapsed);
                around_.metrics.add_hashes(place_.label, count);
                around_.board.change([&](NodeStatus& status) {
                    DeviceStatus& device = status.devices.at(place_.index);
                    device.hashes_total += count;
                    if (elapsed.count() > 0)
                        device.hashes_per_second = static_cast<double>(count) / seconds(elapsed);
                    device.rate_10s = rates_.over(std::chrono::seconds{10});
                    device.rate_15m = rates_.over(std::chrono::minutes{15});
                });
            },
        .progress = [this](const Progress& progress) { around_.progress.put(progress); },
        .failed =
            [this](const SearchFailed& failure, Milliseconds pause) {
                const bool hung = dynamic_cast<const SearchHung*>(&failure) != nullptr;
                spdlog::error("{}: {} (E-DEVICE); trying again in {} ms", place_.label,
                              edge::for_log(failure.what()), pause.count());
                around_.metrics.count_kernel_error(
                    place_.label, hung ? DeviceError::hung : DeviceError::search_failed);
                around_.board.change(
                    [&](NodeStatus& status) { ++status.devices.at(place_.index).failures; });
                fails(failure.what());
            }};
    const SearchOutcome outcome = search_until(*searcher_, order, watch);
    if (searching.count() > 0)
        around_.metrics.set_check_rate(place_.label,
                                       static_cast<double>(hashes) / seconds(searching));
    Rechecked checked = recheck(check.challenge, outcome.best, check.check.k);
    tell_of_mismatches(outcome.mismatches + checked.mismatches);
    tell_of_sieve(outcome.sieve);
    if (outcome.abandoned) return std::nullopt;
    if (checked.nonces.size() < check.check.k) {
        spdlog::error("{}: only {} good nonces where the {} wants {}: nothing is sent",
                      place_.label, checked.nonces.size(), check_words(check.check.kind),
                      check.check.k);
        if (outcome.mismatches + checked.mismatches == 0 && around_.beyond(place_.index).any())
            missed_by_pause(check);
        else
            around_.metrics.count_result(check.check.kind, OwnResult::skipped);
        if (outcome.mismatches + checked.mismatches > 0) fails("wrong hashes");
        return std::nullopt;
    }
    return Proof{check.device, check.challenge, std::move(checked.nonces), outcome.hashes_tried};
}

/// Counted always, said once an hour: a sick card is wrong in every check.
void DeviceWorker::tell_of_mismatches(std::uint64_t count) {
    if (count == 0) return;
    around_.metrics.count_mismatches(place_.label, count);
    around_.board.change(
        [&](NodeStatus& status) { status.devices.at(place_.index).mismatches += count; });
    const auto now = steady_clock::now();
    if (told_of_mismatches_ && now - *told_of_mismatches_ < std::chrono::hours{1}) return;
    told_of_mismatches_ = now;
    spdlog::error(
        "{}: {} nonces have another hash than the device said (E-DEVICE): they are left out, and "
        "its "
        "rate suffers. Unstable clock or memory? Lower the overclock. Said once an hour; the count "
        "is "
        "vigil_node_recheck_mismatches_total",
        place_.label, count);
}

/// Counted always, said once an hour.
void DeviceWorker::tell_of_sieve(const Sieve& sieve) {
    const bool gap = !sieve.plausible();
    around_.metrics.count_sieve(place_.label, sieve, gap);
    const auto now = steady_clock::now();
    if (!gap || (told_of_sieve_ && now - *told_of_sieve_ < std::chrono::hours{1})) return;
    told_of_sieve_ = now;
    spdlog::error(
        "{}: {} of its hashes passed a filter that {} should have passed (E-DEVICE): launches are "
        "lost, counted twice or wrong, and the rate it shows is not the one it is paid for. Try "
        "vigil-node run --retune, a newer driver, a lower overclock. Said once an hour; the count "
        "is vigil_node_sieve_gaps_total",
        place_.label, sieve.passed, sieve.expected_65536ths / 65'536);
}

void DeviceWorker::fails(const std::string& why) {
    failing_ = "failing: " + edge::for_log(why, 80);
    around_.failed(place_.label + ": " + edge::for_log(why, 200));
    show(failing_);
}

void DeviceWorker::show(std::string state) {
    around_.board.change(
        [&](NodeStatus& status) { status.devices.at(place_.index).state = std::move(state); });
}

}  // namespace vigil::node
