#include "verifier/service/session.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "proto/edge/files.hpp"
#include "verifier/service/jitter.hpp"
#include "verifier/service/network_thread.hpp"
#include "verifier/service/node_version.hpp"
#include "verifier/service/open_checks.hpp"
#include "verifier/service/opening.hpp"
#include "verifier/service/rpc_status.hpp"

namespace vigil::verifier {
namespace {

constexpr std::size_t read_below = 64;  ///< messages in the outbox
constexpr std::size_t judged_below = 256;
constexpr std::size_t most_waiting = 512;
constexpr int pings_a_second = 16;
constexpr Milliseconds end_within{5'000};
constexpr Milliseconds leave_within{3'000};
constexpr Milliseconds age_spread{2'000};
constexpr Milliseconds busy_pause{1'000};
constexpr Milliseconds store_pause{5'000};

/// To the session that a node has by now, if it has one.
void tell_verdicts(Parts& parts, const NodeId& node, const AnswerReply& reply) {
    const auto route = parts.switchboard.find(node);
    if (!route) return;
    for (const wire::JudgedCheck& verdict : reply.verdicts)
        route->thread->post([session = route->session,
                             bytes = serialised(judged_message(verdict))](NetworkThread& thread) {
            if (Session* found = thread.find(session)) found->push_judged(bytes);
        });
}

}  // namespace

Session::Session(Parts& parts, NetworkThread& thread, std::uint64_t id)
    : parts_{parts},
      thread_{thread},
      id_{id},
      accepted_{completion(Event::accepted)},
      read_{completion(Event::read)},
      written_{completion(Event::written)},
      finished_tag_{completion(Event::finished)} {}

Completion Session::completion(Event event) {
    return [this, event](bool ok) { thread_.happened(*this, event, ok); };
}

Session::~Session() {
    if (!started_) return;
    --parts_.streams;
    if (stage_ != Stage::open) leave_the_unopened();
    if (stage_ == Stage::open && outdated_) --parts_.outdated;
    if (stage_ != Stage::greeted)
        parts_.switchboard.disconnect(node_, {thread_.shared_from_this(), id_});
}

void Session::request(NodeRpc& rpc, grpc::ServerCompletionQueue& queue) {
    ++outstanding_;
    rpc.RequestSession(&context_, &stream_, &queue, &queue, tag(accepted_));
}

void Session::on(Event event, bool ok) {
    // Before anything else: the time an answer counts as received (protocol 5.1).
    const Instant now = event == Event::read ? parts_.clock() : Instant{};
    --outstanding_;
    switch (event) {
        case Event::accepted:
            if (!ok) return;  // the server is shutting down
            accept();
            break;
        case Event::read:
            reading_ = false;
            if (!ok)
                peer_done_ = true;
            else if (!ending_)
                take(now);
            break;
        case Event::written:
            writing_ = false;
            if (!ok) drop();
            break;
        case Event::finished:
            finished_ = true;
            break;
    }
    advance();
}

void Session::accept() {
    started_ = true;
    connection_ = parts_.connections.hold(context_.peer());
    began_ = heard_ = std::chrono::steady_clock::now();
    end_of_age_ = began_ + drawn_age();
    const std::size_t streams = ++parts_.streams;
    const std::size_t unopened = ++parts_.unopened;
    if (parts_.draining)
        return refuse({RefusalReason::unavailable, verifier_stops, {}, store_pause});
    if (streams > parts_.options.max_streams || unopened > parts_.options.max_unopened)
        return refuse({RefusalReason::busy, "too many sessions", {}, jittered(store_pause)});

    const std::string peer = parts_.limited_peer(context_);
    if (!peer.empty() && parts_.unopened_by_peer.enter(peer) == 0)
        return refuse({RefusalReason::busy,
                       "too many sessions from this address wait to be opened",
                       {},
                       jittered(store_pause)});
    unopened_of_ = peer;

    edge::random_bytes(nonce_.bytes);
    v1::SessionResponse message;
    v1::SessionHello& hello = *message.mutable_hello();
    hello.set_session_nonce(wire::raw(nonce_));
    hello.set_network_id(wire::raw(parts_.schedule.network()));
    hello.set_time_ms(to_ms(parts_.clock()));
    outbox_.push_back(serialised(message));
}

void Session::leave_the_unopened() {
    --parts_.unopened;
    if (!unopened_of_.empty()) parts_.unopened_by_peer.leave(std::exchange(unopened_of_, {}));
}

void Session::take(Instant received) {
    heard_ = std::chrono::steady_clock::now();
    v1::SessionRequest message;
    const bool parsed = parse(incoming_, message);
    incoming_.Clear();
    if (!parsed) return refuse({RefusalReason::malformed, "not a vigil.v1.SessionRequest", {}, {}});
    if (stage_ == Stage::greeted && !message.has_open())
        return refuse(
            {RefusalReason::not_opened, "the first message of a session must open it", {}, {}});
    switch (message.message_case()) {
        case v1::SessionRequest::kOpen:
            return open_session(message.open());
        case v1::SessionRequest::kAnswer:
            return take_answer(message.answer(), received);
        case v1::SessionRequest::kPing:
            return take_ping(message.ping(), received);
        case v1::SessionRequest::MESSAGE_NOT_SET:
            return refuse({RefusalReason::malformed, "an empty SessionRequest", {}, {}});
    }
}

void Session::open_session(const v1::SessionOpen& message) {
    if (stage_ != Stage::greeted)
        return refuse({RefusalReason::not_opened, "a session is opened once", {}, {}});
    const auto id = wire::fixed_from_proto<NodeId>(message.node_id(), "node_id");
    if (!id) return refuse(id.error());
    const auto signature = wire::fixed_from_proto<Signature>(message.signature(), "signature");
    if (!signature) return refuse(signature.error());
    if (const auto fault =
            version_fault(message.node_version(), parts_.options.node_versions.minimum))
        return refuse(*fault);
    node_ = *id;
    outdated_ = is_older(message.node_version(), parts_.options.node_versions.recommended);
    stage_ = Stage::opening;
    if (!offer_opening(parts_,
                       {*id, *signature, nonce_, {thread_.shared_from_this(), id_}, heard_}))
        refuse({RefusalReason::busy,
                "too many sessions wait to be opened",
                {},
                jittered(store_pause)});
}

void Session::opened(const Expected<grpc::ByteBuffer, Refusal>& opened) {
    if (ending_) return;
    if (opened) {
        stage_ = Stage::open;
        if (outdated_) ++parts_.outdated;
        leave_the_unopened();
        outbox_.push_back(*opened);
        std::move(began_meanwhile_.begin(), began_meanwhile_.end(), std::back_inserter(outbox_));
        began_meanwhile_.clear();
        ask_for_calibrations();
    } else {
        refuse(opened.error());
    }
    advance();
}

void Session::take_answer(const v1::SignedAnswer& message, Instant received) {
    const auto refuse_answer = [&](const Refusal& refusal) {
        parts_.count(refusal.reason);
        outbox_.push_back(serialised(reply_message({refusal, {}})));
    };
    auto answer = wire::answer_from_proto(message);
    if (!answer) return refuse_answer(answer.error());
    if (in_flight_ >= parts_.options.answers_in_flight)
        return refuse_answer({RefusalReason::busy,
                              std::to_string(in_flight_) + " answers of this session are waiting",
                              parts_.answers.id_of(answer->answer), busy_pause});
    ++in_flight_;
    parts_.answers.submit(
        {node_, std::move(answer->answer), answer->signature, received, /*over_session=*/true},
        [&parts = parts_, node = node_, thread = thread_.shared_from_this(),
         session = id_](AnswerReply reply) {
            thread->post([&parts, node, session, reply = std::move(reply)](NetworkThread& there) {
                if (Session* found = there.find(session))
                    found->reply(reply);
                else  // its receipt comes with a repeat, but no verdict
                    tell_verdicts(parts, node, reply);
            });
        });
}

void Session::take_ping(const v1::Ping& ping, Instant received) {
    if (heard_ - pings_since_ >= std::chrono::seconds{1}) {
        pings_since_ = heard_;
        pings_left_ = pings_a_second;
    }
    if (pings_left_ == 0) return;
    --pings_left_;
    v1::SessionResponse message;
    message.mutable_pong()->set_node_time_ms(ping.node_time_ms());
    message.mutable_pong()->set_verifier_time_ms(to_ms(received));
    outbox_.push_back(serialised(message));
}

void Session::reply(const AnswerReply& reply) {
    --in_flight_;
    outbox_.push_back(serialised(reply_message(reply)));
    thread_.advance_soon(id_);
}

void Session::push(grpc::ByteBuffer message) {
    if (stage_ == Stage::opening && !ending_ && began_meanwhile_.size() < most_waiting)
        began_meanwhile_.push_back(std::move(message));
    if (!open() || dropped_) return;
    if (outbox_.size() >= most_waiting) {
        ++parts_.slow_readers_dropped;
        drop();
    } else {
        outbox_.push_back(std::move(message));
    }
    thread_.advance_soon(id_);
}

void Session::push_judged(grpc::ByteBuffer message) {
    if (open() && outbox_.size() < judged_below) push(std::move(message));
}

void Session::ask_for_calibrations() {
    if (!open() || leaving_) return;
    const bool accepted = parts_.work.offer(
        [&parts = parts_, node = node_, session = id_, thread = thread_.shared_from_this()] {
            std::vector<grpc::ByteBuffer> checks;
            std::optional<Instant> look_again;
            if (parts.draining) return;  // nobody could answer, and a store may be long in failing
            try {
                const auto owed = parts.enrolments.issue_owed_calibrations(node, parts.clock());
                look_again = owed.look_again;
                for (const auto& [device, check] : owed.issued)
                    if (const auto told = open_check(parts.schedule, *device, check, parts.clock()))
                        checks.push_back(serialised(check_message(*told)));
            } catch (const StoreFailed&) {
                look_again = parts.clock() + store_pause;
            }
            thread->post([session, look_again, checks = std::move(checks)](NetworkThread& there) {
                if (Session* found = there.find(session)) found->calibrate(checks, look_again);
            });
        });
    if (!accepted) thread_.ask_for_calibrations_at(parts_.clock() + store_pause, id_);
}

void Session::calibrate(const std::vector<grpc::ByteBuffer>& checks,
                        std::optional<Instant> look_again) {
    if (look_again) thread_.ask_for_calibrations_at(*look_again, id_);
    for (const grpc::ByteBuffer& check : checks) push(check);
}

void Session::reconnect(Milliseconds after, const std::string& why, const grpc::Status& status) {
    if (!started_ || ending_ || leaving_) return;
    outbox_.push_back(serialised(reconnect_message(after, why)));
    leaving_ = status;
    leave_by_ = std::chrono::steady_clock::now() + leave_within;
    advance();
}

void Session::go_elsewhere_at(SteadyTime when) {
    go_at_ = std::min(go_at_, when);
    advance();
}

void Session::refuse(const Refusal& refusal) {
    parts_.count(refusal.reason);
    end(rpc_status(refusal));
}

void Session::end(const grpc::Status& status) {
    if (ending_) return;
    ending_ = status;
    end_began_ = std::chrono::steady_clock::now();
}

void Session::drop() {
    if (std::exchange(dropped_, true)) return;
    outbox_.clear();
    end(grpc::Status::CANCELLED);
    context_.TryCancel();
}

/// The time limits of sweep(). What moved further away meanwhile is found by the look that comes
/// too early, so that a message heard costs nothing here.
Session::SteadyTime Session::next_limit() const {
    if (dropped_ || finished_) return SteadyTime::max();
    if (ending_) return end_began_ + end_within;
    if (leaving_) return leave_by_;
    return std::min({go_at_, heard_ + parts_.options.idle_after,
                     stage_ == Stage::open ? end_of_age_ : began_ + parts_.options.open_within});
}

void Session::sweep(SteadyTime now) {
    look_at_ = SteadyTime::max();
    if (!started_ || finished_) return;
    if (ending_) {
        if (now >= end_began_ + end_within) drop();
    } else if (leaving_) {
        if (now >= leave_by_) end(*leaving_);
    } else if (now >= go_at_) {
        reconnect(Milliseconds{0}, verifier_stops, {grpc::StatusCode::UNAVAILABLE, verifier_stops});
    } else if (stage_ == Stage::open && now >= end_of_age_ && drawn_to_leave(now)) {
        reconnect(random_within(age_spread), "another verifier has room, too",
                  {grpc::StatusCode::UNAVAILABLE, "the session was long enough"});
    } else if (stage_ != Stage::open && now >= began_ + parts_.options.open_within) {
        refuse({RefusalReason::not_opened, "the session was not opened in time", {}, busy_pause});
    } else if (now >= heard_ + parts_.options.idle_after) {
        end({grpc::StatusCode::DEADLINE_EXCEEDED, "nothing was heard for too long"});
    }
    advance();
}

/// Each session has a time of its own, so that those who came at once do not go at once.
Milliseconds Session::drawn_age() const {
    return parts_.options.session_age / 2 + random_within(parts_.options.session_age);
}

/// Of n verifiers each keeps one session in n, which is how even shares stay even. A session that
/// is kept gets another time: one that comes back after hours must not be sent everybody at once.
bool Session::drawn_to_leave(SteadyTime now) {
    const std::size_t others =
        parts_.options.others_serving ? parts_.options.others_serving() : std::size_t{0};
    if (random_below(others + 1) != 0) return true;
    end_of_age_ = now + drawn_age();
    return false;
}

void Session::advance() {
    if (!started_ || thread_.stopping()) return;
    if (const SteadyTime limit = next_limit(); limit < look_at_)
        thread_.look_at(look_at_ = limit, id_);
    if (finishing_) return;
    if (leaving_ && !ending_ && in_flight_ == 0 && !writing_ && outbox_.empty()) end(*leaving_);
    if (!writing_ && !outbox_.empty()) {
        const grpc::ByteBuffer message = std::move(outbox_.front());
        outbox_.pop_front();
        grpc::WriteOptions options;
        if (!outbox_.empty()) options.set_buffer_hint();
        writing_ = true;
        ++outstanding_;
        stream_.Write(message, options, tag(written_));
    }
    const bool done = ending_ || (peer_done_ && in_flight_ == 0);
    if (done && !writing_) {
        finishing_ = true;
        ++outstanding_;
        stream_.Finish(ending_.value_or(grpc::Status::OK), tag(finished_tag_));
    } else if (!reading_ && !peer_done_ && !ending_ && stage_ != Stage::opening &&
               outbox_.size() < read_below) {
        reading_ = true;
        ++outstanding_;
        stream_.Read(&incoming_, tag(read_));
    }
}

}  // namespace vigil::verifier
