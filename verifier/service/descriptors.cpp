#include "verifier/service/descriptors.hpp"

#include <algorithm>
#include <sys/resource.h>

namespace vigil::verifier {
namespace {

constexpr std::size_t most_waiting = 8'192;
constexpr std::size_t fewest_waiting = 16;
constexpr std::size_t fewest_of_an_address = 16;
constexpr std::size_t beside_nodes = 512;
constexpr std::size_t step = 1'000;

rlimit limits() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) limit = {1'024, 1'024};
    return limit;
}

}  // namespace

std::size_t descriptors_allowed() { return static_cast<std::size_t>(limits().rlim_cur); }

std::size_t allow_all_descriptors() {
    rlimit limit = limits();
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);  // what it leaves is what is said
    return descriptors_allowed();
}

std::size_t descriptors_at_the_door(std::size_t allowed) {
    return std::clamp(allowed / 4, fewest_waiting, most_waiting);
}

std::size_t nodes_carried(std::size_t allowed) {
    const std::size_t others = descriptors_at_the_door(allowed) + beside_nodes;
    return allowed > others ? allowed - others : 0;
}

std::size_t descriptors_of_an_address(std::size_t allowed) {
    return std::max(nodes_carried(allowed) / 2, fewest_of_an_address);
}

std::size_t descriptors_for(std::size_t nodes) {
    std::size_t allowed = step;
    while (nodes_carried(allowed) < nodes) allowed += step;
    return allowed;
}

}  // namespace vigil::verifier
