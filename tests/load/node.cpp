#include "tests/load/node.hpp"

#include <algorithm>
#include <utility>

#include "core/base/require.hpp"
#include "tests/load/unary.hpp"
#include "vigil/v1/node.grpc.pb.h"

namespace vigil::load {
namespace {

using namespace std::chrono_literals;

constexpr auto call_within = 60s;
constexpr auto ask_again = 1'000ms;

std::uint32_t us(Steady::duration time) {
    const auto count = std::chrono::duration_cast<std::chrono::microseconds>(time).count();
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(count, 0, UINT32_MAX));
}

template <class Message>
bool parse(grpc::ByteBuffer& bytes, Message& message) {
    return grpc::SerializationTraits<Message>::Deserialize(&bytes, &message).ok();
}

bool is_fleet(const wire::OpenCheck& check) {
    return check.kind == CheckKind::roll_call || check.kind == CheckKind::hourly;
}

}  // namespace

LoadNode::LoadNode(Crew& crew, Identity identity) : crew_{crew}, identity_{std::move(identity)} {}

void LoadNode::enrol() {
    if (!channel_) channel_ = connect(crew_.target);
    call(crew_.loop, channel_, "/vigil.v1.NodeService/Enrol",
         enrol_request(identity_, crew_.preparing.network), call_within,
         [this](const grpc::Status& status, grpc::ByteBuffer& bytes) {
             v1::EnrolResponse response;
             if (!status.ok() || !parse(bytes, response)) {
                 const auto refusal = wire::refusal_from_details(status.error_details());
                 const auto pause = refusal && refusal->retry_after > 0ms
                                        ? Steady::duration{refusal->retry_after}
                                        : Steady::duration{ask_again};
                 ++crew_.record
                       .refusals[refusal ? "enrolment: " + std::string{to_string(refusal->reason)}
                                         : "enrolment: " + status.error_message()];
                 return crew_.loop.after(Steady::now() + pause, [this] { enrol(); });
             }
             ++crew_.known;
             if (const auto network = wire::network_from_proto(response.network()))
                 crew_.enrolled(*network);
             if (then_open)
                 open();
             else
                 channel_.reset();
         });
}

void LoadNode::open(std::function<void()> opened) {
    require(!stream_, "a node has one stream");
    if (!channel_) channel_ = connect(crew_.target);
    opened_ = std::move(opened);
    closing_ = false;
    stream_ = std::make_unique<ByteStream>(
        crew_.loop, channel_, "/vigil.v1.NodeService/Session",
        ByteStream::Events{[this](grpc::ByteBuffer& bytes) { take(bytes); },
                           [this](const grpc::Status& status) { stream_ended(status); }});
    stream_->start();
}

void LoadNode::close() {
    closing_ = true;
    if (stream_) stream_->cancel();
}

void LoadNode::read_slowly(bool slowly) {
    slow_ = slowly;
    if (stream_) stream_->pause_reading(slowly);
}

void LoadNode::ping() {
    if (open_) stream_->write(ping_request());
}

void LoadNode::stream_ended(const grpc::Status& status) {
    if (open_) --crew_.open;
    open_ = false;
    if (!closing_) {
        ++crew_.record.broken;
        ++crew_.record.refusals["stream: " + status.error_message()];
    }
    // Not from inside the stream's own call.
    crew_.loop.after(Steady::now(), [this] {
        stream_.reset();
        channel_.reset();
        if (!closing_)
            crew_.loop.after(Steady::now() + ask_again, [this] {
                if (!stream_) open();
            });
    });
}

void LoadNode::take(grpc::ByteBuffer& bytes) {
    v1::SessionResponse message;
    if (!parse(bytes, message)) return;
    switch (message.message_case()) {
        case v1::SessionResponse::kHello: {
            const auto nonce = wire::fixed_from_proto<wire::SessionNonce>(
                message.hello().session_nonce(), "session_nonce");
            if (nonce) stream_->write(open_request(identity_, crew_.preparing.network, *nonce));
            return;
        }
        case v1::SessionResponse::kOpened:
            return take_opened(message);
        case v1::SessionResponse::kCheck:
            if (const auto check = wire::open_check_from_proto(message.check())) take_check(*check);
            return;
        case v1::SessionResponse::kReceipt:
            if (const auto receipt = wire::receipt_from_proto(message.receipt()))
                take_reply(receipt->answer, &*receipt, nullptr);
            for (const v1::JudgedCheck& verdict : message.verdicts()) count(verdict);
            return;
        case v1::SessionResponse::kRefusal:
            if (const auto refusal = wire::refusal_from_proto(message.refusal()))
                take_reply(refusal->answer, nullptr, &*refusal);
            return;
        case v1::SessionResponse::kJudged:
            return count(message.judged());
        case v1::SessionResponse::kPong:
            ++crew_.record.pushed["pong"];
            return;
        case v1::SessionResponse::kReconnect:
        case v1::SessionResponse::MESSAGE_NOT_SET:
            return;
    }
}

void LoadNode::count(const v1::JudgedCheck& judged) {
    if (!crew_.judged || judged.kind() == v1::CHECK_KIND_CALIBRATION) return;
    if (const auto verdict = wire::verdict_from_proto(judged.verdict()))
        ++crew_.record.verdicts[std::string{to_string(*verdict)}];
}

void LoadNode::take_opened(const v1::SessionResponse& message) {
    open_ = true;
    std::vector<wire::OpenCheck> calibrations;
    for (const v1::OpenCheck& told : message.opened().open_checks()) {
        const auto check = wire::open_check_from_proto(told);
        if (!check) continue;
        if (is_fleet(*check)) crew_.learned(*check);
        if (check->kind == CheckKind::calibration) calibrations.push_back(*check);
    }
    answer_calibrations(calibrations);
    if (opened_) opened_();
    // What has no reply goes out again on the new stream.
    for (const Sent& sent : in_flight_) stream_->write(sent.answer.bytes);
    if (crew_.sending) flow();
    ++crew_.open;  // whoever counts streams finds what they sent
}

void LoadNode::take_check(const wire::OpenCheck& check) {
    ++crew_.record.pushed[std::string{to_string(check.kind)}];
    if (is_fleet(check)) crew_.learned(check);
    if (check.kind == CheckKind::calibration) answer_calibrations({check});
}

/// A proof for each under one signature: that a device can be measured is no part of the load.
void LoadNode::answer_calibrations(const std::vector<wire::OpenCheck>& checks) {
    for (const wire::OpenCheck& check : checks) {
        if (!check.device) continue;
        Prepared answer = prepare(crew_.preparing, identity_, check, {&*check.device, 1});
        calibrations_.push_back(answer.id);
        stream_->write(std::move(answer.bytes));
    }
}

void LoadNode::flow() {
    while (crew_.sending && open_ && (slow_ || in_flight_.size() < crew_.window) &&
           !prepared_.empty())
        send_next(Steady::now());
}

bool LoadNode::send_next(Steady::time_point due) {
    if (!open_ || prepared_.empty()) return false;
    Prepared answer = std::move(prepared_.front());
    prepared_.pop_front();
    ++crew_.record.sent;
    send(std::move(answer), due);
    return true;
}

void LoadNode::send(Prepared answer, Steady::time_point due) {
    const auto now = Steady::now();
    ++(slow_ ? crew_.slow_left : crew_.left);
    crew_.record.lags_us.push_back(us(now - due));
    stream_->write(answer.bytes);
    in_flight_.push_back({std::move(answer), due, now, slow_});
}

void LoadNode::take_reply(const AnswerId& answer, const wire::Receipt* receipt,
                          const wire::Refusal* refusal) {
    Record& record = crew_.record;
    const auto found = std::find_if(in_flight_.begin(), in_flight_.end(),
                                    [&](const Sent& sent) { return sent.answer.id == answer; });
    if (receipt) record.receipts.push_back({answer, receipt->received, receipt->signature});
    if (found == in_flight_.end()) {
        if (std::erase(calibrations_, answer) == 0) ++record.unasked;
        return;
    }
    if (refusal) {
        ++record.refusals[std::string{wire::to_string(refusal->reason)}];
        if (refusal->retry_after > 0ms) {
            ++record.again;
            return crew_.loop.after(Steady::now() + refusal->retry_after, [this, answer] {
                for (const Sent& sent : in_flight_)
                    if (sent.answer.id == answer && stream_ && open_)
                        stream_->write(sent.answer.bytes);
            });
        }
    }
    ++record.replied;
    if (receipt && !found->slow) record.latencies_us.push_back(us(Steady::now() - found->handed));
    --(found->slow ? crew_.slow_left : crew_.left);
    in_flight_.erase(found);
    flow();
}

void LoadNode::poll_and_submit(const std::shared_ptr<grpc::Channel>& channel) {
    if (prepared_.empty()) return;
    const auto due = Steady::now();
    Prepared answer = std::move(prepared_.front());
    prepared_.pop_front();
    ++crew_.record.sent;
    ++crew_.left;
    const auto submit = [this, channel, due, answer](const auto& self) -> void {
        call(crew_.loop, channel, "/vigil.v1.NodeService/SubmitAnswers", answer.bytes, call_within,
             [this, due, answer, self](const grpc::Status& status, grpc::ByteBuffer& bytes) {
                 Record& record = crew_.record;
                 v1::SubmitAnswersResponse response;
                 const bool read =
                     status.ok() && parse(bytes, response) && response.outcomes_size() == 1;
                 const auto receipt =
                     read && response.outcomes(0).has_receipt()
                         ? wire::receipt_from_proto(response.outcomes(0).receipt())
                         : Expected<wire::Receipt, wire::Refusal>{tl::unexpected{wire::Refusal{}}};
                 if (receipt) {
                     record.receipts.push_back({answer.id, receipt->received, receipt->signature});
                     record.latencies_us.push_back(us(Steady::now() - due));
                     ++record.replied;
                     --crew_.left;
                     return;
                 }
                 auto refusal = read ? wire::refusal_from_proto(response.outcomes(0).refusal())
                                     : wire::refusal_from_details(status.error_details());
                 ++record.refusals[refusal ? std::string{wire::to_string(refusal->reason)}
                                           : "call: " + status.error_message()];
                 if (refusal && refusal->retry_after == 0ms) {
                     ++record.replied;
                     --crew_.left;
                     return;
                 }
                 ++record.again;
                 const auto pause =
                     refusal ? Steady::duration{refusal->retry_after} : Steady::duration{ask_again};
                 crew_.loop.after(Steady::now() + pause, [self] { self(self); });
             });
    };
    call(crew_.loop, channel, "/vigil.v1.NodeService/GetOpenChecks", open_checks_request(identity_),
         call_within, [submit](const grpc::Status&, grpc::ByteBuffer&) { submit(submit); });
}

void LoadNode::poll(const std::shared_ptr<grpc::Channel>& channel) {
    call(crew_.loop, channel, "/vigil.v1.NodeService/GetOpenChecks", open_checks_request(identity_),
         call_within, [this](const grpc::Status& status, grpc::ByteBuffer&) {
             ++(status.ok() ? crew_.record.pushed["poll"]
                            : crew_.record.refusals["call: " + status.error_message()]);
         });
}

}  // namespace vigil::load
