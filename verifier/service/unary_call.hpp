#pragma once

#include <atomic>
#include <functional>
#include <grpcpp/grpcpp.h>
#include <memory>
#include <type_traits>

#include "verifier/service/completion.hpp"
#include "verifier/service/network_thread.hpp"
#include "verifier/service/parts.hpp"

namespace vigil::verifier {

/// A call of a method without streams, from its arrival to its end. Lives on a network thread;
/// whoever works on it finishes it, once, from any thread, and does not touch it afterwards. It
/// counts among its peer's calls, and is cancelled when it has not ended in time: a caller may take
/// for ever to take its response.
template <class Request, class Response, class Writer = grpc::ServerAsyncResponseWriter<Response>>
class UnaryCall {
public:
    struct Method {
        std::function<void(grpc::ServerContext*, Request*, Writer*, grpc::ServerCompletionQueue*,
                           void* tag)>
            request;                                 ///< the service's RequestX()
        std::function<void(UnaryCall& call)> begin;  ///< on the network thread: must not wait
    };

    UnaryCall(NetworkThread& thread, grpc::ServerCompletionQueue& queue,
              std::shared_ptr<const Method> method)
        : thread_{thread}, queue_{queue}, method_{std::move(method)} {}

    grpc::ServerContext context;
    Request request;
    Response response;
    std::shared_ptr<const void> kept_place;  ///< of Places, until the call's end

    bool caller_left() const { return caller_left_; }  ///< any thread
    void finish(const grpc::Status& status) {
        if constexpr (!std::is_same_v<Writer, grpc::ServerAsyncResponseWriter<Response>>)
            writer_.Finish(status, tag(finished_));  // of a stream: without a message
        else if (status.ok())
            writer_.Finish(response, status, tag(finished_));
        else
            writer_.FinishWithError(status, tag(finished_));
    }

    static NetworkThread::Listen listening(Method method) {
        return [shared = std::make_shared<const Method>(std::move(method))](
                   NetworkThread& thread, grpc::ServerCompletionQueue& queue) {
            listen(thread, queue, shared);
        };
    }

private:
    static void listen(NetworkThread& thread, grpc::ServerCompletionQueue& queue,
                       const std::shared_ptr<const Method>& method) {
        auto call = std::make_shared<UnaryCall>(thread, queue, method);
        UnaryCall& waiting = *call;
        thread.keep(std::move(call));
        waiting.context.AsyncNotifyWhenDone(tag(waiting.done_));
        method->request(&waiting.context, &waiting.request, &waiting.writer_, &queue,
                        tag(waiting.arrived_));
    }

    void arrive(bool ok) {
        // The server is shutting down; then `done_` is not told either.
        if (!ok) return thread_.forget(this);
        if (!thread_.stopping()) listen(thread_, queue_, method_);
        if (thread_.admit(this, context))
            method_->begin(*this);
        else
            finish(thread_.refuse_call());
    }
    void end_one() {
        if (--open_ends_ == 0) thread_.forget(this);
    }

    NetworkThread& thread_;
    grpc::ServerCompletionQueue& queue_;
    const std::shared_ptr<const Method> method_;
    Writer writer_{&context};
    std::atomic<bool> caller_left_{false};
    int open_ends_ = 2;  ///< of the thread: `done_` and `finished_` to come
    const Completion arrived_{[this](bool ok) { arrive(ok); }};
    const Completion done_{[this](bool) {
        caller_left_ = context.IsCancelled();
        end_one();
    }};
    const Completion finished_{[this](bool) { end_one(); }};
};

/// A refusal as status, counted.
grpc::Status refuse(Parts& parts, const Refusal& refusal);

/// What `work` says: nothing is OK. A StoreFailed becomes `unavailable`, anything else INTERNAL.
grpc::Status status_of(Parts& parts, const std::function<std::optional<Refusal>()>& work);
extern const Refusal too_many_calls;

/// Answers a call on a thread of the pool. `work` fills the response or says why not. A caller that
/// left is not served; when too many wait, `busy`.
template <class Call>
void serve(Parts& parts, WorkPool& pool, Call& call, std::function<std::optional<Refusal>()> work) {
    const bool accepted = pool.offer([&parts, &call, work = std::move(work)] {
        call.finish(call.caller_left() ? grpc::Status::CANCELLED : status_of(parts, work));
    });
    if (!accepted) call.finish(refuse(parts, too_many_calls));
}

/// `ask`: the service's RequestX; `pool`: where a call is served, null where it was refused; `work`
/// fills the response there.
template <class Rpc, class Owner, class Request, class Response>
NetworkThread::Listen served_by(
    Parts& parts, Rpc& rpc,
    void (Owner::*ask)(grpc::ServerContext*, Request*, grpc::ServerAsyncResponseWriter<Response>*,
                       grpc::CompletionQueue*, grpc::ServerCompletionQueue*, void*),
    std::type_identity_t<std::function<WorkPool*(UnaryCall<Request, Response>&)>> pool,
    std::optional<Refusal> (*work)(Parts&, const Request&, Response&)) {
    using Call = UnaryCall<Request, Response>;
    return Call::listening(
        {.request = [&rpc, ask](
                        auto* context, auto* request, auto* writer, auto* queue,
                        void* tag) { (rpc.*ask)(context, request, writer, queue, queue, tag); },
         .begin =
             [&parts, work, pool = std::move(pool)](Call& call) {
                 if (WorkPool* const threads = pool(call))
                     serve(parts, *threads, call, [&parts, &call, work] {
                         return work(parts, call.request, call.response);
                     });
                 else
                     call.finish(refuse(parts, too_many_calls));
             }});
}

}  // namespace vigil::verifier
