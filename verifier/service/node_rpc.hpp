#pragma once

#include "verifier/service/parts.hpp"
#include "vigil/v1/node.grpc.pb.h"

namespace vigil::verifier {

/// How each method of NodeService is served: sessions as raw streams on our completion queues, the
/// rest by gRPC's callbacks and our work threads.
using NodeMethods = v1::NodeService::WithRawMethod_Session<
    v1::NodeService::WithCallbackMethod_Enrol<v1::NodeService::WithCallbackMethod_GetOpenChecks<
        v1::NodeService::WithCallbackMethod_SubmitAnswers<
            v1::NodeService::WithCallbackMethod_RequestCalibration<
                v1::NodeService::WithCallbackMethod_Retire<v1::NodeService::Service>>>>>>;

class NodeRpc final : public NodeMethods {
public:
    explicit NodeRpc(Parts& parts) : parts_{parts} {}

    grpc::ServerUnaryReactor* Enrol(grpc::CallbackServerContext* context,
                                    const v1::EnrolRequest* request,
                                    v1::EnrolResponse* response) override;
    grpc::ServerUnaryReactor* GetOpenChecks(grpc::CallbackServerContext* context,
                                            const v1::GetOpenChecksRequest* request,
                                            v1::GetOpenChecksResponse* response) override;
    grpc::ServerUnaryReactor* SubmitAnswers(grpc::CallbackServerContext* context,
                                            const v1::SubmitAnswersRequest* request,
                                            v1::SubmitAnswersResponse* response) override;
    grpc::ServerUnaryReactor* RequestCalibration(grpc::CallbackServerContext* context,
                                                 const v1::RequestCalibrationRequest* request,
                                                 v1::RequestCalibrationResponse* response) override;
    grpc::ServerUnaryReactor* Retire(grpc::CallbackServerContext* context,
                                     const v1::RetireRequest* request,
                                     v1::RetireResponse* response) override;

private:
    Parts& parts_;
};

}  // namespace vigil::verifier
