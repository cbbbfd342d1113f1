#pragma once

namespace vigil::verifier {

/// Strangers must not be able to fill our log: protobuf's complaints about their bytes are dropped
/// (they are refused and counted), gRPC's go to our log, at most 20 lines a minute. For the whole
/// process; repeating is harmless.
void bound_library_logs();

}  // namespace vigil::verifier
