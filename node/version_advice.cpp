#include "node/version_advice.hpp"

#include <fmt/format.h>

#include "proto/edge/date.hpp"
#include "proto/edge/logging.hpp"
#include "proto/edge/version.hpp"

namespace vigil::node {

std::string VersionAdvice::words(const std::string& own) const {
    return fmt::format("the network recommends version {} or newer{}{}, this node is {}",
                       recommended, by.empty() ? "" : " by ", by, own);
}

VersionAdvice version_advice(const std::string& own, const wire::Network& network) {
    const auto recommended = edge::version_numbers(network.recommended_node_version);
    if (!recommended) return {};
    return {edge::for_log(network.recommended_node_version, 32),
            edge::is_date(network.recommended_by) ? network.recommended_by : std::string{},
            edge::version_numbers(own) < recommended};
}

}  // namespace vigil::node
