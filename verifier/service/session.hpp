#pragma once

#include <chrono>
#include <cstdint>
#include <grpcpp/grpcpp.h>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proto/signed_texts.hpp"
#include "verifier/service/completion.hpp"
#include "verifier/service/messages.hpp"
#include "verifier/service/node_rpc.hpp"
#include "verifier/service/parts.hpp"

namespace vigil::verifier {

/// One stream of NodeService.Session. Lives on one network thread and is touched by it alone.
///
/// Bounds: one read, one write and one finish outstanding; reading pauses while the outbox is not
/// drained, so a peer that does not read its replies is not read either; what is pushed beyond that
/// drops the stream. Answers in flight and pings are counted. Nothing is read while an opening
/// thread verifies the node's key, so a session has one opening under way.
class Session {
public:
    using SteadyTime = std::chrono::steady_clock::time_point;
    enum class Event : std::uint8_t { accepted, read, written, finished };
    static constexpr const char* verifier_stops = "the verifier is stopping";

    Session(Parts& parts, NetworkThread& thread, std::uint64_t id);
    ~Session();
    Session(const Session&) = delete;

    /// Waits for the next stream of the server.
    void request(NodeRpc& rpc, grpc::ServerCompletionQueue& queue);
    /// An operation of this stream has ended.
    void on(Event event, bool ok);
    /// Nothing outstanding and nothing more to come: may be deleted.
    bool over() const { return outstanding_ == 0 && (finished_ || !started_); }
    std::uint64_t id() const { return id_; }
    bool open() const { return stage_ == Stage::open && !ending_; }

    void push(grpc::ByteBuffer message);         ///< a check: drops the stream when it lags
    void push_judged(grpc::ByteBuffer message);  ///< left out when the stream lags
    void reply(const AnswerReply& reply);        ///< to an answer of this stream
    /// The reply of an opening thread.
    void opened(const Expected<grpc::ByteBuffer, Refusal>& opened);
    /// The reply of a work thread: calibrations that were issued, and when to ask again.
    void calibrate(const std::vector<grpc::ByteBuffer>& checks, std::optional<Instant> look_again);
    /// Asks the node to come back, or go elsewhere, and ends the stream when every answer that it
    /// sent has its reply.
    void reconnect(Milliseconds after, const std::string& why, const grpc::Status& status);
    /// reconnect(), without a pause, at that time: others serve meanwhile.
    void go_elsewhere_at(SteadyTime when);
    void sweep(SteadyTime now);  ///< time limits, at the time that it asked its thread for
    /// The store is asked on a work thread; what was issued comes back as a post.
    void ask_for_calibrations();
    void advance();  ///< starts whatever may be started now

private:
    enum class Stage : std::uint8_t { greeted, opening, open };

    void accept();
    void leave_the_unopened();
    void take(Instant received);
    void open_session(const v1::SessionOpen& message);
    void take_answer(const v1::SignedAnswer& message, Instant received);
    void take_ping(const v1::Ping& ping, Instant received);
    SteadyTime next_limit() const;
    void refuse(const Refusal& refusal);
    Milliseconds drawn_age() const;
    bool drawn_to_leave(SteadyTime now);
    void end(const grpc::Status& status);
    void drop();
    Completion completion(Event event);

    Parts& parts_;
    NetworkThread& thread_;
    const std::uint64_t id_;
    const Completion accepted_, read_, written_, finished_tag_;
    grpc::ServerContext context_;
    grpc::ServerAsyncReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer> stream_{&context_};

    std::shared_ptr<const void> connection_;  ///< may be silent
    Stage stage_ = Stage::greeted;
    wire::SessionNonce nonce_;
    NodeId node_;
    bool outdated_ = false;    ///< older than is recommended
    std::string unopened_of_;  ///< the peer it counts against while it is not open
    grpc::ByteBuffer incoming_;
    std::list<grpc::ByteBuffer> outbox_;  ///< mostly empty: a deque takes half a kilobyte for that
    std::vector<grpc::ByteBuffer> began_meanwhile_;  ///< checks, while opening
    std::size_t in_flight_ = 0;
    int outstanding_ = 0;
    int pings_left_ = 0;
    bool started_ = false, reading_ = false, writing_ = false, finishing_ = false;
    bool peer_done_ = false, dropped_ = false, finished_ = false;
    std::optional<grpc::Status> ending_;
    std::optional<grpc::Status> leaving_;  ///< ends so, once nothing is in flight
    SteadyTime leave_by_, end_of_age_;
    SteadyTime go_at_ = SteadyTime::max();
    SteadyTime began_, heard_, end_began_, pings_since_;
    SteadyTime look_at_ = SteadyTime::max();  ///< its thread's next look
};

}  // namespace vigil::verifier
