#include "verifier/service/opening.hpp"

#include <utility>

#include "verifier/refused.hpp"
#include "verifier/service/messages.hpp"
#include "verifier/service/network_thread.hpp"
#include "verifier/service/open_checks.hpp"

namespace vigil::verifier {
namespace {

constexpr Milliseconds replaced_pause{60'000};  ///< two machines with one key must not fight
constexpr Milliseconds store_pause{5'000};

void replace(Parts& parts, const Switchboard::Route& older) {
    ++parts.sessions_replaced;
    older.thread->post([session = older.session](NetworkThread& thread) {
        if (Session* found = thread.find(session))
            found->reconnect(replaced_pause, "a newer session of this node was opened",
                             {grpc::StatusCode::ABORTED, "replaced by a newer session"});
    });
}

}  // namespace

Expected<grpc::ByteBuffer, Refusal> open_session(Parts& parts, const Opening& opening) {
    const auto node = parts.roster.node(opening.node);
    if (!node) return refused(RefusalReason::unknown_node, "the node is not enrolled here");
    const ByteVector text =
        wire::session_text(parts.schedule.network(), opening.nonce, opening.node);
    if (!node->key.verifies(text, opening.signature))
        return refused(RefusalReason::wrong_signature,
                       "the signature is not the node's over this session's nonce and network");
    try {
        // Connected before the checks are looked up: one that starts meanwhile is pushed, not lost.
        if (const auto older = parts.switchboard.connect(opening.node, opening.route))
            replace(parts, *older);
        const Instant now = parts.clock();
        v1::SessionResponse response;
        v1::SessionOpened& opened = *response.mutable_opened();
        for (const wire::OpenCheck& check :
             open_checks_of(*node, parts.roster, parts.schedule, now))
            *opened.add_open_checks() = to_proto(check);
        *opened.mutable_network() = to_proto(parts.network(now));
        return serialised(response);
    } catch (const StoreFailed&) {
        return refused(RefusalReason::unavailable,
                       "the verifier's store failed; nothing was decided", store_pause);
    }
}

}  // namespace vigil::verifier
