#include "verifier/service/health_rpc.hpp"

#include "verifier/service/unary_call.hpp"

namespace vigil::verifier {
namespace {

using Request = grpc::health::v1::HealthCheckRequest;
using Response = grpc::health::v1::HealthCheckResponse;
using CheckCall = UnaryCall<Request, Response>;

constexpr std::size_t most_watchers = 64;

Response response_of(bool not_serving) {
    Response response;
    response.set_status(not_serving ? Response::NOT_SERVING : Response::SERVING);
    return response;
}

grpc::Status not_found() {
    return {grpc::StatusCode::NOT_FOUND, "ask for the server as a whole: an empty service"};
}

void check(const Parts& parts, CheckCall& call) {
    if (!call.request.service().empty()) return call.finish(not_found());
    call.response = response_of(parts.not_serving);
    call.finish(grpc::Status::OK);
}

}  // namespace

/// One stream of Watch. Lives on one network thread and is touched by it alone.
class HealthRpc::Watcher {
public:
    Watcher(HealthRpc& rpc, NetworkThread& thread, grpc::ServerCompletionQueue& queue)
        : rpc_{rpc}, thread_{thread}, queue_{queue} {}

    void request() {
        context_.AsyncNotifyWhenDone(tag(done_));
        rpc_.RequestWatch(&context_, &request_, &writer_, &queue_, &queue_, tag(arrived_));
    }
    NetworkThread& thread() { return thread_; }

    /// Ends the stream, unless that has begun or a write is under way, which ends it then.
    void end() {
        if (writing_ || ending_) return;
        ending_ = true;
        writer_.WriteAndFinish(
            response_of(true), {},
            {grpc::StatusCode::UNAVAILABLE, "the verifier is stopping; watch again"},
            tag(finished_));
    }

private:
    void arrive(bool ok) {
        // The server is shutting down; then `done_` is not told either.
        if (!ok) return thread_.forget(this);
        if (!thread_.stopping()) rpc_.listen_for_watchers(thread_, queue_);
        if (!request_.service().empty()) return refuse(not_found());
        if (!rpc_.admit(*this))
            return refuse({grpc::StatusCode::RESOURCE_EXHAUSTED, "too many watch; use Check"});
        connection_ = rpc_.parts_.connections.hold(context_.peer());
        if (rpc_.parts_.not_serving) return end();
        writing_ = true;
        writer_.Write(response_of(false), tag(written_));
    }
    void refuse(const grpc::Status& why) {
        ending_ = true;
        writer_.Finish(why, tag(finished_));
    }
    void written(bool ok) {
        writing_ = false;
        if (!ok || left_ || rpc_.parts_.not_serving) end();
    }
    void done() {
        left_ = true;
        end();
        end_one();
    }
    void end_one() {
        if (--open_ends_ != 0) return;
        rpc_.forget(*this);
        thread_.forget(this);
    }

    HealthRpc& rpc_;
    NetworkThread& thread_;
    grpc::ServerCompletionQueue& queue_;
    grpc::ServerContext context_;
    Request request_;
    std::shared_ptr<const void> connection_;  ///< may be silent
    grpc::ServerAsyncWriter<Response> writer_{&context_};
    bool writing_ = false, ending_ = false, left_ = false;
    int open_ends_ = 2;  ///< `done_` and `finished_` to come
    const Completion arrived_{[this](bool ok) { arrive(ok); }};
    const Completion written_{[this](bool ok) { written(ok); }};
    const Completion finished_{[this](bool) { end_one(); }};
    const Completion done_{[this](bool) { done(); }};
};

std::vector<NetworkThread::Listen> HealthRpc::methods() {
    return {CheckCall::listening(
                {.request =
                     [this](auto* context, auto* request, auto* writer, auto* queue, void* tag) {
                         RequestCheck(context, request, writer, queue, queue, tag);
                     },
                 .begin = [this](CheckCall& call) { check(parts_, call); }}),
            [this](NetworkThread& thread, grpc::ServerCompletionQueue& queue) {
                listen_for_watchers(thread, queue);
            }};
}

void HealthRpc::listen_for_watchers(NetworkThread& thread, grpc::ServerCompletionQueue& queue) {
    auto watcher = std::make_shared<Watcher>(*this, thread, queue);
    Watcher& waiting = *watcher;
    thread.keep(std::move(watcher));
    waiting.request();
}

bool HealthRpc::admit(Watcher& watcher) {
    const std::lock_guard lock{mutex_};
    if (watchers_.size() >= most_watchers) return false;
    watchers_.insert(&watcher);
    return true;
}

void HealthRpc::forget(Watcher& watcher) {
    const std::lock_guard lock{mutex_};
    watchers_.erase(&watcher);
}

void HealthRpc::tell_watchers() {
    const std::lock_guard lock{mutex_};
    for (Watcher* watcher : watchers_)
        watcher->thread().post([this, watcher](NetworkThread&) {
            bool there = false;
            {
                const std::lock_guard looking{mutex_};
                there = watchers_.contains(watcher);
            }
            if (there) watcher->end();  // it goes on this thread only
        });
}

}  // namespace vigil::verifier
