#pragma once

namespace vigil::edge {

/// From now on every TLS connection of this process gives its buffers (17 kB each way) back while
/// it has nothing to read or write. gRPC has no setting for it and keeps its contexts to itself.
/// Repeating is harmless.
void release_idle_tls_buffers();

}  // namespace vigil::edge
