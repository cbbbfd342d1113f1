#pragma once

#include <functional>
#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "verifier/service/due_times.hpp"
#include "verifier/service/session.hpp"

namespace vigil::verifier {

/// A completion queue, the thread that serves it, and the sessions and calls bound to it. Other
/// threads reach a session by posting; the first post wakes the queue by an alarm, so a batch of
/// replies costs one wake-up.
///
/// Nothing of the server uses gRPC's own threads: those of its callbacks would take turns with this
/// one in reading every stream, and hand each message over.
class NetworkThread : public std::enable_shared_from_this<NetworkThread> {
public:
    using Post = std::function<void(NetworkThread&)>;
    /// Asks for the first call of a method; called once, on the thread.
    using Listen = std::function<void(NetworkThread&, grpc::ServerCompletionQueue&)>;

    NetworkThread(Parts& parts, NodeRpc& rpc, std::vector<Listen> methods,
                  std::unique_ptr<grpc::ServerCompletionQueue> queue);
    ~NetworkThread();  ///< the thread was stopped, or never started

    void start();  ///< once the server runs
    void stop();   ///< once the server is shut down: ends and joins the thread

    /// Runs `post` on the thread; nothing once stopped. From any thread.
    void post(Post post);

    // On the thread only.
    Session* find(std::uint64_t id);
    void for_each_session(const std::function<void(Session&)>& visit);
    void happened(Session& session, Session::Event event, bool ok);
    /// The session has something to write: after what was posted beside it, so that a receipt and
    /// its verdict leave together.
    void advance_soon(std::uint64_t session) { touched_.push_back(session); }
    /// Session::sweep() then, within a second; in the place of the time asked for before.
    void look_at(Session::SteadyTime when, std::uint64_t session) { looks_.set(session, when); }
    /// Session::ask_for_calibrations() then, likewise.
    void ask_for_calibrations_at(Instant when, std::uint64_t session) {
        calibrations_.set(session, when);
    }
    /// A call lives until it is forgotten; the thread does not end before.
    void keep(std::shared_ptr<void> call);
    void forget(const void* call);
    /// One that is kept has arrived: false when there are too many. It is cancelled when it is not
    /// forgotten in time.
    bool admit(const void* call, grpc::ServerContext& context);
    grpc::Status refuse_call() const;
    bool stopping() const { return stopping_; }

private:
    void run();
    void request_next();
    void run_posts();
    void run_due();
    void close();

    Parts& parts_;
    NodeRpc& rpc_;
    const std::vector<Listen> methods_;
    std::unique_ptr<grpc::ServerCompletionQueue> queue_;
    std::thread thread_;

    // of the thread
    std::unordered_map<std::uint64_t, std::unique_ptr<Session>> sessions_;
    struct Call {
        std::shared_ptr<void> kept;
        std::shared_ptr<const void> place;
        grpc::ServerContext* context = nullptr;  ///< once admitted
    };
    std::unordered_map<const void*, Call> calls_;
    DueTimes<Session::SteadyTime> call_ends_;  ///< by address
    std::vector<std::shared_ptr<void>> over_;  ///< until their last completion has returned
    std::vector<std::uint64_t> touched_;
    DueTimes<Session::SteadyTime> looks_;
    DueTimes<Instant> calibrations_;
    std::uint64_t next_id_ = 1;
    bool stopping_ = false;
    Completion posted_{[this](bool) { run_posts(); }};

    std::mutex mutex_;
    // guarded by mutex_
    std::vector<Post> posts_;
    grpc::Alarm alarm_;
    bool woken_ = false;
    bool closed_ = true;  ///< before start() and from stop() on
};

}  // namespace vigil::verifier
