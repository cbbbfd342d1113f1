#pragma once

#include "grpc/health/v1/health.grpc.pb.h"
#include "verifier/service/network_thread.hpp"

namespace vigil::verifier {

/// grpc.health.v1, for balancers and orchestrators: serving until drained. Check alone; Watch is
/// UNIMPLEMENTED, which its protocol allows.
class HealthRpc final : public grpc::health::v1::Health::AsyncService {
public:
    explicit HealthRpc(Parts& parts) : parts_{parts} {}

    std::vector<NetworkThread::Listen> methods();

private:
    Parts& parts_;
};

}  // namespace vigil::verifier
