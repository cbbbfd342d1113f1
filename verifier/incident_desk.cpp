#include "verifier/incident_desk.hpp"

#include "verifier/incident_notices.hpp"

namespace vigil::verifier {
namespace {

constexpr std::chrono::seconds again_after{10};  ///< a store that could not be read

}  // namespace

IncidentDesk::IncidentDesk(DeviceIncidents& incidents, edge::Notifier& notifier, std::string source,
                           Hooks hooks)
    : incidents_{incidents},
      notifier_{notifier},
      source_{std::move(source)},
      hooks_{std::move(hooks)} {}

IncidentDesk::~IncidentDesk() { stop(); }

void IncidentDesk::start() {
    if (notifier_.has_channels()) thread_ = std::thread{[this] { run(); }};
}

void IncidentDesk::stop() {
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
    }
    woken_.notify_all();
    if (thread_.joinable()) thread_.join();
}

void IncidentDesk::window_closed(WindowIndex window) {
    const std::lock_guard lock{mutex_};
    if (!closed_) first_ = window;
    closed_ = window;
    woken_.notify_all();
}

void IncidentDesk::day_settled(DayIndex day) {
    const std::lock_guard lock{mutex_};
    settled_ = day;
    woken_.notify_all();
}

void IncidentDesk::run() {
    std::unique_lock lock{mutex_};
    while (!stopping_) {
        woken_.wait(lock, [this] { return stopping_ || closed_ || settled_; });
        if (stopping_) return;
        lock.unlock();
        bool done = true;
        try {
            work();
        } catch (const StoreFailed& failure) {
            done = false;
            if (hooks_.failed) hooks_.failed(failure.what());
        }
        lock.lock();
        if (!done) woken_.wait_for(lock, again_after, [this] { return stopping_; });
    }
}

void IncidentDesk::work() {
    std::optional<WindowIndex> first, closed;
    std::optional<DayIndex> settled;
    {
        const std::lock_guard lock{mutex_};
        first = first_;
        closed = closed_;
        settled = settled_;
    }
    const Instant now = hooks_.clock();
    if (closed) {
        latest_ = incidents_.follow(*closed, first);
        for (const edge::Notice& notice : notices_of(latest_, source_, now)) notifier_.tell(notice);
        const std::lock_guard lock{mutex_};
        if (closed_ == closed)
            closed_.reset();
        else
            first_ = *closed + 1;
    }
    if (settled) {
        latest_ = incidents_.open_now(latest_);
        if (const auto notice = notice_going_on(latest_, *settled, source_, now))
            notifier_.tell(*notice);
    }
    const std::lock_guard lock{mutex_};
    if (settled_ == settled) settled_.reset();
}

void IncidentDesk::look(const std::optional<std::string>& trouble, bool keeps_books) {
    const Instant now = hooks_.clock();
    if (!trouble) since_.reset();
    if (trouble && !since_) since_ = now;
    Sign sign = Sign::good;
    if (trouble) sign = now - *since_ >= patience ? Sign::bad : Sign::unknown;
    if (trouble) why_ = *trouble;
    const Incident before = own_;
    const IncidentStep stepped = step(own_, sign, since_.value_or(now), 1);
    own_ = stepped.after;
    if (stepped.news == IncidentStep::News::opened)
        notifier_.tell(notice_of_verifier(false, why_, own_.since, source_, now));
    if (stepped.news == IncidentStep::News::recovered)
        notifier_.tell(notice_of_verifier(true, why_, before.since, source_, now));
    if (!trouble && keeps_books) notifier_.ping();
}

}  // namespace vigil::verifier
