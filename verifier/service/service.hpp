#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "proto/edge/kernel_watch.hpp"
#include "proto/edge/tls.hpp"
#include "verifier/answers.hpp"
#include "verifier/clock_guard.hpp"
#include "verifier/enrolment.hpp"
#include "verifier/outlets.hpp"
#include "verifier/service/node_version.hpp"

namespace vigil::verifier {

struct ServiceOptions {
    std::string address = "0.0.0.0";
    std::uint16_t port = 0;                ///< 0: a free one
    std::optional<edge::TlsIdentity> tls;  ///< nothing: plain, for a proxy that ends TLS
    PublicKey receipt_key;
    std::string verifier_version;
    NodeVersions node_versions;
    bool reflection = false;  ///< grpc.reflection, for demos and grpcurl

    unsigned network_threads = 1;    ///< each owns a completion queue and its streams
    unsigned work_threads = 2;       ///< for what nodes ask and the store decides
    unsigned memory_threads = 2;     ///< for what nodes ask and memory answers
    std::size_t work_limit = 1'024;  ///< calls waiting for a thread of either
    /// QueryService reads the store for anybody, on threads of its own: of the store's readers the
    /// others stay free. A question has its place until its answer was taken.
    unsigned query_threads = 2;
    std::size_t queries = 128;
    /// Calls without streams, each until its end, which comes then at the latest.
    std::size_t calls = 32'768;
    Milliseconds call_within{30'000};
    unsigned opening_threads = 1;  ///< verify the keys of sessions
    /// Connections that may come in; more of them wait outside (door.hpp), the longer while a
    /// sixteenth of `max_unopened` sessions waits for an opening thread.
    int connections_per_second = 800;
    int connections_at_once = 400;
    std::size_t max_streams = 50'000;    ///< sessions, opened or not
    std::size_t max_unopened = 8'192;    ///< sessions that have not proven a key yet
    std::size_t answers_in_flight = 64;  ///< of one session, without a reply yet
    /// Of one peer (peers.hpp): answers of a node that polls, answers of all nodes that poll,
    /// sessions without a proven key, questions, calls and connections. Not held to without TLS,
    /// where a proxy in between is everybody's peer.
    bool limits_per_peer = true;
    std::size_t submitted_of_node = 64;
    std::size_t submitted_of_peer = 2'048;
    std::size_t unopened_of_peer = 256;
    std::size_t queries_of_peer = 16;
    std::size_t work_of_peer = 256;  ///< of the calls that wait for a thread
    std::size_t calls_of_peer = 2'048;
    std::size_t connections_of_peer = 4'096;  ///< a node has one; before its handshake (door.hpp)
    Milliseconds open_within{10'000};         ///< from the stream's start to its opening
    /// A session that sent nothing for so long is ended: of a node, that is two pings.
    Milliseconds idle_after{900'000};
    /// A connection without a stream that says nothing for so long is ended; a poller calls every
    /// 5 s at least.
    Milliseconds idle_connection{30'000};
    /// Ends what is connected to a machine that is gone, or to a proxy that is.
    edge::KernelWatch watch{std::chrono::seconds{30}, std::chrono::seconds{30}};
    /// At this age, give or take a half, a session is asked to connect again elsewhere, but for the
    /// share that this verifier keeps: so that they share the nodes again after one was away.
    Milliseconds session_age{3'600'000};
    std::function<std::size_t()> others_serving;  ///< verifiers beside this one; empty: none
    Milliseconds drain{7'000};                    ///< at most, from stop() to the last stream's end
    EnrolmentLimits enrolment;
};

/// For metrics. Called on the service's threads; must be quick.
struct ServiceObserver {
    std::function<void(RefusalReason)> refused;  ///< by the service itself; Answers tells its own
    /// From the outlet's call until one network thread had written a fleet check to its streams.
    std::function<void(std::chrono::steady_clock::duration)> broadcast;
};

struct ServiceStats {
    std::size_t streams{};                ///< opened or not
    std::size_t open_sessions{};          ///< of nodes that proved their key
    std::size_t outdated_sessions{};      ///< of those, older than is recommended
    std::size_t calls{};                  ///< without streams, under way
    std::uint64_t connections_refused{};  ///< their address had its share
    std::uint64_t sessions_replaced{};
    std::uint64_t slow_readers_dropped{};
};

/// The verifier on the network: vigil.v1.NodeService and QueryService, grpc.health.v1.
///
/// Sessions live on completion queues: a network thread stamps arrivals, never waits for the disk,
/// verifies no signature, and holds each stream to a bounded outbox. The newest session of a node
/// wins. Other calls run on threads of three kinds: where memory answers, where the store does, and
/// QueryService, so that neither a store that stands still nor questions keep nodes from their
/// checks. `store`, `roster`, `schedule` and `answers` outlive the
/// service; outlets may be called until they are destroyed, also after the service is gone, when
/// they do nothing.
class Service {
public:
    Service(ServiceOptions options, Store& store, Roster& roster, Schedule& schedule,
            Answers& answers, Clock clock, ServiceObserver observer);
    ~Service();  ///< stops

    /// Throws edge::Fatal E-PORT when the port is taken, E-TLS when the identity is unusable.
    void start();
    std::uint16_t port() const;
    /// Health turns to not serving, and everything goes on: who asks it sends nodes elsewhere then.
    void announce_stop();
    /// announce_stop(), and nodes are asked to reconnect: at once within two seconds where other
    /// verifiers serve, else after a pause of up to five; then stop().
    void drain();
    void stop();

    Outlets outlets();
    ServiceStats stats() const;

private:
    struct Running;
    std::unique_ptr<Running> running_;
};

}  // namespace vigil::verifier
