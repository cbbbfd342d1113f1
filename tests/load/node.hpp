#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <optional>

#include "proto/wire.hpp"
#include "tests/load/byte_stream.hpp"
#include "tests/load/identity.hpp"
#include "tests/load/record.hpp"

namespace vigil::v1 {
class SessionResponse;
}

namespace vigil::load {

/// What the nodes of one loop share. `record` belongs to the loop's thread.
struct Crew {
    Loop& loop;
    Target target;
    Preparing preparing;
    std::function<void(const wire::Network&)> enrolled;
    std::function<void(const wire::OpenCheck&)> learned;  ///< every fleet check of every stream
    Record record;
    std::atomic<std::uint64_t> known{0};      ///< nodes that are enrolled
    std::atomic<std::uint64_t> open{0};       ///< streams
    std::atomic<std::uint64_t> left{0};       ///< answers sent and not replied to
    std::atomic<std::uint64_t> slow_left{0};  ///< of nodes that did not read then
    std::atomic<bool> sending{false};         ///< false: what is prepared stays where it is
    std::size_t window = 1;                   ///< answers of a node in flight, when not paced
    bool judged = true;                       ///< verdicts are counted
};

/// One node: enrols, holds a stream or calls, answers its calibrations at once and sends what was
/// prepared. On its loop's thread, but for what says otherwise.
class LoadNode {
public:
    LoadNode(Crew& crew, Identity identity);

    void enrol();  ///< again and again until it is; then as `then_open` says
    void open(std::function<void()> opened = {});
    void close();
    void read_slowly(bool slowly);
    void ping();  ///< when its stream is open

    /// Sends what is prepared, `window` at a time.
    void flow();
    /// Sends the next prepared answer now; false: none is left.
    bool send_next(Steady::time_point due);
    /// Sends one by SubmitAnswers, after asking what is open as a polling node does.
    void poll_and_submit(const std::shared_ptr<grpc::Channel>& channel);
    void poll(const std::shared_ptr<grpc::Channel>& channel);  ///< only asks

    const Identity& identity() const { return identity_; }
    bool is_open() const { return open_; }
    bool has_stream() const { return stream_ != nullptr; }
    std::deque<Prepared>& prepared() { return prepared_; }  ///< any thread, while not sending

    bool then_open = true;

private:
    struct Sent {
        Prepared answer;
        Steady::time_point due, handed;
        bool slow = false;
    };
    void take(grpc::ByteBuffer& bytes);
    void take_opened(const v1::SessionResponse& message);
    void count(const v1::JudgedCheck& judged);
    void take_check(const wire::OpenCheck& check);
    void take_reply(const AnswerId& answer, const wire::Receipt* receipt,
                    const wire::Refusal* refusal);
    void answer_calibrations(const std::vector<wire::OpenCheck>& checks);
    void send(Prepared answer, Steady::time_point due);
    void stream_ended(const grpc::Status& status);

    Crew& crew_;
    const Identity identity_;
    std::shared_ptr<grpc::Channel> channel_;
    std::unique_ptr<ByteStream> stream_;
    std::function<void()> opened_;
    std::deque<Prepared> prepared_;
    std::vector<Sent> in_flight_;
    std::vector<AnswerId> calibrations_;  ///< answers that are no part of the load
    bool open_ = false, closing_ = false, slow_ = false;
};

}  // namespace vigil::load
