#include "verifier/service/node_version.hpp"

#include "proto/edge/logging.hpp"
#include "proto/edge/version.hpp"

namespace vigil::verifier {

bool is_version(std::string_view version) { return edge::version_numbers(version).has_value(); }

bool is_older(std::string_view version, std::string_view than) {
    // Nothing is less than any numbers.
    return !than.empty() && edge::version_numbers(version) < edge::version_numbers(than);
}

std::optional<Refusal> version_fault(std::string_view version, const std::string& minimum) {
    if (!is_older(version, minimum)) return std::nullopt;
    return Refusal{RefusalReason::version_too_old,
                   "node version \"" + edge::for_log(version, 40) +
                       "\" where this verifier talks to " + minimum + " and newer: update the node",
                   {},
                   {}};
}

}  // namespace vigil::verifier
