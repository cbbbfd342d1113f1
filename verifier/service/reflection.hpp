#pragma once

#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"

namespace vigil::verifier {

/// grpc.reflection, so that grpcurl and its like need no .proto files: lists our services and gives
/// out the descriptors of what is compiled in. For demos.
class Reflection final : public grpc::reflection::v1alpha::ServerReflection::CallbackService {
public:
    using Request = grpc::reflection::v1alpha::ServerReflectionRequest;
    using Response = grpc::reflection::v1alpha::ServerReflectionResponse;

    grpc::ServerBidiReactor<Request, Response>* ServerReflectionInfo(
        grpc::CallbackServerContext* context) override;
};

}  // namespace vigil::verifier
