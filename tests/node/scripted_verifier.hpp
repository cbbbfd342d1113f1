#pragma once

#include <atomic>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/crypto/ed25519.hpp"
#include "node/terms.hpp"
#include "proto/edge/tls.hpp"

namespace vigil::node::test {

/// What the scripted verifier does next and what it has seen. Guarded by `mutex` unless atomic.
struct Script {
    std::mutex mutex;
    wire::Network network;
    std::vector<OpenCheck> open_checks;              ///< told at SessionOpened and to pollers
    std::deque<wire::RefusalReason> enrol_refusals;  ///< the next enrolments are refused so
    std::atomic<bool> enrolled{
        false};  ///< sessions of a node that is not are refused: unknown_node
    std::atomic<bool> sessions_work{true};  ///< false: the stream is refused as unavailable
    std::atomic<bool> receipts{true};       ///< false: answers over the stream stay without a word
    std::atomic<unsigned> reconnect_after_ms{
        0};  ///< not 0: every session is asked to come back, once
    std::atomic<std::int64_t> clock_ahead_ms{0};
    std::atomic<bool> silent{false};  ///< opened sessions get no pong
    std::atomic<int> pongs_late_ms{0};
    std::atomic<bool> calls_wait{false};  ///< SubmitAnswers gets no reply before its deadline

    std::vector<wire::Enrolment> enrolments;
    std::vector<SignedAnswer> streamed, called;
    std::atomic<int> sessions_opened{0};
    std::atomic<int> polls{0};
    std::atomic<int> bad_signatures{0};
};

/// vigil.v1 over real gRPC and TLS in this process, sync, one thread a session: only as much as the
/// node's link needs.
class ScriptedVerifier {
public:
    /// `port` 0: a free one. `certificate_folder`: where its certificate is kept or made.
    ScriptedVerifier(Script& script, const std::filesystem::path& certificate_folder, int port = 0);
    ~ScriptedVerifier();

    std::string address() const;
    int port() const;
    const edge::TlsIdentity& tls() const;
    void tell(const OpenCheck& check);  ///< to the open session
    void judge(const JudgedCheck& judged);
    void stop();

private:
    struct Running;
    std::unique_ptr<Running> running_;
};

extern const SigningKey scripted_receipt_key;

}  // namespace vigil::node::test
