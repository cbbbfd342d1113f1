#pragma once

#include <functional>
#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "verifier/service/session.hpp"

namespace vigil::verifier {

/// A completion queue, the thread that serves it, and the sessions bound to it. Other threads reach
/// a session by posting; the first post wakes the queue by an alarm, so a batch of replies costs
/// one wake-up.
class NetworkThread : public std::enable_shared_from_this<NetworkThread> {
public:
    using Post = std::function<void(NetworkThread&)>;

    NetworkThread(Parts& parts, NodeRpc& rpc, std::unique_ptr<grpc::ServerCompletionQueue> queue);
    ~NetworkThread();  ///< the thread was stopped, or never started

    void start();  ///< once the server runs
    void stop();   ///< once the server is shut down: ends and joins the thread

    /// Runs `post` on the thread; nothing once stopped. From any thread.
    void post(Post post);

    // On the thread only.
    Session* find(std::uint64_t id);
    void for_each_session(const std::function<void(Session&)>& visit);
    bool stopping() const { return stopping_; }

private:
    void run();
    void request_next();
    void run_posts();
    void close();

    Parts& parts_;
    NodeRpc& rpc_;
    std::unique_ptr<grpc::ServerCompletionQueue> queue_;
    std::thread thread_;

    // of the thread
    std::unordered_map<std::uint64_t, std::unique_ptr<Session>> sessions_;
    std::uint64_t next_id_ = 1;
    bool stopping_ = false;

    std::mutex mutex_;
    // guarded by mutex_
    std::vector<Post> posts_;
    grpc::Alarm alarm_;
    bool woken_ = false;
    bool closed_ = true;  ///< before start() and from stop() on
};

}  // namespace vigil::verifier
