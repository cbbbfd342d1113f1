#include "proto/messages.hpp"

namespace vigil::wire {

std::string_view to_string(RefusalReason reason) {
    switch (reason) {
        case RefusalReason::malformed:
            return "malformed";
        case RefusalReason::too_large:
            return "too_large";
        case RefusalReason::wrong_signature:
            return "wrong_signature";
        case RefusalReason::unknown_node:
            return "unknown_node";
        case RefusalReason::unknown_device:
            return "unknown_device";
        case RefusalReason::unknown_challenge:
            return "unknown_challenge";
        case RefusalReason::foreign_challenge:
            return "foreign_challenge";
        case RefusalReason::check_closed:
            return "check_closed";
        case RefusalReason::bad_payout_address:
            return "bad_payout_address";
        case RefusalReason::stale_enrolment:
            return "stale_enrolment";
        case RefusalReason::wrong_network:
            return "wrong_network";
        case RefusalReason::version_too_old:
            return "version_too_old";
        case RefusalReason::busy:
            return "busy";
        case RefusalReason::too_often:
            return "too_often";
        case RefusalReason::unavailable:
            return "unavailable";
        case RefusalReason::not_opened:
            return "not_opened";
        case RefusalReason::not_found:
            return "not_found";
    }
    return "unknown";
}

}  // namespace vigil::wire
