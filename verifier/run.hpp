#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "core/base/instant.hpp"
#include "proto/edge/notifier.hpp"
#include "proto/messages.hpp"
#include "verifier/scheduler.hpp"
#include "verifier/service/node_version.hpp"

namespace vigil::verifier {

/// What a running verifier needs to know. Paths that are empty lie in `data_dir`.
struct VerifierOptions {
    std::filesystem::path data_dir;
    std::string store;                 ///< as open_store_at() takes it; empty: vigil.db in data_dir
    bool bucket_transactions = false;  ///< StoreTransactions
    std::string network_name;          ///< empty: the store's, "vigil" for a new one
    std::string policy;  ///< preset or file; empty: the store's, the first preset for a new one

    std::string address = "0.0.0.0";
    std::uint16_t port = 9464;  ///< 0: a free one
    bool tls = true;
    std::filesystem::path certificate, key;
    std::vector<std::string> names;  ///< further DNS names and addresses of a certificate made here
    bool limits_per_address = true;  ///< ServiceOptions::limits_per_peer
    std::size_t max_sessions = 50'000;         ///< ServiceOptions::max_streams
    std::size_t max_nodes = 300'000;           ///< EnrolmentLimits::nodes
    int connections_per_second = 800;          ///< and half as many at once: DoorOptions
    std::int64_t enrolments_per_second = 100;  ///< and twenty times it at once: EnrolmentLimits

    std::string http_address = "127.0.0.1";  ///< its pages have no TLS and no login
    std::uint16_t http_port = 9463;          ///< 0: a free one
    bool all_device_metrics = false;         ///< /metrics/devices above 2,000 devices

    unsigned judging_threads = 1;
    unsigned network_threads = 1;
    edge::ChannelsByName channels;       ///< who is told of incidents
    std::uint32_t incident_windows = 2;  ///< missed in a row by a device
    NodeVersions node_versions;
    bool reflection = false;

    Clock clock;  ///< the verifier's wall clock; must be given
};

/// What can be asked of a verifier while it runs. Thread-safe.
struct VerifierView {
    std::uint16_t port{}, http_port{};
    std::string http_address;
    std::filesystem::path ca_file;  ///< what a node is given to trust; empty without TLS
    std::string tls_fingerprint;    ///< SHA-256, hexadecimal; empty without TLS
    Store& store;
    Roster& roster;
    Schedule& schedule;
    std::function<std::uint64_t(wire::RefusalReason)> refused;  ///< since the start
};

/// Serves until `stop` is requested, then stops gracefully (within 10 s, 15 s beside others, or a
/// minute while the store is away) and returns. `ready` is called once, from this thread, when
/// nodes can connect; what it is given stays valid until this function returns. Throws edge::Fatal
/// with a code and what to do: E-DATADIR, E-LOCK, E-STORE, E-STORE-NEWER, E-NETWORK, E-POLICY,
/// E-KEYMODE, E-TLS, E-PORT.
void run_verifier(const VerifierOptions& options, const std::stop_token& stop,
                  const std::function<void(const VerifierView&)>& ready);

}  // namespace vigil::verifier
