#include "tests/load/fleet.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "core/base/ids.hpp"
#include "proto/edge/kernel_watch.hpp"

namespace vigil::load {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t shared_channels = 8;

template <class Condition>
bool wait_until(Steady::time_point end, Condition condition) {
    while (!condition()) {
        if (Steady::now() > end) return false;
        std::this_thread::sleep_for(2ms);
    }
    return true;
}

}  // namespace

/// The nodes of one loop.
struct Fleet::Team {
    Loop loop;
    Crew crew{.loop = loop,
              .target = {},
              .preparing = {},
              .enrolled = {},
              .learned = {},
              .record = {},
              .window = 1,
              .judged = true};
    std::vector<std::unique_ptr<LoadNode>> nodes;
    std::size_t paced_next = 0;
    std::size_t entering = 0;  ///< nodes whose entry was begun
};

Fleet::Fleet(FleetOptions options) : options_{std::move(options)} {
    const NetworkId network = network_id(options_.network);
    for (unsigned i = 0; i < options_.threads; ++i) {
        auto team = std::make_unique<Team>();
        team->crew.target = options_.target;
        team->crew.preparing = {.network = network, .tries = options_.tries, .unary = false};
        team->crew.learned = [this](const wire::OpenCheck& check) { learned(check); };
        team->crew.enrolled = [this](const wire::Network& told) {
            const std::lock_guard lock{mutex_};
            if (!network_) network_ = told;
        };
        teams_.push_back(std::move(team));
    }
    for (std::size_t i = 0; i < options_.nodes; ++i) {
        Team& team = *teams_[i % teams_.size()];
        team.nodes.push_back(
            std::make_unique<LoadNode>(team.crew, Identity{options_.seed, i, options_.devices}));
        team.nodes.back()->then_open = i >= options_.unary;
    }
    if (options_.unary > 0)
        for (std::size_t i = 0; i < shared_channels; ++i)
            shared_.push_back(connect(options_.target));
}

Fleet::~Fleet() {
    try {
        close_streams(20s);
    } catch (const std::exception&) {
        std::abort();  // what the streams still use cannot be taken away
    }
}

void Fleet::each_team(const std::function<void(Team&)>& task) {
    for (const auto& team : teams_) team->loop.run([&] { task(*team); });
}

void Fleet::learned(const wire::OpenCheck& check) {
    const auto now = Steady::now();
    const std::lock_guard lock{mutex_};
    if (!latest_ || check.start > latest_->start) {
        latest_ = check;
        latest_at_ = now;
        arrivals_ = {0, now, now};
        ++checks_;
        changed_.notify_all();
    }
    if (check.start != latest_->start) return;
    ++arrivals_.count;
    arrivals_.last = now;
}

Arrivals Fleet::arrivals() const {
    const std::lock_guard lock{mutex_};
    return arrivals_;
}

std::uint64_t Fleet::checks() const {
    const std::lock_guard lock{mutex_};
    return checks_;
}

Steady::duration Fleet::start(std::chrono::seconds within) {
    const auto begun = Steady::now();
    const std::size_t at_once = std::max<std::size_t>(1, options_.opening_at_once / teams_.size());
    const bool all = wait_until(begun + within, [&] {
        std::size_t entered = 0;
        each_team([&](Team& team) {
            // A node has entered once it is enrolled, and its stream open if it holds one.
            const std::size_t known = team.crew.known;
            const std::size_t waiting_for_stream = static_cast<std::size_t>(std::count_if(
                team.nodes.begin(), team.nodes.begin() + static_cast<std::ptrdiff_t>(team.entering),
                [](const auto& node) { return node->then_open && !node->is_open(); }));
            const std::size_t under_way =
                std::max(team.entering - std::min(team.entering, known), waiting_for_stream);
            for (std::size_t n = under_way; n < at_once && team.entering < team.nodes.size(); ++n)
                team.nodes[team.entering++]->enrol();
            if (team.entering == team.nodes.size() && waiting_for_stream == 0) entered += known;
        });
        return entered == options_.nodes;
    });
    if (!all)
        throw std::runtime_error{"not all nodes were enrolled and connected within " +
                                 std::to_string(within.count()) + " s"};
    return Steady::now() - begun;
}

wire::OpenCheck Fleet::next_check(std::chrono::seconds within) {
    std::unique_lock lock{mutex_};
    const auto from = Steady::now();
    if (!changed_.wait_for(lock, within, [&] { return latest_ && latest_at_ > from; }))
        throw std::runtime_error{"no fleet check came within " + std::to_string(within.count()) +
                                 " s"};
    return *latest_;
}

std::size_t Fleet::prepare(const wire::OpenCheck& check, const PrepareOptions& wanted) {
    std::vector<LoadNode*> nodes;
    for (const auto& team : teams_)
        for (const auto& node : team->nodes) nodes.push_back(node.get());
    const std::size_t share = wanted.most / nodes.size() + 1;
    std::atomic<std::size_t> prepared{0};
    // Everybody's first answer, then everybody's second: so the load stays spread when time is up.
    const auto work = [&](std::size_t first) {
        Preparing preparing = teams_.front()->crew.preparing;
        for (std::size_t at = 0; at < options_.devices && at / wanted.devices_an_answer < share &&
                                 Steady::now() < wanted.until;
             at += wanted.devices_an_answer) {
            const std::size_t count = std::min(wanted.devices_an_answer, options_.devices - at);
            for (std::size_t i = first; i < nodes.size(); i += options_.preparing_threads) {
                LoadNode& node = *nodes[i];
                preparing.unary = !node.then_open;
                const std::span<const DeviceId> devices = node.identity().devices;
                node.prepared().push_back(
                    load::prepare(preparing, node.identity(), check, devices.subspan(at, count)));
                ++prepared;
            }
        }
    };
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < options_.preparing_threads; ++i) threads.emplace_back(work, i);
    threads.clear();
    return prepared;
}

void Fleet::send_freely(std::size_t window, Steady::time_point until) {
    each_team([&](Team& team) {
        team.crew.window = window;
        team.crew.sending = true;
        for (const auto& node : team.nodes) node->flow();
    });
    wait_until(until, [&] {
        return std::all_of(teams_.begin(), teams_.end(),
                           [](const auto& team) { return team->crew.left == 0; });
    });
    stop_sending();
}

void Fleet::send_as_they_open(std::size_t window) {
    each_team([&](Team& team) {
        team.crew.window = window;
        team.crew.sending = true;
    });
}

void Fleet::stop_sending() {
    for (const auto& team : teams_) team->crew.sending = false;
}

void Fleet::send_paced(double rate, Steady::time_point until) {
    const auto interval = std::chrono::duration_cast<Steady::duration>(
        std::chrono::duration<double>{static_cast<double>(teams_.size()) / rate});
    std::atomic<std::size_t> running{teams_.size()};
    for (const auto& team : teams_) {
        Team& its = *team;
        its.loop.post([&its, &running, interval, until] {
            const auto step = [&its, &running, interval, until](const auto& self,
                                                                Steady::time_point due) -> void {
                const auto now = Steady::now();
                bool left = true;
                for (; left && due <= now; due += interval) {
                    left = false;
                    for (std::size_t i = 0; !left && i < its.nodes.size(); ++i)
                        left = its.nodes[its.paced_next++ % its.nodes.size()]->send_next(due);
                }
                if (!left || now >= until)
                    --running;
                else
                    its.loop.after(due, [self, due] { self(self, due); });
            };
            step(step, Steady::now());
        });
    }
    wait_until(until + 10s, [&] { return running == 0; });
}

void Fleet::submit_over(Steady::duration spread) {
    std::size_t total = 0;
    for (const auto& team : teams_)
        for (const auto& node : team->nodes) total += node->then_open ? 0 : 1;
    const auto begun = Steady::now();
    std::size_t i = 0;
    for (const auto& team : teams_)
        for (const auto& node : team->nodes) {
            if (node->then_open) continue;
            std::this_thread::sleep_until(begun + spread * static_cast<std::int64_t>(i) /
                                                      static_cast<std::int64_t>(total));
            const auto& channel = shared_[i++ % shared_.size()];
            team->loop.post([&node = *node, channel] { node.poll_and_submit(channel); });
        }
}

std::uint64_t Fleet::wait_for_replies(std::chrono::milliseconds within) {
    const auto left = [&] {
        std::uint64_t all = 0;
        for (const auto& team : teams_) all += team->crew.left;
        return all;
    };
    wait_until(Steady::now() + within, [&] { return left() == 0; });
    return left();
}

void Fleet::forget_prepared() {
    each_team([](Team& team) {
        for (const auto& node : team.nodes) node->prepared().clear();
    });
}

void Fleet::close_streams(std::chrono::seconds within) {
    each_team([](Team& team) {
        for (const auto& node : team.nodes) node->close();
    });
    const bool closed = wait_until(Steady::now() + within, [&] {
        std::size_t streams = 0;
        each_team([&](Team& team) {
            for (const auto& node : team.nodes) streams += node->has_stream();
        });
        return streams == 0;
    });
    if (!closed) throw std::runtime_error{"streams did not end"};
}

Steady::duration Fleet::open_streams(std::chrono::seconds within) {
    const auto begun = Steady::now();
    each_team([](Team& team) {
        for (const auto& node : team.nodes)
            if (node->then_open) node->open();
    });
    const std::size_t wanted = options_.nodes - options_.unary;
    if (!wait_until(begun + within, [&] { return open_streams() == wanted; }))
        throw std::runtime_error{std::to_string(open_streams()) + " of " + std::to_string(wanted) +
                                 " streams came back"};
    return Steady::now() - begun;
}

void Fleet::read_slowly(std::size_t every, bool slowly) {
    each_team([&](Team& team) {
        for (std::size_t i = 0; i < team.nodes.size(); i += every)
            team.nodes[i]->read_slowly(slowly);
    });
}

std::uint64_t Fleet::wait_for_slow(std::chrono::milliseconds within) {
    const auto left = [&] {
        std::uint64_t all = 0;
        for (const auto& team : teams_) all += team->crew.slow_left;
        return all;
    };
    wait_until(Steady::now() + within, [&] { return left() == 0; });
    return left();
}

void Fleet::keep_pinging(std::chrono::seconds every) {
    using namespace std::chrono_literals;
    // Thousands that ask in one instant are more than the kernel keeps on the way to itself.
    for (const int connection : edge::connections_to(options_.target.address)) {
        edge::watch_by_kernel(connection, {.ask_after = 10s, .answer_within = 9s});
        std::this_thread::sleep_for(1ms);
    }
    in_turns(every, [](LoadNode& node, std::size_t) { node.ping(); });
}

void Fleet::keep_polling(std::chrono::seconds every) {
    if (shared_.empty()) throw std::runtime_error{"nobody polls: say --streams 0"};
    in_turns(every, [this](LoadNode& node, std::size_t turn) {
        node.poll(shared_[turn % shared_.size()]);
    });
}

void Fleet::in_turns(Steady::duration every,
                     const std::function<void(LoadNode&, std::size_t turn)>& act) {
    turning_ = true;
    each_team([&](Team& team) {
        const auto apart = every / static_cast<std::int64_t>(team.nodes.size());
        const auto step = [this, &team, apart, act](const auto& self, Steady::time_point due,
                                                    std::size_t turn) -> void {
            if (!turning_) return;
            for (; due <= Steady::now(); due += apart, ++turn)
                act(*team.nodes[turn % team.nodes.size()], turn);
            team.loop.after(due, [self, due, turn] { self(self, due, turn); });
        };
        step(step, Steady::now(), 0);
    });
}

std::uint64_t Fleet::open_streams() const {
    std::uint64_t open = 0;
    for (const auto& team : teams_) open += team->crew.open;
    return open;
}

Record Fleet::take_record() {
    Record all;
    each_team([&](Team& team) { all.add(std::exchange(team.crew.record, {})); });
    return all;
}

}  // namespace vigil::load
