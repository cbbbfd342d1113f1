#include "tests/load/profiles.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "tests/load/queries.hpp"

namespace vigil::load {
namespace {

using namespace std::chrono_literals;
using Seconds = std::chrono::duration<double>;

constexpr auto check_within = 120s;
constexpr auto reply_within = 10s;
constexpr auto before_deadline = 300ms;

/// Sending phases put together: what was prepared before each is left out.
struct Phases {
    Seconds elapsed{};
    std::chrono::nanoseconds cpu{}, own_cpu{};
    std::uint64_t replied = 0;
    std::uint64_t unreplied = 0;
    int rounds = 0;  ///< checks with answers
    Record times;
};

std::int64_t count(std::uint64_t n) { return static_cast<std::int64_t>(n); }

/// The verifier's remaining time is ours from when the check came; a little is kept back.
Steady::time_point last_moment(const wire::OpenCheck& check, Steady::time_point came) {
    return came + check.remaining - before_deadline;
}

/// One check answered by everybody. `most`: as long as this at most.
void answer_check(Scene& scene, Phases& phases, Seconds most) {
    const LoadOptions& options = scene.options;
    const wire::OpenCheck check = scene.fleet.next_check(check_within);
    const auto came = Steady::now();
    // The books of the window before are being closed: answers would wait for their verdict.
    if (options.self && check.ref % options.calendar.slots_per_window == 0) return;
    const double seconds = Seconds{check.remaining}.count();
    const std::size_t wanted =
        options.rate > 0 ? static_cast<std::size_t>(options.rate * seconds) + 1 : SIZE_MAX;
    const auto last = last_moment(check, came);
    // At most half of the time goes into preparing, which a slow or busy machine may need.
    scene.fleet.prepare(check, {.devices_an_answer = options.devices_an_answer,
                                .most = wanted,
                                .until = came + (last - came) / 2});
    const auto until =
        std::min(last, Steady::now() + std::chrono::duration_cast<Steady::duration>(most));
    scene.record.add(scene.fleet.take_record());

    const auto cpu = scene.server ? scene.server->cpu() : 0ns;
    const auto own_cpu = cpu_of_this_program();
    const auto begun = Steady::now();
    if (options.rate > 0)
        scene.fleet.send_paced(options.rate, until);
    else
        scene.fleet.send_freely(options.window, until);
    phases.unreplied += scene.fleet.wait_for_replies(reply_within);
    phases.elapsed += Steady::now() - begun;
    if (scene.server) phases.cpu += scene.server->cpu() - cpu;
    phases.own_cpu += cpu_of_this_program() - own_cpu;
    Record record = scene.fleet.take_record();
    phases.replied += record.latencies_us.size();
    phases.times.latencies_us.insert(phases.times.latencies_us.end(), record.latencies_us.begin(),
                                     record.latencies_us.end());
    phases.times.lags_us.insert(phases.times.lags_us.end(), record.lags_us.begin(),
                                record.lags_us.end());
    if (record.replied > 0) ++phases.rounds;
    record.clear_times();
    scene.record.add(record);
    scene.fleet.forget_prepared();
    fmt::print(stderr, "  {} answers in {:.1f} s\n", phases.replied, phases.elapsed.count());
}

Phases answer_for(Scene& scene, std::chrono::seconds time) {
    Phases phases;
    while (phases.elapsed < time) answer_check(scene, phases, time - phases.elapsed);
    return phases;
}

void report_phases(Scene& scene, const Phases& phases, const std::string& prefix = {}) {
    Report& report = scene.report;
    const auto replied = static_cast<double>(std::max<std::uint64_t>(1, phases.replied));
    report.add(prefix + "answers", "answers with a receipt", count(phases.replied));
    report.add(prefix + "answers_a_second", "answers a second", replied / phases.elapsed.count());
    report.add(prefix + "seconds", "in", phases.elapsed.count(),
               fmt::format("s of sending, {} checks", phases.rounds));
    for (const auto& [key, label, per_mille] : {std::tuple{"p50", "receipt p50", 500.0},
                                                {"p99", "receipt p99", 990.0},
                                                {"p999", "receipt p99.9", 999.0}})
        report.add(fmt::format("{}receipt_{}_ms", prefix, key), label,
                   quantile(phases.times.latencies_us, per_mille) / 1000.0, "ms");
    if (scene.options.rate > 0)
        report.add(prefix + "own_lag_p99_ms", "this program late in sending, p99",
                   quantile(phases.times.lags_us, 990) / 1000.0, "ms, not in the receipts' times");
    if (scene.server)
        report.add(prefix + "server_cpu_us", "server CPU an answer",
                   static_cast<double>(phases.cpu.count()) / 1000 / replied, "us");
    report.add(prefix + "own_cpu_us", "CPU of this program an answer",
               static_cast<double>(phases.own_cpu.count()) / 1000 / replied, "us");
    report.add(prefix + "never_replied", "answers never replied to", count(phases.unreplied));
    if (phases.unreplied > 0)
        report.fail(fmt::format("{} answers got no reply within {} s", phases.unreplied,
                                reply_within.count()));
}

void report_memory(Scene& scene) {
    if (!scene.server) return;
    const auto memory = scene.server->memory();
    scene.report.add("server_rss_mb", "server resident memory",
                     static_cast<double>(memory.resident_bytes) / 1e6, "MB");
    scene.report.add("server_threads", "server threads", memory.threads);
}

}  // namespace

void run_steady(Scene& scene) {
    const auto writes = [&] {
        return metric(scene.http_port,
                      R"(vigil_verifier_store_operation_duration_seconds_count{operation="write"})")
            .value_or(0);
    };
    const double before = writes();
    const Phases phases = answer_for(scene, scene.options.time);
    report_phases(scene, phases);
    if (const double commits = writes() - before; commits > 0)
        scene.report.add("answers_a_commit", "answers a commit",
                         static_cast<double>(phases.replied) / commits);
    // Their verdicts are "missed": this program answers what its profile wants.
    scene.report.add("checks_unanswered", "fleet checks left without an answer",
                     static_cast<std::int64_t>(scene.fleet.checks()) - phases.rounds);
    report_memory(scene);
}

void run_roll_call(Scene& scene) {
    const LoadOptions& options = scene.options;
    const wire::OpenCheck check = scene.fleet.next_check(check_within);
    const auto came = Steady::now();
    std::this_thread::sleep_for(1s);
    const Arrivals arrivals = scene.fleet.arrivals();
    const std::size_t answers =
        scene.fleet.prepare(check, {.devices_an_answer = options.fleet.devices});
    scene.record.add(scene.fleet.take_record());
    const auto cpu = scene.server ? scene.server->cpu() : 0ns;
    const auto begun = Steady::now();
    std::jthread unary{[&] { scene.fleet.submit_over(options.unary_spread); }};
    scene.fleet.send_freely(options.window, last_moment(check, came));
    unary.join();
    const std::uint64_t unreplied =
        scene.fleet.wait_for_replies(std::chrono::ceil<std::chrono::milliseconds>(
            last_moment(check, came) - Steady::now() + reply_within));
    const Seconds elapsed = Steady::now() - begun;
    Record record = scene.fleet.take_record();

    Report& report = scene.report;
    report.add("answers", "answers, one a node", count(answers));
    report.add("devices", "devices", count(options.fleet.nodes * options.fleet.devices));
    report.add("streams", "streams; the rest unary", count(scene.fleet.open_streams()));
    report.add("spread_ms", "beacon at the first and the last stream",
               Seconds{arrivals.last - arrivals.first}.count() * 1000, "ms apart");
    report.add("all_receipted_s", "first answer to last receipt", elapsed.count(), "s");
    report.add("receipt_p50_ms", "receipt p50", quantile(record.latencies_us, 500) / 1000.0, "ms");
    report.add("receipt_p99_ms", "receipt p99", quantile(record.latencies_us, 990) / 1000.0, "ms");
    if (scene.server)
        report.add("server_cpu_us", "server CPU an answer",
                   static_cast<double>((scene.server->cpu() - cpu).count()) / 1000 /
                       static_cast<double>(std::max<std::size_t>(1, answers)),
                   "us");
    report.add("sent_again", "sent again after \"busy\"", count(record.again));
    report.add("never_replied", "answers never replied to", count(unreplied));
    if (unreplied > 0) report.fail(fmt::format("{} answers got no reply", unreplied));
    record.clear_times();
    scene.record.add(record);
    std::this_thread::sleep_for(1s);  // the verdicts of the last ones
    report_memory(scene);
}

void run_reconnect_storm(Scene& scene) {
    const std::size_t streams = scene.options.fleet.nodes;
    const wire::OpenCheck check = scene.fleet.next_check(check_within);
    const auto deadline = Steady::now() + check.remaining;
    const std::size_t answers = scene.fleet.prepare(check, {.most = streams - 1});
    scene.fleet.close_streams(60s);
    scene.record.add(scene.fleet.take_record());
    const auto cpu = scene.server ? scene.server->cpu() : 0ns;
    const Seconds left = deadline - Steady::now();
    scene.fleet.send_as_they_open(scene.options.window);
    const Seconds elapsed = scene.fleet.open_streams(scene.options.time + 120s);
    const std::uint64_t unreplied = scene.fleet.wait_for_replies(reply_within);
    scene.fleet.stop_sending();
    const Record record = scene.fleet.take_record();
    const auto late = static_cast<std::uint64_t>(
        std::count_if(record.receipts.begin(), record.receipts.end(),
                      [&](const auto& receipt) { return receipt.received > check.deadline; }));
    scene.record.add(record);
    Report& report = scene.report;
    report.add("left_s", "a check has left when all streams are gone", left.count(), "s");
    report.add("answers", "its answers, sent when a stream is back", count(answers));
    report.add("late", "of them too late", count(late));
    report.add("never_replied", "without a reply", count(unreplied));
    if (record.receipts.size() < answers)
        report.fail(fmt::format("{} answers, and {} receipts", answers, record.receipts.size()));
    if (late > 0 && elapsed + 10s < left)
        report.fail(fmt::format("{} answers were late, though all were back with 10 s left", late));
    report.add("streams", "streams, all ended and opened at once", count(streams));
    report.add("all_back_s", "until the last was open", elapsed.count(), "s");
    report.add("connects_a_second", "connects a second",
               static_cast<double>(streams) / elapsed.count());
    if (scene.server)
        report.add("server_cpu_ms", "server CPU a connect",
                   static_cast<double>((scene.server->cpu() - cpu).count()) / 1e6 /
                       static_cast<double>(streams),
                   "ms");
    report_memory(scene);
}

void run_slow_readers(Scene& scene) {
    const auto half = scene.options.time / 2;
    scene.report.heading("all read");
    report_phases(scene, answer_for(scene, half), "before_");
    const auto before = scene.server ? scene.server->memory() : Process::Memory{};
    scene.fleet.read_slowly(scene.options.slow_every, true);
    scene.report.heading("beside slow readers, whose answers are not counted here");
    report_phases(scene, answer_for(scene, half), "beside_");
    Report& report = scene.report;
    if (scene.server)
        report.add(
            "growth_mb", "server's growth meanwhile",
            static_cast<double>(scene.server->memory().resident_bytes - before.resident_bytes) /
                1e6,
            "MB");
    scene.fleet.read_slowly(scene.options.slow_every, false);
    const std::uint64_t unread = scene.fleet.wait_for_slow(reply_within);
    report.add("slow_unreplied", "answers of slow readers without a reply", count(unread));
    if (unread > 0) report.fail(fmt::format("{} answers of slow readers got no reply", unread));
}

void run_mixed(Scene& scene) {
    const auto half = scene.options.time / 2;
    scene.report.heading("without queries");
    report_phases(scene, answer_for(scene, half), "alone_");
    Queries queries{scene.options.fleet.target, scene.options.query_threads};
    scene.report.heading("beside queries");
    report_phases(scene, answer_for(scene, half), "mixed_");
    const auto asked = queries.stop();
    Report& report = scene.report;
    report.add("queries_a_second", "queries a second", asked.a_second);
    report.add("query_p50_ms", "query p50", quantile(asked.times_us, 500) / 1000.0, "ms");
    report.add("query_p99_ms", "query p99", quantile(asked.times_us, 990) / 1000.0, "ms");
    report.add("queries_failed", "queries that failed", count(asked.failed));
}

namespace {

constexpr auto ping_every = 420s;  ///< vigil-node's
constexpr auto poll_every = 1s;    ///< what a verifier tells under the default policy

/// Server CPU over the time, in percent of a core; what came over the streams meanwhile is said.
void report_rest(Scene& scene, const char* key, const std::string& label) {
    scene.record.add(scene.fleet.take_record());
    const auto cpu = scene.server->cpu();
    const auto begun = Steady::now();
    std::this_thread::sleep_for(scene.options.time);
    const double percent = static_cast<double>((scene.server->cpu() - cpu).count()) / 1e7 /
                           Seconds{Steady::now() - begun}.count();
    const Record record = scene.fleet.take_record();
    std::string came;
    for (const auto& [what, count] : record.pushed) came += fmt::format(", {} {}", count, what);
    scene.report.add(
        key, label, percent,
        fmt::format("% of a core; came: {}", came.empty() ? "nothing" : came.substr(2)));
    scene.record.add(record);
}

}  // namespace

void run_idle(Scene& scene) {
    const std::size_t streams = scene.options.fleet.nodes - scene.options.fleet.unary;
    Report& report = scene.report;
    // Everything of the first seconds has settled: calibrations, buffers given back.
    std::this_thread::sleep_for(10s);
    report.add("streams", "idle streams", count(scene.fleet.open_streams()));
    if (!scene.server) return;
    const auto memory = scene.server->memory();
    report_rest(scene, "idle_cpu_percent", "idle CPU");
    scene.fleet.keep_pinging(ping_every);
    report_rest(scene, "pinged_cpu_percent",
                fmt::format("the same while every node pings once in {} s", ping_every.count()));
    report.add("server_rss_mb", "server resident memory",
               static_cast<double>(memory.resident_bytes) / 1e6, "MB");
    report.add("rss_a_stream_kb", "of it for each stream",
               static_cast<double>(memory.resident_bytes - scene.empty_bytes) / 1e3 /
                   static_cast<double>(streams),
               "KB");
    report.add("server_threads", "server threads", memory.threads);
}

void run_polling(Scene& scene) {
    std::this_thread::sleep_for(5s);
    scene.fleet.keep_polling(poll_every);
    std::this_thread::sleep_for(2s);
    scene.record.add(scene.fleet.take_record());
    const auto cpu = scene.server ? scene.server->cpu() : 0ns;
    const auto begun = Steady::now();
    std::this_thread::sleep_for(scene.options.time);
    const Seconds elapsed = Steady::now() - begun;
    const auto spent = scene.server ? scene.server->cpu() - cpu : 0ns;
    scene.fleet.stop_polling();
    std::this_thread::sleep_for(1s);  // the replies of the last ones
    Record record = scene.fleet.take_record();
    const auto polls = record.pushed["poll"];
    scene.record.add(record);
    Report& report = scene.report;
    report.add("polls_a_second", "polls a second", static_cast<double>(polls) / elapsed.count());
    if (scene.server)
        report.add("server_cpu_us", "server CPU a poll",
                   static_cast<double>(spent.count()) / 1000 /
                       static_cast<double>(std::max<std::uint64_t>(1, polls)),
                   "us");
    if (polls == 0) report.fail("no poll got a reply");
}

void run_fleet_start(Scene& scene) {
    const std::size_t streams = scene.options.fleet.nodes - scene.options.fleet.unary;
    Report& report = scene.report;
    const auto handed_over = [&] {
        return metric(scene.http_port, "vigil_verifier_broadcast_duration_seconds_sum").value_or(0);
    };
    std::this_thread::sleep_for(5s);
    const double before = handed_over();
    scene.fleet.next_check(check_within);
    const auto give_up = Steady::now() + reply_within;
    while (scene.fleet.arrivals().count < streams && Steady::now() < give_up)
        std::this_thread::sleep_for(20ms);
    const Arrivals arrivals = scene.fleet.arrivals();
    report.add("reached", "streams a fleet start reached", count(arrivals.count));
    if (arrivals.count < streams)
        report.fail(fmt::format("{} streams were not reached within {} s", streams - arrivals.count,
                                reply_within.count()));
    report.add("spread_ms", "the first and the last stream",
               Seconds{arrivals.last - arrivals.first}.count() * 1000, "ms apart");
    if (scene.http_port != 0)
        report.add("handed_over_ms", "the verifier had written to all after",
                   (handed_over() - before) * 1000, "ms");
}

}  // namespace vigil::load
