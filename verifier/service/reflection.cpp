#include "verifier/service/reflection.hpp"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <grpcpp/grpcpp.h>
#include <set>

namespace vigil::verifier {
namespace {

namespace pb = google::protobuf;
using Request = Reflection::Request;
using Response = Reflection::Response;

constexpr const char* services[] = {"vigil.v1.NodeService", "vigil.v1.QueryService",
                                    "grpc.reflection.v1alpha.ServerReflection"};

/// A file and, once each, everything it imports.
void add_file(const pb::FileDescriptor& file, std::set<const pb::FileDescriptor*>& added,
              Response& response) {
    if (!added.insert(&file).second) return;
    pb::FileDescriptorProto described;
    file.CopyTo(&described);
    response.mutable_file_descriptor_response()->add_file_descriptor_proto(
        described.SerializeAsString());
    for (int i = 0; i < file.dependency_count(); ++i)
        add_file(*file.dependency(i), added, response);
}

void refuse(Response& response, grpc::StatusCode code, const std::string& why) {
    response.mutable_error_response()->set_error_code(code);
    response.mutable_error_response()->set_error_message(why);
}

void answer_with(const pb::FileDescriptor* file, Response& response) {
    if (!file) return refuse(response, grpc::StatusCode::NOT_FOUND, "no such file or symbol");
    std::set<const pb::FileDescriptor*> added;
    add_file(*file, added, response);
}

Response answer(const Request& request) {
    Response response;
    response.set_valid_host(request.host());
    *response.mutable_original_request() = request;
    const pb::DescriptorPool& pool = *pb::DescriptorPool::generated_pool();
    switch (request.message_request_case()) {
        case Request::kListServices:
            for (const char* name : services)
                response.mutable_list_services_response()->add_service()->set_name(name);
            break;
        case Request::kFileByFilename:
            answer_with(pool.FindFileByName(request.file_by_filename()), response);
            break;
        case Request::kFileContainingSymbol:
            answer_with(pool.FindFileContainingSymbol(request.file_containing_symbol()), response);
            break;
        case Request::kFileContainingExtension:
        case Request::kAllExtensionNumbersOfType:
            refuse(response, grpc::StatusCode::NOT_FOUND, "there are no extensions");
            break;
        case Request::MESSAGE_REQUEST_NOT_SET:
            refuse(response, grpc::StatusCode::INVALID_ARGUMENT, "nothing was asked");
            break;
    }
    return response;
}

/// One question, one answer, until the caller is done.
class Conversation final : public grpc::ServerBidiReactor<Request, Response> {
public:
    Conversation() { StartRead(&request_); }

    void OnReadDone(bool ok) override {
        if (!ok) return Finish(grpc::Status::OK);
        response_ = answer(request_);
        StartWrite(&response_);
    }
    void OnWriteDone(bool ok) override {
        if (!ok) return Finish(grpc::Status::CANCELLED);
        request_.Clear();
        StartRead(&request_);
    }
    void OnDone() override { delete this; }

private:
    Request request_;
    Response response_;
};

}  // namespace

grpc::ServerBidiReactor<Request, Response>* Reflection::ServerReflectionInfo(
    grpc::CallbackServerContext* /*context*/) {
    return new Conversation;  // deletes itself
}

}  // namespace vigil::verifier
