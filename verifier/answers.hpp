#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "proto/messages.hpp"
#include "verifier/roster.hpp"
#include "verifier/schedule.hpp"

namespace vigil::verifier {

using wire::Receipt;
using wire::Refusal;
using wire::RefusalReason;
using wire::to_string;

struct AnswerReply {
    std::variant<Receipt, Refusal> outcome;
    /// Beside a receipt, for the node's own log: what its proofs were worth. None of a repeat, and
    /// none while they wait for the window before theirs.
    std::vector<wire::JudgedCheck> verdicts;
};

/// An answer as it came, decoded but not believed.
struct ArrivedAnswer {
    NodeId node;  ///< of the session, or as the poller says; the signature decides
    Answer answer;
    Signature signature;
    Instant received;           ///< taken on the network thread, before any queue (protocol 5.1)
    bool over_session = false;  ///< `node` has proven its key to this verifier
};

struct AnswersOptions {
    unsigned judging_threads = 1;
    /// Answers waiting for judging, of sessions and of others each, and as many for the commit: one
    /// of each node, so that a store that stands still costs nobody the time at which it answered,
    /// as far as `bytes_limit` goes.
    std::size_t queue_limit = 65'536;
    std::size_t batch_limit = 1024;  ///< answers in one commit
    /// Of all answers without a reply yet, as signed; a quarter of it where they came without a
    /// session. 25,000 nodes of eight devices with 256 nonces each need 430 MB of it.
    std::size_t bytes_limit = 512 << 20;
};

/// Told after a commit, for logs, metrics and pages. Called on the committer's
/// thread; must be quick.
struct AnswerObserver {
    std::function<void(const VerdictRecord&)> judged;
    std::function<void(RefusalReason)> refused;
    std::function<void(std::chrono::steady_clock::duration)> committed;  ///< time of one commit
    std::function<void(std::chrono::steady_clock::duration)> judging;  ///< time to judge one answer
};

/// As the node is told.
wire::JudgedCheck told(const DeviceId& device, const VerdictRecord& verdict);

/// The way of an answer: signature, checks found, judged, recorded durably, receipt (protocol
/// 5, 9.3).
///
/// submit() never waits: judging threads verify and judge, one committer writes whatever has
/// arrived in one transaction (no timer), then replies. Nothing is replied before its commit. A
/// full queue, or too many bytes on their way, are refused with `busy`. Who polls names a node, and
/// anybody can name one: such answers wait in a lane of their own (TwoLanes). An answer for a
/// window whose predecessor is not closed yet is recorded unjudged; closing judges it.
class Answers {
public:
    using Reply = std::function<void(AnswerReply)>;  ///< called once, on any thread; must not block

    Answers(Store& store, Roster& roster, Schedule& schedule, SigningKey receipt_key,
            AnswersOptions options, AnswerObserver observer);
    ~Answers();  ///< finishes what was accepted, then stops

    void submit(ArrivedAnswer arrived, Reply reply);
    AnswerId id_of(const Answer& answer) const;  ///< for a refusal before anything is judged

    /// Counts answers as received that cannot be submitted yet, because their node is looked for:
    /// settle() waits for them, and `bytes` are among those waiting, each until its last owner lets
    /// go. Nothing: a quarter of the bytes that may wait do.
    struct Held {
        std::shared_ptr<const void> received, bytes;
    };
    std::optional<Held> hold(Instant received, std::size_t bytes);

    /// Waits until every answer that was received by then was replied to; false when that takes
    /// longer than `limit`. What is received later is not waited for. Asked again for the same
    /// moment, it goes on where it stopped.
    bool settle(Instant received, std::chrono::milliseconds limit);
    /// Every answer that was received by then was replied to; at the latest `now`.
    Instant settled_until(Instant now) const;

private:
    struct Running;
    std::unique_ptr<Running> running_;
};

}  // namespace vigil::verifier
