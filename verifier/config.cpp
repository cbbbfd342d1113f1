#include "verifier/config.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <iterator>

#include "proto/edge/date.hpp"
#include "proto/edge/files.hpp"
#include "proto/edge/policy_file.hpp"
#include "verifier/service/node_version.hpp"
#include "verifier/store/open_store.hpp"

namespace vigil::verifier {

void declare(edge::Settings& settings, Config& c) {
    constexpr std::int64_t highest_port = 65'535;
    const auto add = [&settings](std::string key, edge::SettingTarget target, std::string help) {
        settings.declare({.key = std::move(key), .target = target, .help = std::move(help)});
    };
    const auto number = [&settings](std::string key, std::int64_t* target, std::string help,
                                    std::int64_t min, std::int64_t max) {
        settings.declare({.key = std::move(key),
                          .target = target,
                          .help = std::move(help),
                          .min = min,
                          .max = max});
    };
    add("data_dir", &c.data_dir, "directory of store and keys");
    add("store", &c.store,
        "sqlite:PATH or postgresql://USER@HOST/DB; empty: vigil.db in the data directory");
    add("store_transactions", &c.store_transactions,
        "whole, or bucket: on engines that spread buckets over machines");
    add("network", &c.network, "name of the network; empty: the store's, \"vigil\" if new");
    add("policy", &c.policy, "preset or file; empty: the store's, the first preset if new");
    add("address", &c.address, "address that nodes connect to");
    number("port", &c.port, "its port; 0: a free one", 0, highest_port);
    add("tls.enabled", &c.tls, "false only behind a proxy that ends TLS");
    add("tls.certificate", &c.certificate, "PEM file; empty: made in the data directory");
    add("tls.key", &c.key, "PEM file of its key, mode 0600");
    add("tls.names", &c.names, "names and addresses of a certificate made here");
    add("limits_per_address", &c.limits_per_address,
        "limits of each address; false where a balancer hides the nodes' addresses");
    number("max_sessions", &c.max_sessions,
           "sessions with this verifier, one for each node connected to it", 1, 1'000'000);
    number("max_nodes", &c.max_nodes, "nodes that may be enrolled in the network", 1, 100'000'000);
    number("connections_per_second", &c.connections_per_second,
           "connections let in, half as many at once; the others wait, so that those inside are "
           "served after a restart",
           1, 1'000'000);
    number("enrolments_per_second", &c.enrolments_per_second,
           "nodes and devices that may be enrolled, of all addresses; twenty times it at once", 1,
           1'000'000);
    add("http.address", &c.http_address,
        "address of pages, /metrics, /healthz, /readyz, without TLS or login; 0.0.0.0: every one");
    number("http.port", &c.http_port, "its port; 0: a free one", 0, highest_port);
    add("metrics.all_devices", &c.all_device_metrics, "/metrics/devices above 2,000 devices");
    number("threads.judging", &c.judging_threads, "threads that judge answers", 1, 256);
    number("threads.network", &c.network_threads, "threads that serve streams", 1, 64);
    edge::declare_channels(settings, c.channels);
    number("incident_windows", &c.incident_windows,
           "windows a device misses in a row before [[notify]] is told", 1, 1'000);
    add("minimum_node_version", &c.node_versions.minimum, "older nodes are refused; empty: none");
    add("recommended_node_version", &c.node_versions.recommended,
        "older nodes are told to update; empty: none");
    add("recommended_by", &c.node_versions.by,
        "the day by which they should, such as 2026-12-01; empty: none");
    add("reflection", &c.reflection, "gRPC reflection, for grpcurl");
    add("log.format", &c.log_format, "text, json or journal");
    add("log.level", &c.log_level, "trace, debug, info, warning, error");
}

bool is_setting_of_node(std::string_view environment_name) {
    constexpr std::string_view own[] = {"VIGIL_VERIFIER_ADDRESS",
                                        "VIGIL_VERIFIER_CA",
                                        "VIGIL_VERIFIER_FINGERPRINT",
                                        "VIGIL_POLL",
                                        "VIGIL_PAYOUT",
                                        "VIGIL_NAME",
                                        "VIGIL_REGION",
                                        "VIGIL_BACKENDS",
                                        "VIGIL_CPU_THREADS",
                                        "VIGIL_CPU_AFFINITY",
                                        "VIGIL_DUTY",
                                        "VIGIL_TEMP_STOP",
                                        "VIGIL_TEMP_START",
                                        "VIGIL_KEEP_FREE_MEMORY",
                                        "VIGIL_YIELD_TO_OTHERS",
                                        "VIGIL_ANSWERS_LOG"};
    return std::ranges::find(own, environment_name) != std::end(own);
}

void check_store(const std::string& place) {
    try {
        check_place(place);
    } catch (const StoreFailed& failure) {
        throw edge::Fatal{edge::exit_configuration, "E-STORE", failure.what()};
    }
}

void check_http(const Config& config, const edge::Settings& settings) {
    boost::system::error_code error;
    boost::asio::ip::make_address(config.http_address, error);
    if (error)
        settings.wrong("http.address",
                       "an IP address: 127.0.0.1 serves this machine only, 0.0.0.0 all");
}

namespace {

void check_node_versions(const NodeVersions& versions, const edge::Settings& settings) {
    const auto usable = [](const std::string& version) {
        return version.empty() || (is_version(version) && version.size() <= 32);
    };
    const std::string form =
        "a version such as 0.1.0 (one to four dotted numbers, at most 32 bytes), or nothing ";
    if (!usable(versions.minimum))
        settings.wrong("minimum_node_version", form + "to talk to every node");
    if (!usable(versions.recommended))
        settings.wrong("recommended_node_version", form + "to recommend none");
    if (!versions.recommended.empty() && is_older(versions.recommended, versions.minimum))
        settings.wrong("recommended_node_version",
                       "none older than minimum_node_version, which is " + versions.minimum);
    if (versions.by.empty()) return;
    if (!edge::is_date(versions.by))
        settings.wrong("recommended_by", "a day such as 2026-12-01, or nothing");
    if (versions.recommended.empty())
        settings.wrong("recommended_by", "nothing, while recommended_node_version is not set");
}

bool is_every(const std::string& address) { return address == "0.0.0.0" || address == "::"; }

}  // namespace

void check(const Config& config, const edge::Settings& settings) {
    const auto refuse = [](const std::string& why) {
        throw edge::Fatal{edge::exit_configuration, "E-CONFIG", why};
    };
    if (config.data_dir.empty())
        refuse("data_dir is empty and there is no home directory; name one with --data-dir");
    if (config.network.size() > 64)
        refuse("network: at most 64 bytes, got " + std::to_string(config.network.size()));
    if (config.certificate.empty() != config.key.empty())
        refuse("tls.certificate and tls.key belong together; set both or none");
    if (config.port != 0 && config.port == config.http_port &&
        (config.address == config.http_address || is_every(config.address) ||
         is_every(config.http_address)))
        refuse("port and http.port are both " + std::to_string(config.port) +
               "; choose another with --http-port");
    check_http(config, settings);
    if (config.store_transactions != "whole" && config.store_transactions != "bucket")
        settings.wrong("store_transactions", "whole, or bucket");
    check_node_versions(config.node_versions, settings);
    edge::check_channels(config.channels);
    if (!config.policy.empty()) edge::load_policy(config.policy);
}

VerifierOptions options_from(const Config& config, Clock clock) {
    VerifierOptions options;
    options.data_dir = config.data_dir;
    options.store = config.store;
    options.bucket_transactions = config.store_transactions == "bucket";
    options.network_name = config.network;
    options.policy = config.policy;
    options.address = config.address;
    options.port = static_cast<std::uint16_t>(config.port);
    options.tls = config.tls;
    options.certificate = config.certificate;
    options.key = config.key;
    options.names = config.names;
    options.limits_per_address = config.limits_per_address;
    options.max_sessions = static_cast<std::size_t>(config.max_sessions);
    options.max_nodes = static_cast<std::size_t>(config.max_nodes);
    options.connections_per_second = static_cast<int>(config.connections_per_second);
    options.enrolments_per_second = config.enrolments_per_second;
    options.http_address = config.http_address;
    options.http_port = static_cast<std::uint16_t>(config.http_port);
    options.all_device_metrics = config.all_device_metrics;
    options.judging_threads = static_cast<unsigned>(config.judging_threads);
    options.network_threads = static_cast<unsigned>(config.network_threads);
    options.channels = config.channels;
    options.incident_windows = static_cast<std::uint32_t>(config.incident_windows);
    options.node_versions = config.node_versions;
    options.reflection = config.reflection;
    options.clock = std::move(clock);
    return options;
}

std::string default_data_dir(bool root, const char* xdg_state_home, const char* home) {
    const auto given = [](const char* value) { return value != nullptr && *value != '\0'; };
    if (root) return "/var/lib/vigil-verifier";
    if (given(xdg_state_home)) return std::string{xdg_state_home} + "/vigil-verifier";
    if (given(home)) return std::string{home} + "/.local/state/vigil-verifier";
    return {};
}

edge::ManualNotes manual_notes(const std::string& version) {
    return {.version = version,
            .files = {{"/etc/vigil/verifier.toml", "settings of the service"},
                      {"/var/lib/vigil-verifier", "of a service: store, keys, certificate"},
                      {"~/.local/state/vigil-verifier", "the same of a user"}},
            .exit_codes = {"ok", "a check failed, or the record does not agree", "wrong usage",
                           "wrong configuration", "", "the verifier cannot be reached"}};
}

}  // namespace vigil::verifier
