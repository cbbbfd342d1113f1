#include "verifier/service/network_thread.hpp"

#include <utility>

namespace vigil::verifier {
namespace {

constexpr std::chrono::milliseconds sweep_every{250};

gpr_timespec in(std::chrono::milliseconds time) {
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                        gpr_time_from_millis(time.count(), GPR_TIMESPAN));
}

}  // namespace

NetworkThread::NetworkThread(Parts& parts, NodeRpc& rpc,
                             std::unique_ptr<grpc::ServerCompletionQueue> queue)
    : parts_{parts}, rpc_{rpc}, queue_{std::move(queue)} {}

NetworkThread::~NetworkThread() {
    if (stopping_) return;
    // The server never ran: nothing was started on the queue.
    queue_->Shutdown();
    void* tag{};
    bool ok{};
    while (queue_->Next(&tag, &ok)) continue;
}

void NetworkThread::start() {
    {
        const std::lock_guard lock{mutex_};
        closed_ = false;
    }
    thread_ = std::thread{[this] { run(); }};
}

void NetworkThread::stop() {
    if (!thread_.joinable()) return;
    post([](NetworkThread& thread) { thread.close(); });
    thread_.join();
}

void NetworkThread::close() {
    stopping_ = true;
    {
        const std::lock_guard lock{mutex_};
        closed_ = true;
    }
    queue_->Shutdown();
}

void NetworkThread::post(Post post) {
    const std::lock_guard lock{mutex_};
    if (closed_) return;
    posts_.push_back(std::move(post));
    if (std::exchange(woken_, true)) return;
    alarm_.Set(queue_.get(), gpr_now(GPR_CLOCK_MONOTONIC), this);
}

void NetworkThread::run_posts() {
    std::vector<Post> posts;
    {
        const std::lock_guard lock{mutex_};
        posts.swap(posts_);
        woken_ = false;
    }
    for (const Post& post : posts)
        if (!stopping_) post(*this);
}

Session* NetworkThread::find(std::uint64_t id) {
    const auto found = sessions_.find(id);
    return found == sessions_.end() ? nullptr : found->second.get();
}

void NetworkThread::for_each_session(const std::function<void(Session&)>& visit) {
    for (const auto& [id, session] : sessions_) visit(*session);
}

void NetworkThread::request_next() {
    const std::uint64_t id = next_id_++;
    auto session = std::make_unique<Session>(parts_, *this, id);
    session->request(rpc_, *queue_);
    sessions_.emplace(id, std::move(session));
}

void NetworkThread::run() {
    request_next();
    auto next_sweep = std::chrono::steady_clock::now() + sweep_every;
    for (;;) {
        void* tag{};
        bool ok{};
        const auto status = queue_->AsyncNext(&tag, &ok, in(sweep_every));
        if (status == grpc::CompletionQueue::SHUTDOWN) break;
        if (status == grpc::CompletionQueue::GOT_EVENT) {
            if (tag == this) {
                run_posts();
            } else {
                const auto& event = *static_cast<const Session::Tag*>(tag);
                Session& session = *event.session;
                if (event.event == Session::Event::accepted && ok && !stopping_) request_next();
                session.on(event.event, ok);
                if (session.over()) sessions_.erase(session.id());
            }
        }
        const auto now = std::chrono::steady_clock::now();
        if (now < next_sweep || stopping_) continue;
        next_sweep = now + sweep_every;
        for (const auto& [id, session] : sessions_) session->sweep(now);
    }
    sessions_.clear();
}

}  // namespace vigil::verifier
