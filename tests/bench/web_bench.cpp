// How long a page takes, for a network of 100,000 providers with one device each, or 10,000.
#include <algorithm>
#include <benchmark/benchmark.h>

#include "tests/store/samples.hpp"
#include "verifier/founding.hpp"
#include "verifier/roster.hpp"
#include "verifier/web/device_metrics.hpp"
#include "verifier/web/directory_text.hpp"
#include "verifier/web/routes.hpp"
#include "verifier/web/site.hpp"

namespace vigil::verifier::web {
namespace {

constexpr Instant now = instant_from_ms(1'700'000'000'000);

/// A store with the fleet, two closed windows and a settled day of it, and what pages need.
struct Network {
    std::unique_ptr<Store> store = open_sqlite_store(":memory:");
    std::unique_ptr<Schedule> schedule;
    std::unique_ptr<Roster> roster;
    Pulse pulse;
    std::unique_ptr<FleetWatch> watch;
    SlotIndex asked;  ///< an hourly check of a closed window

    explicit Network(std::uint64_t providers) {
        (void)found_network(*store, {.network_name = "bench", .policy = *preset("demo")},
                            now - std::chrono::hours{24});
        schedule = std::make_unique<Schedule>(*store);
        const Calendar calendar = schedule->calendar();
        const WindowIndex window = calendar.window_at(now) - 2;
        std::vector<DeviceRecord> devices;
        store->write([&](Transaction& tx) {
            for (std::uint64_t n = 0; n < providers; ++n) {
                auto owner = samples::node(static_cast<std::uint8_t>(n * 2'654'435'761 >> 8), n);
                owner.name = "rig-" + std::to_string(n);
                owner.region = n % 3 == 0 ? "eu-west" : "us-east";
                owner.payout = samples::bytes<PayoutAddress>(static_cast<std::uint8_t>(n), n);
                std::vector<DeviceRecord> named{samples::device(owner.id.bytes[0], n)};
                named[0].model = n % 2 == 0 ? "NVIDIA GeForce RTX 4090" : "NVIDIA H200";
                named[0].enrolled = named[0].active_from = now - std::chrono::hours{24};
                tx.enrol(samples::entry(owner.id, static_cast<std::int64_t>(n)), owner, named);
                devices.push_back(named[0]);
            }
            for (const std::int64_t w : {window.value, window.value + 1}) {
                std::vector<WindowRecord> rows;
                for (const DeviceRecord& device : devices)
                    rows.push_back(samples::window(device.ref, w, 4'600'000'000));
                tx.close_window({w}, now, {}, {}, rows);
            }
        });
        answer_checks(window, devices);
        roster = std::make_unique<Roster>(*store);
        watch = std::make_unique<FleetWatch>(
            *store, *roster, *schedule, pulse,
            FleetWatch::Hooks{.clock = [] { return now; }, .changed = {}, .failed = {}});
        watch->look();
    }

    /// Every check of all devices in the window; one device in 16 missed it.
    void answer_checks(WindowIndex window, const std::vector<DeviceRecord>& devices) {
        const DayIndex day = schedule->calendar().day_of(window);
        store->write([&](Transaction& tx) {
            tx.add_day_key({.day = day,
                            .key = samples::bytes<DayKey>(1, 1),
                            .commit = {},
                            .committed = now - std::chrono::hours{1},
                            .revealed = {}});
        });
        const auto plan = schedule->plan(window);
        const auto hourly =
            std::find_if(plan->fleet.begin(), plan->fleet.end(),
                         [](const FleetCheck& check) { return check.kind == CheckKind::hourly; });
        asked = hourly->slot;
        for (const FleetCheck& check : plan->fleet) {
            std::vector<VerdictRecord> verdicts;
            for (const DeviceRecord& device : devices) {
                CheckClaim claim =
                    samples::hourly(device.ref, static_cast<std::uint64_t>(check.slot.value));
                claim.window = window;
                claim.kind = check.kind;
                const bool answered = device.ref.number % 16 != 0;
                verdicts.push_back(
                    samples::verdict(claim, answered ? Verdict::passed : Verdict::missed));
            }
            store->write([&](Transaction& tx) { tx.add_verdicts(verdicts); });
        }
    }

    Site site() {
        return {.store = *store,
                .roster = *roster,
                .schedule = *schedule,
                .watch = *watch,
                .clock = [] { return now; },
                .not_ready = [] { return std::nullopt; },
                .version = "bench",
                .receipts = {}};
    }
};
Network& network() {
    static Network one{100'000};
    return one;
}
/// The largest for which the page of a check counts who missed it.
Network& network_counted() {
    static Network one{10'000};
    return one;
}

void providers_page_of(benchmark::State& state, const char* query) {
    const Site site = network().site();
    std::size_t bytes = 0;
    for (auto _ : state) {
        const Question question{.rest = {}, .query = *Query::read(query), .now = now};
        bytes = framed(site, providers_page(site, question)).body.size();
        benchmark::DoNotOptimize(bytes);
    }
    state.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK_CAPTURE(providers_page_of, first_page, "")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(providers_page_of, last_page_of_100, "rows=100&page=1000")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(providers_page_of, search, "q=rig-99")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(providers_page_of, search_without_a_hit, "q=nobody+here")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(providers_page_of, filtered_and_sorted, "sort=-rate&rate=100&state=offline")
    ->Unit(benchmark::kMillisecond);

void network_page_of(benchmark::State& state) {
    const Site site = network().site();
    for (auto _ : state)
        benchmark::DoNotOptimize(
            framed(site, network_page(site, {.rest = {}, .query = *Query::read(""), .now = now})));
}
BENCHMARK(network_page_of)->Unit(benchmark::kMillisecond);

/// How every device answered one check: 50 of them.
void fleet_check_page_of(benchmark::State& state, Network& (*of)(), const char* part) {
    const Site site = of().site();
    const auto query = Query::read(part + ("&slot=" + std::to_string(of().asked.value)));
    std::size_t bytes = 0;
    for (auto _ : state) {
        bytes = framed(site, fleet_check_page(site, {.rest = {}, .query = *query, .now = now}))
                    .body.size();
        benchmark::DoNotOptimize(bytes);
    }
    if (bytes < 10'000) state.SkipWithError("the page has no list of devices");
    state.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK_CAPTURE(fleet_check_page_of, of_100000, network, "page=1000")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(fleet_check_page_of, of_10000_counted, network_counted, "page=100")
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(fleet_check_page_of, of_10000_only_missed, network_counted, "only=missed")
    ->Unit(benchmark::kMillisecond);

/// Every two seconds, on a thread of its own.
void states_of_the_fleet(benchmark::State& state) {
    Network& n = network();
    const auto fleet = n.watch->fleet();
    for (auto _ : state)
        benchmark::DoNotOptimize(fleet_at(fleet->records, now, *n.schedule, n.pulse, 1));
}
BENCHMARK(states_of_the_fleet)->Unit(benchmark::kMillisecond);

/// After each closed window, on the same thread.
void records_of_the_fleet(benchmark::State& state) {
    Network& n = network();
    const auto fleet = n.watch->fleet();
    for (auto _ : state)
        benchmark::DoNotOptimize(read_records(*n.store, *n.schedule, 1, now, fleet->records.get()));
}
BENCHMARK(records_of_the_fleet)->Unit(benchmark::kMillisecond);

/// What Prometheus asks for when an operator wants every device.
void metrics_of_every_device(benchmark::State& state) {
    Network& n = network();
    std::size_t bytes = 0;
    for (auto _ : state) {
        bytes = device_metrics(*n.watch->fleet()->records, *n.roster).size();
        benchmark::DoNotOptimize(bytes);
    }
    state.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK(metrics_of_every_device)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace vigil::verifier::web

BENCHMARK_MAIN();
