#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "verifier/roster.hpp"
#include "verifier/schedule.hpp"

namespace vigil::verifier {

/// Why something was refused. The numbers are those of vigil.v1.RefusalReason.
enum class RefusalReason : std::uint8_t {
    malformed = 1,
    too_large = 2,
    wrong_signature = 3,
    unknown_node = 4,
    unknown_device = 5,
    unknown_challenge = 6,
    foreign_challenge = 7,
    check_closed = 8,
    bad_payout_address = 9,
    stale_enrolment = 10,
    wrong_network = 11,
    version_too_old = 12,
    busy = 13,
    too_often = 14,
    unavailable = 15,
    not_opened = 16,
    not_found = 17
};
std::string_view to_string(RefusalReason reason);  ///< "wrong_signature": metric label and log word

struct Refusal {
    RefusalReason reason{};
    std::string message;         ///< what was compared and what to do
    AnswerId answer;             ///< where it could be computed
    Milliseconds retry_after{};  ///< zero: never again with the same bytes
};

struct Receipt {
    AnswerId answer;
    Instant received;
    Signature signature;  ///< protocol 9.3
};

using AnswerReply = std::variant<Receipt, Refusal>;

/// An answer as it came, decoded but not believed.
struct ArrivedAnswer {
    NodeId node;  ///< of the session, or as the poller says; the signature decides
    Answer answer;
    Signature signature;
    Instant received;  ///< taken on the network thread, before any queue (protocol 5.1)
};

struct AnswersOptions {
    unsigned judging_threads = 1;
    std::size_t queue_limit = 8192;  ///< answers waiting for judging, and as many for the commit
    std::size_t batch_limit = 1024;  ///< answers in one commit
};

/// Told after a commit, for logs, metrics and the node's own session. Called on the committer's
/// thread; must be quick.
struct AnswerObserver {
    std::function<void(const NodeId&, const RosterDevice&, const VerdictRecord&)> judged;
    std::function<void(RefusalReason)> refused;
    std::function<void(std::chrono::steady_clock::duration)> committed;  ///< time of one commit
    std::function<void(std::chrono::steady_clock::duration)> judging;  ///< time to judge one answer
};

/// The way of an answer: signature, checks found, judged, recorded durably, receipt (protocol
/// 5, 9.3).
///
/// submit() never waits: judging threads verify and judge, one committer writes whatever has
/// arrived in one transaction (no timer), then replies. Nothing is replied before its commit. A
/// full queue refuses with `busy`. An answer for a window whose predecessor is not closed yet is
/// recorded unjudged; closing judges it.
class Answers {
public:
    using Reply = std::function<void(AnswerReply)>;  ///< called once, on any thread; must not block

    Answers(Store& store, Roster& roster, Schedule& schedule, SigningKey receipt_key,
            AnswersOptions options, AnswerObserver observer);
    ~Answers();  ///< finishes what was accepted, then stops

    void submit(ArrivedAnswer arrived, Reply reply);

private:
    struct Running;
    std::unique_ptr<Running> running_;
};

}  // namespace vigil::verifier
