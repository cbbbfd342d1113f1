#include "node/verifier_link_session.hpp"

#include <algorithm>
#include <condition_variable>
#include <grpcpp/grpcpp.h>
#include <mutex>
#include <spdlog/spdlog.h>
#include <thread>

#include "node/identity.hpp"
#include "proto/edge/logging.hpp"
#include "proto/signed_texts.hpp"
#include "proto/wire.hpp"
#include "vigil/v1/node.grpc.pb.h"

namespace vigil::node {
namespace {

using std::chrono::steady_clock;
namespace v1 = vigil::v1;
using Stream = grpc::ClientReaderWriter<v1::SessionRequest, v1::SessionResponse>;

std::string wrong_network_text(const NetworkId& expected, const NetworkId& said) {
    return "the session is of network " + to_hex(said).substr(0, 16) + "…, not " +
           to_hex(expected).substr(0, 16) + "…";
}

}  // namespace

/// From here on the round trip decides how much time is kept for sending (deadline_margin).
constexpr Milliseconds slow_way{200};

struct Session::Open {
    std::mutex write_mutex;
    Stream* stream = nullptr;  // guarded by write_mutex; null unless opened

    std::mutex mutex;
    std::condition_variable changed;
    // guarded by mutex
    bool over = true;
    bool opened = false;
    SteadyTime last_heard;
    SteadyTime ping_sent;
    std::optional<SteadyTime> unanswered;  ///< since a ping after which nothing was heard
    bool slow = false;                     ///< the way, by the last pong

    void heard() {
        const std::lock_guard lock{mutex};
        last_heard = steady_clock::now();
        unanswered.reset();
    }

    void ping(Instant now) {
        {
            const std::lock_guard lock{mutex};
            if (!unanswered) unanswered = steady_clock::now();
        }
        // A writer that is stuck must not hold up the one who would notice.
        const std::unique_lock lock{write_mutex, std::try_to_lock};
        if (!lock.owns_lock() || !stream) return;
        {
            const std::lock_guard sent{mutex};
            ping_sent = steady_clock::now();
        }
        v1::SessionRequest request;
        request.mutable_ping()->set_node_time_ms(to_ms(now));
        stream->Write(request);
    }

    /// Pings, and cancels a session that does not open or falls silent.
    void watch(grpc::ClientContext& context, const LinkOptions& options,
               const std::function<Instant()>& now) {
        constexpr Milliseconds step{250};
        // The first ping is sent at the opening, which may be the busiest moment of a verifier.
        int soon = 2;
        auto last_ping = steady_clock::now();
        std::unique_lock lock{mutex};
        while (!changed.wait_for(lock, step, [this] { return over; })) {
            const auto time = steady_clock::now();
            const bool silent = opened ? unanswered && time - *unanswered > options.silence_limit
                                       : time - last_heard > options.call_timeout;
            if (silent) {
                context.TryCancel();
                return;
            }
            // A long round trip may have been a busy moment; what is kept of it costs searching
            // time (deadline_margin), so it is looked at again.
            const auto pause = soon > 0 || slow ? options.ping_soon : options.ping_every;
            if (!opened || time < last_ping + pause) continue;
            last_ping = time;
            soon = std::max(soon - 1, 0);
            lock.unlock();
            ping(now());
            lock.lock();
        }
    }
};

namespace {

/// What one message means; the reading side of a session.
struct Reading {
    const LinkOptions& options;
    const LinkEvents& events;
    Session::End& end;

    static void unread(const Refusal& why) {
        spdlog::warn("a message of the verifier cannot be read: {}", edge::for_log(why.message));
    }

    void take(const v1::JudgedCheck& message) const {
        const auto judged = wire::judged_from_proto(message);
        judged ? events.judged(*judged) : unread(judged.error());
    }

    void take(const v1::SessionResponse& message, SteadyTime learned) const {
        switch (message.message_case()) {
            case v1::SessionResponse::kCheck: {
                const auto check = wire::open_check_from_proto(message.check());
                return check ? events.check(*check, learned) : unread(check.error());
            }
            case v1::SessionResponse::kReceipt: {
                const auto receipt = wire::receipt_from_proto(message.receipt());
                if (!receipt) return unread(receipt.error());
                events.receipt(*receipt);
                for (const v1::JudgedCheck& verdict : message.verdicts()) take(verdict);
                return;
            }
            case v1::SessionResponse::kRefusal: {
                const auto refusal = wire::refusal_from_proto(message.refusal());
                if (!refusal) return unread(refusal.error());
                end.unknown_node =
                    end.unknown_node || refusal->reason == wire::RefusalReason::unknown_node;
                return events.refusal(*refusal);
            }
            case v1::SessionResponse::kJudged:
                return take(message.judged());
            case v1::SessionResponse::kReconnect:
                end.come_back_after =
                    std::min(Milliseconds{message.reconnect().after_ms()}, options.longest_pause);
                spdlog::info("the verifier asks to connect again in {} ms: {}",
                             end.come_back_after->count(),
                             edge::for_log(message.reconnect().why()));
                return;
            case v1::SessionResponse::kPong:
            case v1::SessionResponse::kHello:
            case v1::SessionResponse::kOpened:
            case v1::SessionResponse::MESSAGE_NOT_SET:
                return;
        }
    }
};

/// Answers the hello with the node's signature. False: the stream has ended.
bool prove_key(Stream& stream, const LinkOptions& options, const LinkIdentity& identity,
               const NetworkId& network) {
    v1::SessionResponse message;
    if (!stream.Read(&message)) return false;
    if (!message.has_hello())
        fail_unreadable(options, {{}, "the session did not begin with a hello", {}, {}});
    const auto nonce = wire::fixed_from_proto<wire::SessionNonce>(message.hello().session_nonce(),
                                                                  "session_nonce");
    const auto said = wire::fixed_from_proto<NetworkId>(message.hello().network_id(), "network_id");
    if (!nonce) fail_unreadable(options, nonce.error());
    if (!said) fail_unreadable(options, said.error());
    if (*said != network)
        fail_unreadable(options, {{}, wrong_network_text(network, *said), {}, {}});
    v1::SessionRequest request;
    request.mutable_open()->set_node_id(wire::raw(identity.node));
    request.mutable_open()->set_signature(
        wire::raw(identity.key.sign(wire::session_text(network, *nonce, identity.node))));
    request.mutable_open()->set_node_version(options.version);
    return stream.Write(request);
}

}  // namespace

Session::Session(const LinkIdentity& identity, const LinkEvents& events,
                 const std::function<Instant()>& now)
    : identity_{identity}, events_{events}, now_{now}, open_{std::make_unique<Open>()} {}

Session::~Session() = default;

Session::End Session::hold(const Line& line, const NetworkId& network) {
    End end;
    Open& open = *open_;
    const auto begun = steady_clock::now();
    {
        const std::lock_guard lock{open.mutex};
        open.over = open.opened = false;
        open.unanswered.reset();
        open.slow = false;
        open.last_heard = begun;
    }
    const auto stream = v1::NodeService::NewStub(line.channel)->Session(&line.context);
    std::thread watcher{[&] { open.watch(line.context, line.options, now_); }};
    const auto read = [&] {
        if (!prove_key(*stream, line.options, identity_, network)) return;
        const Reading reading{line.options, events_, end};
        v1::SessionResponse message;
        while (stream->Read(&message)) {
            const auto heard = steady_clock::now();
            open.heard();
            if (message.has_pong()) {
                Milliseconds round_trip;
                {
                    const std::lock_guard lock{open.mutex};
                    round_trip = std::chrono::ceil<Milliseconds>(heard - open.ping_sent);
                    open.slow = round_trip > slow_way;
                }
                events_.ping(round_trip, now_() - round_trip / 2 -
                                             instant_from_ms(message.pong().verifier_time_ms()));
                continue;
            }
            if (!message.has_opened()) {
                reading.take(message, heard);
                continue;
            }
            const auto described = wire::network_from_proto(message.opened().network());
            if (!described) fail_unreadable(line.options, described.error());
            {
                const std::lock_guard lock{open.mutex};
                open.opened = end.opened = true;
            }
            {
                const std::lock_guard lock{open.write_mutex};
                open.stream = stream.get();
            }
            for (const int connection : edge::connections_to(line.options.address))
                edge::watch_by_kernel(connection, line.options.watch);
            events_.connected(line.options.address, *described, heard, false);
            for (const auto& check : message.opened().open_checks())
                if (const auto terms = wire::open_check_from_proto(check))
                    events_.check(*terms, heard);
            open.ping(now_());
        }
    };
    std::exception_ptr failure;
    try {
        read();
    } catch (...) {
        failure = std::current_exception();
        line.context.TryCancel();
    }
    {
        const std::lock_guard lock{open.write_mutex};
        open.stream = nullptr;
    }
    {
        const std::lock_guard lock{open.mutex};
        open.over = true;
        open.changed.notify_all();
    }
    watcher.join();
    const grpc::Status status = stream->Finish();
    if (failure) std::rethrow_exception(failure);
    end.lasted = std::chrono::floor<Milliseconds>(steady_clock::now() - begun);
    if (end.come_back_after) return end;
    if (status.ok()) {
        end.trouble =
            LinkTrouble{"E-UNREACHABLE", "the verifier ended the session; connecting again"};
        return end;
    }
    try {
        fail(line.options, status);
    } catch (const AttemptFailed& failed) {
        if (!end.opened || failed.why.refused_for_good || failed.why.unknown_node) throw;
        end.trouble = failed.why.trouble;
    }
    return end;
}

void Session::ask() { open_->ping(now_()); }

bool Session::heard_since(SteadyTime then) const {
    const std::lock_guard lock{open_->mutex};
    return open_->opened && !open_->over && open_->last_heard > then;
}

bool Session::send(const SignedAnswer& answer) {
    v1::SessionRequest request;
    *request.mutable_answer() = wire::to_proto(wire::SignedAnswer{answer.answer, answer.signature});
    const std::lock_guard lock{open_->write_mutex};
    return open_->stream && open_->stream->Write(request);
}

}  // namespace vigil::node
