// Load on a verifier, with what it costs: docs/benchmarks.md.
#include <CLI/CLI.hpp>
#include <absl/synchronization/mutex.h>
#include <csignal>
#include <cstdio>
#include <fmt/format.h>
#include <fstream>
#include <sstream>

#include "tests/load/echo.hpp"
#include "tests/load/profiles.hpp"

namespace vigil::load {
namespace {

struct Named {
    const char* name;
    const char* help;
    Profile run;
};
constexpr Named profiles[] = {
    {"steady", "Answers at --rate, or as fast as they are taken", run_steady},
    {"roll-call", "All devices answer one check; nodes beyond --streams call instead",
     run_roll_call},
    {"reconnect-storm", "All streams end and come back at once", run_reconnect_storm},
    {"slow-readers", "Some nodes send and do not read", run_slow_readers},
    {"mixed", "Queries beside the answers", run_mixed},
    {"idle", "Streams that only wait: memory, processor time", run_idle},
    {"polling", "What a node costs that has no stream and asks once a second", run_polling},
    {"fleet-start", "How far apart a check reaches the streams that wait", run_fleet_start}};

struct CommandLine {
    LoadOptions load;
    std::string ca, store, receipts, data_dir;
    std::int64_t seconds = 20, slot_ms = 10'000, entering_seconds = 1'800;
    std::size_t streams = SIZE_MAX;
    std::string output = "table";
    bool plain = false, unsigned_receipts = false;
};

void add_options(CLI::App& command, CommandLine& line) {
    LoadOptions& load = line.load;
    command.add_flag("--self", load.self, "start a verifier of its own and measure it");
    command.add_option("--program", load.program, "vigil-verifier to start");
    command.add_option("--flag", load.program_flags,
                       "for the verifier that is started: --flag=--x=y");
    command.add_flag("--plain", line.plain, "without TLS");
    command.add_option("--fsync-delay-ms", load.fsync_delay_ms, "every fsync takes so much longer");
    command.add_option("--data-dir", line.data_dir, "of --self; kept");
    command.add_option("--verifier", load.fleet.target.address, "host:port of a running one");
    command.add_option("--ca", line.ca, "its certificate; without it, no TLS");
    command
        .add_option("--network", load.fleet.network,
                    "its network, in which the nodes are enrolled for good")
        ->capture_default_str();
    command.add_option("--store", line.store, "its store, to compare receipts with");
    command.add_option("--receipts", line.receipts, "file to keep the receipts in");
    command.add_option("--nodes", load.fleet.nodes)->capture_default_str();
    command.add_option("--devices", load.fleet.devices, "of a node")
        ->capture_default_str()
        ->check(CLI::Range(1, 64));
    command.add_option("--devices-an-answer", load.devices_an_answer)->capture_default_str();
    command.add_option("--streams", line.streams, "nodes with a stream");
    command.add_option("--threads", load.fleet.threads, "that serve connections")
        ->capture_default_str();
    command.add_option("--seconds", line.seconds)->capture_default_str();
    command.add_option("--rate", load.rate, "answers a second; 0: as fast as they are taken");
    command.add_option("--window", load.window, "answers of a node in flight")
        ->capture_default_str();
    command.add_option("--k", load.calendar.k, "nonces of an answer")->capture_default_str();
    command.add_option("--slot-ms", line.slot_ms, "time between checks of --self")
        ->capture_default_str();
    command.add_option("--tries", load.fleet.tries, "hashes behind an answer")
        ->capture_default_str();
    command.add_option("--seed", load.fleet.seed, "who the nodes are")->capture_default_str();
    command.add_option("--opening-at-once", load.fleet.opening_at_once)->capture_default_str();
    command.add_option("--entering-seconds", line.entering_seconds)->capture_default_str();
    command.add_option("--query-threads", load.query_threads)->capture_default_str();
    command.add_option("--slow-every", load.slow_every, "every so manieth node is slow")
        ->capture_default_str();
    command.add_flag("--yardsticks", load.yardsticks, "measure the parts beside it");
    command.add_flag("--unsigned", line.unsigned_receipts,
                     "the verifier is a build without signatures");
    command.add_option("-o,--output", line.output, "table or json")
        ->check(CLI::IsMember({"table", "json"}));
}

void complete(CommandLine& line) {
    LoadOptions& load = line.load;
    const auto refuse = [](const std::string& why) { throw CLI::ValidationError{why}; };
    if (load.self == !load.fleet.target.address.empty())
        refuse("--self, or --verifier with the address of a running one");
    if (!load.self && load.fleet.network.empty())
        refuse("--network: the nodes stay enrolled there, so its name must be said");
    if (load.self && load.fleet.network.empty()) load.fleet.network = "load";
    load.tls = load.self ? !line.plain : !line.ca.empty();
    if (!line.ca.empty()) {
        std::ostringstream pem;
        pem << std::ifstream{line.ca}.rdbuf();
        load.fleet.target.ca_pem = pem.str();
        if (load.fleet.target.ca_pem.empty()) refuse("--ca: " + line.ca + " cannot be read");
    }
    load.store = line.store;
    load.receipts = line.receipts;
    load.data_dir = line.data_dir;
    load.time = std::chrono::seconds{line.seconds};
    load.entering = std::chrono::seconds{line.entering_seconds};
    load.calendar.slot = Milliseconds{line.slot_ms};
    load.fleet.unary = load.fleet.nodes - std::min(load.fleet.nodes, line.streams);
    load.signed_receipts = !line.unsigned_receipts;
    load.fsync_delay_library = FSYNC_DELAY_LIBRARY;
    if (load.program == "vigil-verifier") load.program = VERIFIER_PROGRAM;
}

int compare_files(const std::string& receipts, const std::string& store) {
    const auto [signer, kept] = read_receipts(receipts);
    const Comparison found = compare(kept, store, signer, 1);
    fmt::print("{} receipts: {} missing, {} with another time, {} wrongly signed\n", found.compared,
               found.missing, found.other_time, found.wrong_signed);
    return found.losses() == 0 ? 0 : 1;
}

int run(int argc, char** argv) {
    CLI::App app{"Load on a verifier, with what it costs"};
    app.require_subcommand(1);
    app.footer(
        "Exit codes: 0 ok, 1 something was lost, 2 usage, 3 it could not be run.\n"
        "Example: vigil-load steady --self --nodes 1000 --seconds 30 --yardsticks");
    CommandLine line;
    std::function<int()> action;
    for (const Named& profile : profiles) {
        CLI::App* command = app.add_subcommand(profile.name, profile.help);
        add_options(*command, line);
        command->callback([&line, &action, profile] {
            action = [&line, profile] {
                return run_profile(line.load, profile.name, profile.run, line.output == "json");
            };
        });
    }
    CLI::App* comparing = app.add_subcommand("compare", "Kept receipts against a store");
    comparing->add_option("--receipts", line.receipts)->required();
    comparing->add_option("--store", line.store)->required();
    EchoOptions echo;
    std::string certificate, key;
    CLI::App* echoing = app.add_subcommand("echo-server", "")->group("");
    echoing->add_option("--port", echo.port);
    echoing->add_option("--threads", echo.threads);
    echoing->add_option("--certificate", certificate);
    echoing->add_option("--key", key);
    try {
        app.parse(argc, argv);
        if (!comparing->parsed() && !echoing->parsed()) complete(line);
    } catch (const CLI::ParseError& failure) {
        return app.exit(failure) == 0 ? 0 : 2;
    }
    if (comparing->parsed()) return compare_files(line.receipts, line.store);
    if (!echoing->parsed()) return action();
    if (!certificate.empty()) echo.tls = edge::load_or_create_tls(certificate, key, {});
    serve_echo(echo);
    return 0;
}

}  // namespace
}  // namespace vigil::load

int main(int argc, char** argv) try {
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    std::signal(SIGPIPE, SIG_IGN);
    return vigil::load::run(argc, argv);
} catch (const std::exception& failure) {
    fmt::print(stderr, "vigil-load: {}\n", failure.what());
    return 3;
}
