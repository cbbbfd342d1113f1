#include "verifier/service/network_thread.hpp"

#include <cstdint>
#include <utility>

#include "verifier/service/unary_call.hpp"

namespace vigil::verifier {
namespace {

constexpr std::chrono::milliseconds look_every{1'000};  ///< time limits are of seconds

gpr_timespec in(std::chrono::milliseconds time) {
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                        gpr_time_from_millis(time.count(), GPR_TIMESPAN));
}

std::uint64_t key_of(const void* call) { return reinterpret_cast<std::uintptr_t>(call); }

}  // namespace

NetworkThread::NetworkThread(Parts& parts, NodeRpc& rpc, std::vector<Listen> methods,
                             std::unique_ptr<grpc::ServerCompletionQueue> queue)
    : parts_{parts}, rpc_{rpc}, methods_{std::move(methods)}, queue_{std::move(queue)} {}

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
    if (calls_.empty()) queue_->Shutdown();
}

void NetworkThread::keep(std::shared_ptr<void> call) {
    const void* const key = call.get();
    calls_[key].kept = std::move(call);
}

bool NetworkThread::admit(const void* call, grpc::ServerContext& context) {
    Call& here = calls_.at(call);
    here.place = parts_.calls.take(parts_.limited_peer(context));
    if (!here.place) return false;
    here.context = &context;
    call_ends_.set(key_of(call), std::chrono::steady_clock::now() + parts_.options.call_within);
    return true;
}

grpc::Status NetworkThread::refuse_call() const { return refuse(parts_, too_many_calls); }

void NetworkThread::forget(const void* call) {
    const auto found = calls_.find(call);
    call_ends_.forget(key_of(call));
    over_.push_back(std::move(found->second.kept));
    calls_.erase(found);
    if (stopping_ && calls_.empty()) queue_->Shutdown();
}

void NetworkThread::post(Post post) {
    const std::lock_guard lock{mutex_};
    if (closed_) return;
    posts_.push_back(std::move(post));
    if (std::exchange(woken_, true)) return;
    // In the past: rounded up to whole milliseconds, "now" would wait for the timer thread.
    alarm_.Set(queue_.get(), gpr_inf_past(GPR_CLOCK_MONOTONIC), &posted_);
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
    for (const std::uint64_t id : touched_)
        if (Session* touched = find(id)) touched->advance();
    touched_.clear();
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

void NetworkThread::happened(Session& session, Session::Event event, bool ok) {
    if (event == Session::Event::accepted && ok && !stopping_) request_next();
    session.on(event, ok);
    if (!session.over()) return;
    const auto found = sessions_.find(session.id());
    looks_.forget(session.id());
    calibrations_.forget(session.id());
    over_.push_back(std::move(found->second));
    sessions_.erase(found);
}

void NetworkThread::run_due() {
    const auto now = std::chrono::steady_clock::now();
    for (const std::uint64_t call : call_ends_.take(now))
        calls_.at(reinterpret_cast<const void*>(call)).context->TryCancel();
    for (const std::uint64_t id : looks_.take(now))
        if (Session* due = find(id)) due->sweep(now);
    for (const std::uint64_t id : calibrations_.take(parts_.clock()))
        if (Session* due = find(id)) due->ask_for_calibrations();
    parts_.connections.end_idle(now);
}

void NetworkThread::run() {
    request_next();
    for (const Listen& listen : methods_) listen(*this, *queue_);
    auto next_look = std::chrono::steady_clock::now() + look_every;
    for (;;) {
        void* tag{};
        bool ok{};
        const auto status = queue_->AsyncNext(&tag, &ok, in(look_every));
        if (status == grpc::CompletionQueue::SHUTDOWN) break;
        if (status == grpc::CompletionQueue::GOT_EVENT) {
            (*static_cast<const Completion*>(tag))(ok);
            over_.clear();
        }
        const auto now = std::chrono::steady_clock::now();
        if (now < next_look || stopping_) continue;
        next_look = now + look_every;
        run_due();
    }
    sessions_.clear();
}

}  // namespace vigil::verifier
