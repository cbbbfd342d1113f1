#include "verifier/service/opening.hpp"

#include <utility>

#include "verifier/refused.hpp"
#include "verifier/service/jitter.hpp"
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

Expected<grpc::ByteBuffer, Refusal> open_session(Parts& parts, const Opening& opening) try {
    const auto node = parts.roster.node(opening.node);
    if (!node) return refused(RefusalReason::unknown_node, "the node is not enrolled here");
    const ByteVector text =
        wire::session_text(parts.schedule.network(), opening.nonce, opening.node);
    if (!node->key.verifies(text, opening.signature))
        return refused(RefusalReason::wrong_signature,
                       "the signature is not the node's over this session's nonce and network");
    // Connected before the checks are looked up: one that starts meanwhile is pushed, not lost.
    if (const auto older = parts.switchboard.connect(opening.node, opening.route))
        replace(parts, *older);
    const Instant now = parts.clock();
    v1::SessionResponse response;
    v1::SessionOpened& opened = *response.mutable_opened();
    for (const wire::OpenCheck& check : open_checks_of(*node, parts.roster, parts.schedule, now))
        *opened.add_open_checks() = to_proto(check);
    *opened.mutable_network() = to_proto(parts.network(now));
    return serialised(response);
} catch (const StoreFailed&) {
    return refused(RefusalReason::unavailable, "the verifier's store failed; nothing was decided",
                   store_pause);
}

/// The node may have enrolled with another verifier a moment ago.
Expected<grpc::ByteBuffer, Refusal> open_unknown(Parts& parts, const Opening& opening) {
    if (parts.draining)
        return refused(RefusalReason::unavailable, "the verifier is stopping", store_pause);
    try {
        parts.roster.follow_since(opening.arrived);
    } catch (const StoreFailed&) {
        return refused(RefusalReason::unavailable,
                       "the verifier's store failed; nothing was decided", store_pause);
    }
    return open_session(parts, opening);
}

void post(Parts& parts, const Opening& opening, Expected<grpc::ByteBuffer, Refusal> opened) {
    opening.route.thread->post([&parts, opening, opened = std::move(opened)](NetworkThread& there) {
        if (Session* found = there.find(opening.route.session))
            found->opened(opened);
        else
            parts.switchboard.disconnect(opening.node, opening.route);
    });
}

}  // namespace

bool offer_opening(Parts& parts, const Opening& opening) {
    return parts.openings.offer([&parts, opening] {
        if (parts.roster.node(opening.node))
            return post(parts, opening, open_session(parts, opening));
        const bool accepted = parts.work.offer(
            [&parts, opening] { post(parts, opening, open_unknown(parts, opening)); });
        if (!accepted)
            post(parts, opening,
                 refused(RefusalReason::busy, "too many calls are waiting", jittered(store_pause)));
    });
}

}  // namespace vigil::verifier
