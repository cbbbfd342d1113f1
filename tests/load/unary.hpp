#pragma once

#include "tests/load/byte_stream.hpp"

namespace vigil::load {

using UnaryReply = std::function<void(const grpc::Status&, grpc::ByteBuffer&)>;

/// One call, its reply told on the loop's thread. From any thread.
void call(Loop& loop, const std::shared_ptr<grpc::Channel>& channel, const char* method,
          const grpc::ByteBuffer& request, std::chrono::milliseconds within, UnaryReply reply);

}  // namespace vigil::load
