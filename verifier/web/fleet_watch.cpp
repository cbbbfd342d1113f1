#include "verifier/web/fleet_watch.hpp"

#include <utility>

namespace vigil::verifier::web {
namespace {

constexpr std::chrono::seconds look_every{2};
/// While a fleet enrols every look finds it changed; reading it all takes at most one part in so
/// many of the thread's time.
constexpr int reading_share = 10;

bool is_current(const FleetRecords& records, DayIndex today,
                const std::optional<WindowIndex>& closed,
                const std::optional<SettledDay>& settled) {
    const auto day = [](const std::optional<SettledDay>& one) {
        return one ? std::optional{one->day} : std::nullopt;
    };
    return records.today == today && records.closed == closed &&
           day(records.settled) == day(settled);
}

}  // namespace

FleetWatch::FleetWatch(Store& store, const Roster& roster, Schedule& schedule, Pulse& pulse,
                       Hooks hooks)
    : store_{store},
      roster_{roster},
      schedule_{schedule},
      pulse_{pulse},
      hooks_{std::move(hooks)} {}

FleetWatch::~FleetWatch() { stop(); }

void FleetWatch::start() {
    recall();
    look();
    thread_ = std::thread{[this] { run(); }};
}

void FleetWatch::stop() {
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
    }
    woken_.notify_all();
    if (thread_.joinable()) thread_.join();
}

std::shared_ptr<const Fleet> FleetWatch::fleet() const {
    const std::lock_guard lock{mutex_};
    return fleet_;
}

/// What a restart forgot: the verdicts of the window that is open and of the one before.
void FleetWatch::recall() {
    const WindowIndex window = schedule_.calendar().window_at(hooks_.clock());
    store_.read([&](Reader& reader) {
        for (const WindowIndex one : {window - 1, window})
            for (const CheckRow& row : reader.verdicts_of(one)) pulse_.note(row.verdict);
    });
}

void FleetWatch::look() {
    const Instant now = hooks_.clock();
    const auto known = fleet();
    const std::uint64_t roster_version =
        roster_.version();  // before reading: what comes then is read again
    std::optional<WindowIndex> closed;
    std::optional<SettledDay> settled;
    store_.read([&](Reader& reader) {
        closed = reader.last_closed_window();
        settled = reader.last_settled_day();
    });
    auto records = known ? known->records : nullptr;
    std::uint64_t version = known ? known->version : 0;
    const auto begin = std::chrono::steady_clock::now();
    const bool enrolled = records && records->roster_version != roster_version;
    if (!records || !is_current(*records, schedule_.calendar().day_at(now), closed, settled) ||
        (enrolled && begin >= next_reading_)) {
        records = read_records(store_, schedule_, roster_version, now, records.get());
        ++version;
        const auto end = std::chrono::steady_clock::now();
        next_reading_ = end + (end - begin) * (reading_share - 1);
    }
    auto fresh = fleet_at(std::move(records), now, schedule_, pulse_, version);
    {
        const std::lock_guard lock{mutex_};
        fleet_ = fresh;
    }
    if (hooks_.changed) hooks_.changed(*fresh);
}

void FleetWatch::run() {
    std::unique_lock lock{mutex_};
    while (!woken_.wait_for(lock, look_every, [this] { return stopping_; })) {
        lock.unlock();
        try {
            look();
        } catch (const std::exception& failure) {
            if (hooks_.failed) hooks_.failed(failure.what());
        }
        lock.lock();
    }
}

}  // namespace vigil::verifier::web
