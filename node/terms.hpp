#pragma once

#include <chrono>

#include "core/work/proof.hpp"
#include "proto/messages.hpp"

namespace vigil::node {

/// This process's monotonic clock. The node's own calendar clock never decides anything
/// (protocol 1.4).
using SteadyTime = std::chrono::steady_clock::time_point;

using wire::JudgedCheck;
using wire::OpenCheck;
using wire::Receipt;
using wire::Refusal;

/// An answer ready to be sent, with the id its receipt will carry.
struct SignedAnswer {
    CheckKind kind{};  ///< of the check it answers, for words and metrics
    Answer answer;
    AnswerId id;
    Signature signature;
};

}  // namespace vigil::node
