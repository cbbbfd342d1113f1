#pragma once

#include "node/verifier_link_channel.hpp"

namespace grpc {
class Status;
}

namespace vigil::node {

/// An attempt has failed; what it means is in `why`.
struct AttemptFailed {
    Diagnosis why;
};
[[noreturn]] void fail(const LinkOptions& options, const grpc::Status& status);
/// The verifier sent what cannot be read.
[[noreturn]] void fail_unreadable(const LinkOptions& options, const Refusal& refusal);

/// A line to make calls on. `context` is new for each call: whoever holds it can cancel.
struct Line {
    const LinkOptions& options;
    std::shared_ptr<grpc::Channel> channel;
    grpc::ClientContext& context;
};

/// When a day of the network's calendar begins; nothing for one that no calendar reaches.
std::optional<Instant> begin_of_day(const wire::Network& network, std::int64_t day);

// Each has a deadline and throws AttemptFailed unless it says otherwise.
wire::Network get_network(const Line& line);
/// pin_network, but a disk that fails is logged and no reason to stop; throws Fatal E-NETWORK only.
void pin_or_warn(const std::filesystem::path& data_dir, const wire::Network& network,
                 const std::string& address);
/// `claim` is complete; signed here.
void enrol(const Line& line, const SigningKey& key, const NetworkId& network,
           const wire::Enrolment& claim);
struct Polled {
    std::vector<OpenCheck> checks;
    Instant time;             ///< the verifier's
    Milliseconds poll_after;  ///< as it wishes
};
Polled get_open_checks(const Line& line, const NodeId& node);
struct CallFailed {
    std::string why;
    bool timed_out{};
};
struct Submitted {
    std::vector<AnswerOutcome> outcomes;  ///< one for each answer
    std::vector<JudgedCheck> verdicts;
};
/// At most 3 s, so that an answer has time for another try; throws nothing.
Expected<Submitted, CallFailed> submit_answers(const Line& line, const NodeId& node,
                                               std::span<const SignedAnswer> answers);

}  // namespace vigil::node
