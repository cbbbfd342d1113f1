#pragma once

namespace vigil::edge {

/// Every TLS connection of this process whose context is made from now on gives its buffers (17 kB
/// each way) back while it has nothing to read or write. gRPC has no setting for it and keeps its
/// contexts to itself. Repeating is harmless. False: this OpenSSL does not heed it, as one made
/// for trial shows.
[[nodiscard]] bool release_idle_tls_buffers();

}  // namespace vigil::edge
