#include <arpa/inet.h>
#include <cstdio>
#include <fmt/format.h>
#include <fstream>
#include <sstream>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "core/base/ids.hpp"
#include "tests/load/echo.hpp"
#include "tests/load/parts.hpp"
#include "tests/load/profiles.hpp"

namespace vigil::load {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t receipt_message_bytes = 115;

std::string text_of(const std::filesystem::path& file) {
    std::ostringstream text;
    text << std::ifstream{file}.rdbuf();
    return text.str();
}

/// The verifier that a run starts for itself.
struct OwnVerifier {
    explicit OwnVerifier(LoadOptions& options)
        : folder{options.data_dir},
          log{folder.path() / "verifier.log"},
          port{free_port()},
          http_port{free_port()} {
        const std::filesystem::path policy = folder.path() / "policy.toml";
        std::ofstream{policy} << canonical_text(load_policy(options.calendar));
        std::vector<std::string> arguments{"run",
                                           "--data-dir",
                                           data().string(),
                                           "--network",
                                           options.fleet.network,
                                           "--policy",
                                           policy.string(),
                                           "--address",
                                           "127.0.0.1",
                                           "--http-address",
                                           "127.0.0.1",
                                           "--port",
                                           std::to_string(port),
                                           "--http-port",
                                           std::to_string(http_port),
                                           "--limits-per-address",
                                           "false",
                                           "--enrolments-per-second",
                                           "1000000"};
        if (!options.tls) arguments.insert(arguments.end(), {"--tls-enabled", "false"});
        arguments.insert(arguments.end(), options.program_flags.begin(),
                         options.program_flags.end());
        std::vector<std::string> environment;
        if (options.fsync_delay_ms > 0)
            environment = {"LD_PRELOAD=" + options.fsync_delay_library,
                           "FSYNC_DELAY_MS=" + std::to_string(options.fsync_delay_ms)};
        process.emplace(options.program, arguments, log, environment);
        wait_for_port(port, *process, log, 60s);
        options.fleet.target.address = "127.0.0.1:" + std::to_string(port);
        if (options.tls) options.fleet.target.ca_pem = text_of(data() / "tls.crt");
        if (options.store.empty()) options.store = data() / "vigil.db";
    }
    std::filesystem::path data() const { return folder.path() / "data"; }

    Folder folder;
    std::filesystem::path log;
    std::uint16_t port, http_port;
    std::optional<Process> process;
};

void report_record(const LoadOptions& options, const Record& record, Report& report) {
    report.heading("what became of the answers");
    report.add("receipts", "receipts", static_cast<std::int64_t>(record.receipts.size()));
    report.add("unasked", "replies nobody waited for", static_cast<std::int64_t>(record.unasked));
    report.add("broken_streams", "streams that broke", static_cast<std::int64_t>(record.broken));
    for (const auto& [verdict, count] : record.verdicts)
        report.add("verdict_" + verdict, "verdict " + verdict, static_cast<std::int64_t>(count));
    for (const auto& [reason, count] : record.refusals)
        report.add("refused_" + reason, "refused: " + reason, static_cast<std::int64_t>(count));
    if (options.self)
        if (const auto late = record.verdicts.find("late"); late != record.verdicts.end())
            report.fail(fmt::format("{} answers sent in time were judged late", late->second));
}

void report_comparison(const Comparison& comparison, Report& report) {
    report.heading("receipts against the store");
    const auto add = [&](const char* key, const char* label, std::uint64_t count) {
        report.add(key, label, static_cast<std::int64_t>(count));
    };
    add("compared", "compared", comparison.compared);
    add("signatures", "of them with their signature", comparison.signatures);
    add("stored", "answers in the store", comparison.stored);
    add("missing", "without an answer in the store", comparison.missing);
    add("other_time", "with another receive time there", comparison.other_time);
    add("wrong_signed", "not signed by the verifier", comparison.wrong_signed);
    if (comparison.losses() > 0)
        report.fail(fmt::format("{} receipts are contradicted by the store", comparison.losses()));
}

/// A bare gRPC server with the verifier's certificate; the load's target is filled in here.
EchoFigures bare_echo(const LoadOptions& options, const OwnVerifier& verifier, EchoLoad load) {
    const std::uint16_t port = free_port();
    const std::filesystem::path log = verifier.folder.path() / "echo.log";
    std::vector<std::string> arguments{"echo-server", "--port", std::to_string(port), "--threads",
                                       std::to_string(options.echo_threads)};
    load.target = {"127.0.0.1:" + std::to_string(port), options.fleet.target.ca_pem};
    load.connections = options.fleet.nodes;
    load.threads = options.fleet.threads;
    if (options.tls)
        arguments.insert(arguments.end(), {"--certificate", (verifier.data() / "tls.crt").string(),
                                           "--key", (verifier.data() / "tls.key").string()});
    Process server{"/proc/self/exe", arguments, log};
    wait_for_port(port, server, log, 20s);
    return measure_echo(load, server);
}

/// What a reconnect storm needs at least.
void measure_handshakes(const LoadOptions& options, const OwnVerifier& verifier, Report& report) {
    fmt::print(stderr, "handshakes alone\n");
    const EchoFigures echo =
        bare_echo(options, verifier, {.target = {}, .message_bytes = 120, .time = 0ms});
    report.heading("yardstick of the same run, alone");
    report.add("handshakes_s", "as many connections to a bare gRPC server", echo.connected_s,
               "s, 64 at a time, a message each");
    report.add("back_to_handshakes", "all back to that",
               report.number("all_back_s") / echo.connected_s);
}

void measure_yardsticks(const LoadOptions& options, const OwnVerifier& verifier, Report& report) {
    if (report.number("all_back_s") > 0) return measure_handshakes(options, verifier, report);
    fmt::print(stderr, "yardsticks\n");
    const std::uint32_t k = options.calendar.k;
    const std::size_t signed_bytes = 68 + options.devices_an_answer * (76 + 8 * k);
    const EchoFigures echo = bare_echo(options, verifier,
                                       {.target = {},
                                        .in_flight = options.window,
                                        .message_bytes = signed_bytes + 130,
                                        .time = 5s});
    const double a_commit = report.number("answers_a_commit");
    const PartCosts parts =
        measure_parts({.k = k,
                       .answer_bytes = signed_bytes,
                       .batch = a_commit > 1 ? static_cast<std::size_t>(a_commit) : 64,
                       .folder = verifier.folder.path(),
                       .nodes = options.fleet.nodes,
                       .devices = options.fleet.devices,
                       .recorded = static_cast<std::size_t>(report.number("answers"))});
    report.heading("yardsticks of the same run, each alone");
    report.add("echo_a_second", "bare gRPC ping-pong", echo.a_second, "a second");
    report.add("echo_server_us", "  its server CPU a message", echo.server_us, "us");
    report.add("verify_us", "signature of an answer", parts.verify_us, "us");
    report.add("hashes_us", fmt::format("{} hashes", k), parts.hashes_us, "us");
    report.add("receipt_us", "signature of a receipt", parts.receipt_us, "us");
    report.add("store_us", "the store alone", parts.store_us,
               fmt::format("us an answer, {:.0f} a second", parts.store_a_second));
    report.add("rows_us", "the same bytes in plain SQLite", parts.rows_us,
               fmt::format("us an answer, {:.0f} a second", parts.rows_a_second));
    const double cpu = report.number("server_cpu_us");
    const double signing = options.signed_receipts ? parts.verify_us + parts.receipt_us : 0;
    const double sum = signing + parts.hashes_us + echo.server_us + parts.store_us;
    report.add("parts_us", "sum of the parts, with the store alone", sum, "us");
    report.add("cpu_to_parts", "server CPU an answer to that sum", cpu / sum);
    report.add("cpu_to_bare_parts", "  with plain SQLite instead",
               cpu / (sum - parts.store_us + parts.rows_us));
    report.add("rate_to_echo", "answers a second to the bare ping-pong",
               report.number("answers_a_second") / echo.a_second);
}

}  // namespace

std::optional<double> metric(std::uint16_t http_port, const std::string& series) {
    if (http_port == 0) return std::nullopt;
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(http_port);
    std::string text;
    const std::string request =
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
        ::send(fd, request.data(), request.size(), MSG_NOSIGNAL) == std::ssize(request)) {
        std::array<char, 4'096> part{};
        for (ssize_t got; (got = ::recv(fd, part.data(), part.size(), 0)) > 0;)
            text.append(part.data(), static_cast<std::size_t>(got));
    }
    ::close(fd);
    const auto at = text.find("\n" + series + " ");
    if (at == std::string::npos) return std::nullopt;
    return std::stod(text.substr(at + series.size() + 2));
}

int run_profile(LoadOptions options, const std::string& name, Profile profile, bool json) {
    Report report;
    std::optional<OwnVerifier> own;
    if (options.self) own.emplace(options);
    const std::int64_t empty = own ? own->process->memory().resident_bytes : 0;
    std::optional<Signer> signer;
    Record record;
    {
        Fleet fleet{options.fleet};
        fmt::print(stderr, "{} nodes enrol and connect\n", options.fleet.nodes);
        const std::chrono::duration<double> took = fleet.start(options.entering);
        report.heading(fmt::format("{}: {} nodes, {} devices each, {}", name, options.fleet.nodes,
                                   options.fleet.devices, options.tls ? "TLS" : "plain"));
        report.add("entering_s", "all enrolled and connected in", took.count(), "s");
        std::this_thread::sleep_for(2s);  // their calibrations
        if (options.signed_receipts && fleet.network())
            signer = Signer{network_id(options.fleet.network), fleet.network()->receipt_key};
        Scene scene{options,
                    fleet,
                    own ? &*own->process : nullptr,
                    own ? own->http_port : std::uint16_t{0},
                    report,
                    empty,
                    {}};
        profile(scene);
        scene.record.add(fleet.take_record());
        record = std::move(scene.record);
        fleet.close_streams(60s);
    }
    report_record(options, record, report);
    if (!options.receipts.empty() && signer)
        write_receipts(options.receipts, *signer, record.receipts);
    if (!options.store.empty())
        report_comparison(compare(record.receipts, options.store, signer, options.signature_every),
                          report);
    if (own && options.yardsticks) {
        own->process->stop();
        measure_yardsticks(options, *own, report);
    }
    fmt::print("{}{}", json ? report.json() : report.table(), json ? "\n" : "");
    return report.failures().empty() ? 0 : 1;
}

}  // namespace vigil::load
