#include "verifier/demo/play.hpp"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <thread>
#include <unistd.h>

#include "proto/edge/files.hpp"
#include "verifier/demo/cast.hpp"

namespace vigil::verifier::demo {
namespace {

using namespace std::chrono_literals;

constexpr auto glance = 100ms;
constexpr auto enrol_within = 40s;
/// A first day with fewer whole windows ahead is not counted: nobody could earn anything to lose.
constexpr std::int64_t windows_for_a_day = 3;

void say(const std::string& line) {
    std::fputs((line + "\n").c_str(), stdout);
    std::fflush(stdout);
}

/// One run of the play.
class Play {
public:
    Play(Stage& stage, const PlayOptions& options, const std::stop_token& stop)
        : stage_{stage},
          options_{options},
          stop_{stop},
          calendar_{stage.schedule.calendar()},
          players_{cast(stage, options)} {}

    Ending run() {
        introduce();
        for (Player& player : players_) player.process->start();
        if (!wait_for_enrolment()) return Ending::interrupted;
        const CountedDays days = counted_days();
        say(fmt::format(
            "\nEverybody is enrolled and calibrated. Counting {} day{} of {} s, the first ends in "
            "{} s.\n",
            days.count, days.count == 1 ? "" : "s", calendar_.day_length().count() / 1000,
            (calendar_.span(days.first).end - stage_.clock()).count() / 1000));
        if (!wait_for_days(days)) return Ending::interrupted;
        const bool good = report(days);
        if (options_.go_on) linger();
        for (Player& player : players_) player.process->stop(2s);
        return good ? Ending::as_expected : Ending::not_as_expected;
    }

private:
    bool stopped() const { return stop_.stop_requested(); }

    void introduce() const {
        say("Playing:");
        for (const Player& player : players_)
            say(fmt::format("  {:<10}{}", player.actor.name, player.what));
    }

    /// Every player's node is enrolled, and every device of it has been calibrated.
    bool all_enrolled() const {
        std::size_t ready = 0;
        stage_.store.read([&](Reader& reader) {
            const auto rates = reader.calibration_rates();
            const auto calibrated = [&rates](const DeviceRecord& device) {
                return std::any_of(rates.begin(), rates.end(),
                                   [&](const auto& rate) { return rate.first == device.ref; });
            };
            ready = 0;
            for (const NodeRecord& node : reader.nodes()) {
                const auto devices = reader.devices_of(node.ref);
                ready +=
                    !devices.empty() && std::all_of(devices.begin(), devices.end(), calibrated);
            }
        });
        return ready >= players_.size();
    }

    bool wait_for_enrolment() {
        const auto give_up = std::chrono::steady_clock::now() + enrol_within;
        while (!all_enrolled()) {
            if (stopped()) return false;
            for (Player& player : players_)
                if (!player.process->running()) fail(player, "ended before it was enrolled");
            if (std::chrono::steady_clock::now() > give_up)
                fail(players_.front(),
                     fmt::format("or another player was not enrolled and calibrated within {} s",
                                 enrol_within / 1s));
            std::this_thread::sleep_for(glance);
        }
        return true;
    }

    [[noreturn]] void fail(const Player& player, const std::string& what) const {
        throw edge::Fatal{edge::exit_check_failed, "E-DEMO",
                          fmt::format("the node \"{}\" {}; the end of its log:\n{}",
                                      player.actor.name, what, player.process->last_lines())};
    }

    CountedDays counted_days() const {
        const Instant now = stage_.clock();
        const DayIndex today = calendar_.day_at(now);
        const auto left = (calendar_.span(today).end - now) / calendar_.window_length();
        return {.first = left >= windows_for_a_day ? today : today + 1, .count = options_.days};
    }

    bool wait_for_days(const CountedDays& days) {
        std::optional<DayIndex> settled;
        while (!settled || *settled < days.first + (days.count - 1)) {
            if (stopped()) return false;
            direct(days);
            announce_windows();
            stage_.store.read([&](Reader& reader) {
                settled.reset();
                if (const auto last = reader.last_settled_day()) settled = last->day;
            });
            std::this_thread::sleep_for(glance);
        }
        announce_windows();
        return true;
    }

    /// The flaky one's power fails for the whole second day.
    void direct(const CountedDays& days) {
        const Instant now = stage_.clock();
        const bool power_fails = days.count > 1 && calendar_.day_at(now) == days.first + 1;
        for (Player& player : players_) {
            if (player.actor.part != Part::flaky) {
                if (!player.process->running()) fail(player, "ended by itself");
            } else if (power_fails && player.process->running()) {
                say(fmt::format("  -- {}: the power fails", player.actor.name));
                player.process->kill();
            } else if (!power_fails && !player.process->running()) {
                say(fmt::format("  -- {}: the power is back", player.actor.name));
                player.process->start();
            }
        }
    }

    void announce_windows() {
        std::optional<WindowIndex> closed;
        stage_.store.read([&](Reader& reader) { closed = reader.last_closed_window(); });
        if (!closed || closed == announced_) return;
        announced_ = closed;
        const DayIndex day = calendar_.day_of(*closed);
        std::string line = fmt::format("  day {} window {}/{} closed:", day.value,
                                       closed->value - calendar_.first_window(day).value + 1,
                                       calendar_.windows_per_day());
        stage_.store.read([&](Reader& reader) { line += outcomes(reader, *closed); });
        say(line);
    }

    std::string outcomes(Reader& reader, WindowIndex window) const {
        std::string text;
        for (const Player& player : players_)
            for (const NodeRecord& node : reader.nodes()) {
                if (node.name != player.actor.name) continue;
                for (const DeviceRecord& device : reader.devices_of(node.ref))
                    for (const WindowRecord& row :
                         reader.windows(device.ref, {.before = window.value + 1, .limit = 1}))
                        if (row.window == window)
                            text +=
                                fmt::format("  {} {}", player.actor.name, to_string(row.outcome));
            }
        return text;
    }

    bool report(const CountedDays& days) const {
        std::vector<Actor> actors;
        for (const Player& player : players_) actors.push_back(player.actor);
        const std::uint64_t refused = stage_.refused();
        std::string table;
        std::vector<std::string> unmet;
        stage_.store.read([&](Reader& reader) {
            table = day_table(reader, calendar_, actors, days);
            unmet = unmet_expectations(reader, calendar_, actors, days, refused);
        });
        say("\n" + table);
        say(fmt::format(
            "✓ complete  ✗ incomplete  ○ void  · not enrolled; rates with their 95 % interval; "
            "credits, 1 credit = 1,000,000 micro-credits.\n{} replayed answers were refused.",
            refused));
        for (const std::string& sentence : unmet) say("NOT AS EXPECTED: " + sentence);
        if (unmet.empty()) say("Everything came as expected.");
        return unmet.empty();
    }

    void linger() {
        say("\nThe network goes on. Ctrl-C ends it and leaves nothing behind.");
        while (!stopped()) {
            announce_windows();
            std::this_thread::sleep_for(glance);
        }
    }

    Stage& stage_;
    const PlayOptions& options_;
    const std::stop_token& stop_;
    const Calendar calendar_;
    std::vector<Player> players_;
    std::optional<WindowIndex> announced_;
};

}  // namespace

Ending play(Stage& stage, const PlayOptions& options, const std::stop_token& stop) {
    return Play{stage, options, stop}.run();
}

std::filesystem::path find_node_program(const std::filesystem::path& own_program,
                                        const char* path) {
    const std::filesystem::path beside = own_program.parent_path();
    std::vector<std::filesystem::path> places{beside / "vigil-node",
                                              beside.parent_path() / "node" / "vigil-node"};
    std::string rest = path ? path : "";
    while (!rest.empty()) {
        const std::size_t colon = rest.find(':');
        places.push_back(std::filesystem::path{rest.substr(0, colon)} / "vigil-node");
        rest = colon == std::string::npos ? "" : rest.substr(colon + 1);
    }
    for (const auto& place : places)
        if (::access(place.c_str(), X_OK) == 0) return place;
    throw edge::Fatal{
        edge::exit_configuration, "E-DEMO",
        fmt::format(
            "vigil-node was not found beside {}, in {} or on the PATH; build it, or name it "
            "with --node-program",
            own_program.string(), (beside.parent_path() / "node").string())};
}

}  // namespace vigil::verifier::demo
