#pragma once

#include "verifier/service/network_thread.hpp"
#include "vigil/v1/query.grpc.pb.h"

namespace vigil::verifier {

/// QueryService: GetNetwork, which nodes ask before a session, from memory; the rest on threads of
/// its own, with a share of the places for each peer. Nothing secret is told before its time: a day
/// key once revealed, a beacon once its check has started.
class QueryRpc final : public v1::QueryService::AsyncService {
public:
    explicit QueryRpc(Parts& parts) : parts_{parts} {}

    std::vector<NetworkThread::Listen> methods();

private:
    Parts& parts_;
};

}  // namespace vigil::verifier
