#pragma once

#include <chrono>
#include <string_view>
#include <vector>

namespace vigil::edge {

/// How the kernel finds out that the other machine, or the way to it, is gone. Whole seconds, at
/// least one each.
struct KernelWatch {
    std::chrono::seconds ask_after;      ///< of silence; each connection up to three times as long
    std::chrono::seconds answer_within;  ///< it asks three times; then the connection is ended
};

/// For a TCP connection. What is sent and not
/// acknowledged for as long as both times together ends the connection, too. The questions and
/// their answers are the kernels' alone: they cost neither program anything. They tell nothing of
/// what is behind a proxy.
void watch_by_kernel(int socket, const KernelWatch& watch);

/// Every TCP connection of this process to the port of `address` (host:port): gRPC does not say
/// which one is its own, and to be watched does another no harm.
std::vector<int> connections_to(std::string_view address);

}  // namespace vigil::edge
