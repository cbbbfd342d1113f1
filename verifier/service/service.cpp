#include "verifier/service/service.hpp"

#include <absl/synchronization/mutex.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/resource_quota.h>
#include <limits>
#include <spdlog/spdlog.h>
#include <utility>
#include <vector>

#include "core/base/require.hpp"
#include "proto/edge/files.hpp"
#include "proto/edge/tls_buffers.hpp"
#include "verifier/service/door.hpp"
#include "verifier/service/health_rpc.hpp"
#include "verifier/service/jitter.hpp"
#include "verifier/service/library_logs.hpp"
#include "verifier/service/network_thread.hpp"
#include "verifier/service/node_rpc.hpp"
#include "verifier/service/open_checks.hpp"
#include "verifier/service/query_rpc.hpp"
#include "verifier/service/reflection.hpp"

namespace vigil::verifier {
namespace {

constexpr int max_send_bytes = 8 * 1024 * 1024;
/// A call that begins and says no more takes 12 kB until its connection ends, and nobody is told of
/// it. A node has a session and a call or two; a proxy has those of many.
constexpr int streams_a_connection = 32, streams_of_a_proxy = 128;
constexpr int handshake_timeout_ms = 20'000;
/// Of a stream, that the peer may send before it is read: the usual answer of 64 devices at once.
constexpr int window_bytes = 256 * 1024;
/// A verifier that is alone spreads the reconnects. Where others serve it spreads the telling: a
/// node that was told to wait has no session when a check starts.
constexpr Milliseconds drain_spread{5'000}, tell_within{2'000};

/// Sessions and connections are bounded by memory beside their count: 256 KiB a stream.
std::size_t memory_quota(const ServiceOptions& options) {
    return (options.max_streams + options.max_unopened) * 256 * 1024 + 256 * 1024 * 1024;
}

std::shared_ptr<grpc::ServerCredentials> credentials(const ServiceOptions& options) {
    if (!options.tls) return grpc::InsecureServerCredentials();
    grpc::SslServerCredentialsOptions ssl;
    ssl.pem_key_cert_pairs.push_back({options.tls->key_pem, options.tls->certificate_pem});
    auto made = grpc::SslServerCredentials(ssl);
    if (!made)
        throw edge::Fatal{edge::exit_configuration, "E-TLS",
                          "the TLS certificate and key cannot be used"};
    return made;
}

}  // namespace

struct Service::Running {
    Running(ServiceOptions options, Store& store, Roster& roster, Schedule& schedule,
            Answers& answers, Clock clock, ServiceObserver observer)
        : parts{std::make_shared<Parts>(std::move(options), store, roster, schedule, answers,
                                        std::move(clock), std::move(observer))},
          node_rpc{*parts},
          query_rpc{*parts},
          health_rpc{*parts} {}

    void start();
    void announce_stop();
    void drain();
    void stop();
    std::vector<NetworkThread::Listen> methods();

    std::shared_ptr<Parts> parts;
    NodeRpc node_rpc;
    QueryRpc query_rpc;
    HealthRpc health_rpc;
    Reflection reflection;
    std::shared_ptr<std::vector<std::shared_ptr<NetworkThread>>> threads =
        std::make_shared<std::vector<std::shared_ptr<NetworkThread>>>();
    std::optional<Door> door;
    std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor;
    std::unique_ptr<grpc::Server> server;
};

std::vector<NetworkThread::Listen> Service::Running::methods() {
    std::vector<NetworkThread::Listen> all = node_rpc.methods();
    for (auto& more : {query_rpc.methods(), health_rpc.methods()})
        all.insert(all.end(), more.begin(), more.end());
    return all;
}

void Service::Running::start() {
    // Debian's abseil looks for deadlocks by default: 12 to 15 % of the server's time.
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    bound_library_logs();
    if (parts->options.tls && !edge::release_idle_tls_buffers())
        spdlog::warn(
            "this OpenSSL keeps the buffers of TLS connections that are idle: each node connected "
            "takes 34 kB more than docs/benchmarks.md says");
    // The library's own would be served by its callbacks: see NetworkThread.
    grpc::EnableDefaultHealthCheckService(false);

    const ServiceOptions& options = parts->options;
    grpc::ServerBuilder builder;
    builder.SetMaxReceiveMessageSize(static_cast<int>(wire::max_message));
    builder.SetMaxSendMessageSize(max_send_bytes);
    builder.SetResourceQuota(grpc::ResourceQuota{"vigil"}.Resize(memory_quota(options)));
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.AddChannelArgument(GRPC_ARG_ENABLE_CHANNELZ, 0);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                               options.tls ? streams_a_connection : streams_of_a_proxy);
    // The kernel looks after connections (Door), and Connections after those without a stream. The
    // library walks through all of its timers every second, and hands what is due from thread to
    // thread, which with one a connection was most of what an idle fleet cost: so none is kept.
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, std::numeric_limits<int>::max());
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);  // of callers
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
    builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, handshake_timeout_ms);
    // Probing how much a connection could take costs a ping for every few messages, and a timer
    // each: more than the messages do. A window that is wide enough from the start needs none.
    builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, window_bytes);
    const auto trusted = credentials(options);
    door.emplace(DoorOptions{.address = options.address,
                             .port = options.port,
                             .per_second = options.connections_per_second,
                             .burst = options.connections_at_once,
                             // Not by sessions that are not open yet: strangers leave them so.
                             .crowded =
                                 [here = parts.get()] {
                                     return here->openings.waiting() >
                                            here->options.max_unopened / 16;
                                 },
                             .by_address = options.limits_per_peer && options.tls.has_value(),
                             .of_address = options.connections_of_peer,
                             .inside =
                                 [here = parts.get()](const auto& address, std::size_t limit) {
                                     return here->connections.of(address, limit);
                                 },
                             .turned_away = [here = parts.get()] { ++here->connections_refused; },
                             .watch = options.watch});
    acceptor = builder.experimental().AddExternalConnectionAcceptor(
        grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD, trusted);
    builder.RegisterService(&node_rpc);
    builder.RegisterService(&query_rpc);
    builder.RegisterService(&health_rpc);
    if (options.reflection) builder.RegisterService(&reflection);
    for (unsigned i = 0; i < options.network_threads; ++i)
        threads->push_back(std::make_shared<NetworkThread>(*parts, node_rpc, methods(),
                                                           builder.AddCompletionQueue()));
    server = builder.BuildAndStart();
    require(server != nullptr, "gRPC starts: it binds no port of its own");
    for (const auto& thread : *threads) thread->start();
    door->open([this](int listener, int connection) {
        grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters came;
        came.listener_fd = listener;
        came.fd = connection;
        parts->connections.came(connection);
        acceptor->HandleNewConnection(&came);
    });
}

void Service::Running::announce_stop() {
    parts->not_serving = true;
    health_rpc.tell_watchers();
}

void Service::Running::drain() {
    announce_stop();
    parts->draining = true;
    const bool alone = !parts->options.others_serving || parts->options.others_serving() == 0;
    for (const auto& thread : *threads)
        thread->post([alone, now = std::chrono::steady_clock::now()](NetworkThread& there) {
            there.for_each_session([&](Session& session) {
                if (alone)
                    session.reconnect(random_within(drain_spread), Session::verifier_stops,
                                      {grpc::StatusCode::UNAVAILABLE, Session::verifier_stops});
                else
                    session.go_elsewhere_at(now + random_within(tell_within));
            });
        });
}

void Service::Running::stop() {
    if (!server) return;
    drain();
    door->close();
    server->Shutdown(
        gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                     gpr_time_from_millis(parts->options.drain.count(), GPR_TIMESPAN)));
    for (WorkPool* pool : {&parts->openings, &parts->work, &parts->from_memory, &parts->queries})
        pool->stop();
    for (const auto& thread : *threads) thread->stop();
    parts->switchboard.clear();
    server.reset();
}

Service::Service(ServiceOptions options, Store& store, Roster& roster, Schedule& schedule,
                 Answers& answers, Clock clock, ServiceObserver observer)
    : running_{std::make_unique<Running>(std::move(options), store, roster, schedule, answers,
                                         std::move(clock), std::move(observer))} {}

Service::~Service() { stop(); }

void Service::start() { running_->start(); }
std::uint16_t Service::port() const { return running_->door ? running_->door->port() : 0; }
void Service::announce_stop() { running_->announce_stop(); }
void Service::drain() { running_->drain(); }
void Service::stop() { running_->stop(); }

Outlets Service::outlets() {
    const auto to_node = [parts = running_->parts](const NodeId& node, auto deliver) {
        const auto route = parts->switchboard.find(node);
        if (!route) return;
        route->thread->post([session = route->session, deliver](NetworkThread& thread) {
            if (Session* found = thread.find(session)) deliver(*found);
        });
    };
    Outlets outlets;
    outlets.fleet_check = [parts = running_->parts, threads = running_->threads](
                              const WindowPlan& plan, const FleetCheck& fleet) {
        const auto begun = std::chrono::steady_clock::now();
        const grpc::ByteBuffer bytes =
            serialised(check_message(open_check(plan, fleet, parts->clock())));
        for (const auto& thread : *threads)
            thread->post([parts, bytes, begun](NetworkThread& there) {
                there.for_each_session([&](Session& session) {
                    session.push(bytes);
                    session.advance();
                });
                if (parts->observer.broadcast)
                    parts->observer.broadcast(std::chrono::steady_clock::now() - begun);
            });
    };
    outlets.device_check = [parts = running_->parts, to_node](const RosterDevice& device,
                                                              const ScheduledCheck& check,
                                                              const CheckRule&) {
        const auto told = open_check(parts->schedule, device, check, parts->clock());
        if (!told) return;
        to_node(device.node, [bytes = serialised(check_message(*told))](Session& session) {
            session.push(bytes);
        });
    };
    outlets.judged = [to_node](const RosterDevice& device, const VerdictRecord& verdict) {
        to_node(device.node, [bytes = serialised(judged_message(told(device.id, verdict)))](
                                 Session& session) { session.push_judged(bytes); });
    };
    return outlets;
}

ServiceStats Service::stats() const {
    const Parts& parts = *running_->parts;
    return {.streams = parts.streams,
            .open_sessions = parts.switchboard.size(),
            .outdated_sessions = parts.outdated,
            .calls = parts.calls.taken(),
            .connections_refused = parts.connections_refused,
            .sessions_replaced = parts.sessions_replaced,
            .slow_readers_dropped = parts.slow_readers_dropped};
}

}  // namespace vigil::verifier
