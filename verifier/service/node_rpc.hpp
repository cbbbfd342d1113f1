#pragma once

#include <functional>
#include <vector>

#include "verifier/service/parts.hpp"
#include "vigil/v1/node.grpc.pb.h"

namespace vigil::verifier {

class NetworkThread;

/// How each method of NodeService is served, all on our completion queues: sessions as raw streams,
/// the rest on threads of Parts.
using NodeMethods = v1::NodeService::WithRawMethod_Session<v1::NodeService::WithAsyncMethod_Enrol<
    v1::NodeService::WithAsyncMethod_GetOpenChecks<v1::NodeService::WithAsyncMethod_SubmitAnswers<
        v1::NodeService::WithAsyncMethod_RequestCalibration<
            v1::NodeService::WithAsyncMethod_Retire<v1::NodeService::Service>>>>>>;

class NodeRpc final : public NodeMethods {
public:
    explicit NodeRpc(Parts& parts) : parts_{parts} {}

    /// All but Session; NetworkThread::Listen.
    std::vector<std::function<void(NetworkThread&, grpc::ServerCompletionQueue&)>> methods();

private:
    Parts& parts_;
};

}  // namespace vigil::verifier
