#include "verifier/service/node_version.hpp"

#include "proto/edge/logging.hpp"
#include "proto/edge/version.hpp"

namespace vigil::verifier {

bool is_version(std::string_view version) { return edge::version_numbers(version).has_value(); }

std::optional<Refusal> version_fault(std::string_view version, const std::string& minimum) {
    if (minimum.empty()) return std::nullopt;
    const auto has = edge::version_numbers(version);
    if (has && has >= edge::version_numbers(minimum)) return std::nullopt;
    return Refusal{RefusalReason::version_too_old,
                   "node version \"" + edge::for_log(version, 40) +
                       "\" where this verifier talks to " + minimum + " and newer: update the node",
                   {},
                   {}};
}

}  // namespace vigil::verifier
