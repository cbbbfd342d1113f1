#include <algorithm>
#include <chrono>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include "grpc/health/v1/health.grpc.pb.h"
#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"
#include "tests/service/test_node.hpp"
#include "tests/service/world.hpp"

namespace vigil::verifier::test {
namespace {

using namespace std::chrono_literals;
namespace health = grpc::health::v1;
namespace reflection = grpc::reflection::v1alpha;

/// A unary call of raw bytes: the health messages are so small that their bytes are the clearest.
grpc::Status raw_call(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                      const std::string& request, std::string& response) {
    grpc::GenericStub stub{channel};
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 10s);
    grpc::CompletionQueue queue;
    const grpc::Slice slice{request};
    const grpc::ByteBuffer bytes{&slice, 1};
    const auto call = stub.PrepareUnaryCall(&context, method, bytes, &queue);
    call->StartCall();
    grpc::ByteBuffer answered;
    grpc::Status status;
    call->Finish(&answered, &status, call.get());
    void* tag{};
    bool ok{};
    queue.Next(&tag, &ok);
    std::vector<grpc::Slice> slices;
    if (status.ok() && answered.Dump(&slices).ok())
        for (const grpc::Slice& part : slices)
            response.append(reinterpret_cast<const char*>(part.begin()), part.size());
    return status;
}

TEST(Health, ServesUntilDrained) {
    World world;
    const auto channel = world.connect();
    // HealthCheckRequest{} and HealthCheckResponse{status: SERVING = 1 | NOT_SERVING = 2}
    std::string response;
    ASSERT_TRUE(raw_call(channel, "/grpc.health.v1.Health/Check", "", response).ok());
    EXPECT_EQ(response, "\x08\x01");
    world.service->drain();
    response.clear();
    ASSERT_TRUE(raw_call(channel, "/grpc.health.v1.Health/Check", "", response).ok());
    EXPECT_EQ(response, "\x08\x02");
}

TEST(Health, TurnsBeforeAnythingElseDoes) {
    World world;
    TestNode node{world.connect(), 1};
    ASSERT_TRUE(node.enrol().ok());
    world.service->announce_stop();
    std::string response;
    ASSERT_TRUE(raw_call(node.channel, "/grpc.health.v1.Health/Check", "", response).ok());
    EXPECT_EQ(response, "\x08\x02");
    // A balancer that has not looked yet goes on sending nodes: they are served.
    TestNode late{world.connect(), 2};
    ASSERT_TRUE(late.enrol().ok());
    TestSession session{late};
    EXPECT_EQ(checks_of(session.open()).size(), 1U);
    world.begin_fleet_check(CheckKind::hourly);
    EXPECT_TRUE(session.next(v1::SessionResponse::kCheck));
}

TEST(Health, KnowsTheServerAsAWhole) {
    World world;
    const auto channel = world.connect();
    for (const std::string method : {"Check", "Watch"}) {
        std::string response;
        EXPECT_EQ(raw_call(channel, "/grpc.health.v1.Health/" + method, "\x0a\x01x", response)
                      .error_code(),
                  grpc::StatusCode::NOT_FOUND);
    }
}

/// One who watches the health of the server.
struct HealthWatcher {
    explicit HealthWatcher(const World& world)
        : stub{health::Health::NewStub(world.connect())}, stream{[this] {
              context.set_deadline(std::chrono::system_clock::now() + 10s);
              return stub->Watch(&context, {});
          }()} {}

    std::unique_ptr<health::Health::Stub> stub;
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReader<health::HealthCheckResponse>> stream;
    health::HealthCheckResponse told;
};

TEST(Health, WatcherIsToldOfTheEnd) {
    World world;
    HealthWatcher gone{world}, watcher{world}, stays{world};
    for (HealthWatcher* each : {&gone, &watcher, &stays}) {
        ASSERT_TRUE(each->stream->Read(&each->told));
        EXPECT_EQ(each->told.status(), health::HealthCheckResponse::SERVING);
    }
    gone.context.TryCancel();
    EXPECT_FALSE(gone.stream->Read(&gone.told));
    world.service->drain();
    ASSERT_TRUE(watcher.stream->Read(&watcher.told));
    EXPECT_EQ(watcher.told.status(), health::HealthCheckResponse::NOT_SERVING);
    EXPECT_FALSE(watcher.stream->Read(&watcher.told));
    EXPECT_EQ(watcher.stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
    world.service->stop();  // though one has not read to the end
}

TEST(Health, WatchersAreBounded) {
    World world;
    std::vector<std::unique_ptr<HealthWatcher>> watchers;
    for (int i = 0; i < 64; ++i) {
        watchers.push_back(std::make_unique<HealthWatcher>(world));
        ASSERT_TRUE(watchers.back()->stream->Read(&watchers.back()->told));
    }
    HealthWatcher refused{world};
    EXPECT_FALSE(refused.stream->Read(&refused.told));
    EXPECT_EQ(refused.stream->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    watchers.front()->context.TryCancel();
    EXPECT_TRUE(eventually([&] {
        HealthWatcher next{world};
        return next.stream->Read(&next.told);
    })) << "one who left makes room";
}

TEST(Reflection, IsOffUnlessAskedFor) {
    World world;
    const auto channel = world.connect();
    const auto stub = reflection::ServerReflection::NewStub(channel);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 10s);
    const auto stream = stub->ServerReflectionInfo(&context);
    reflection::ServerReflectionResponse response;
    EXPECT_FALSE(stream->Read(&response));
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

TEST(Reflection, DescribesTheServices) {
    WorldOptions options;
    options.service.reflection = true;
    World world{options};
    const auto stub = reflection::ServerReflection::NewStub(world.connect());
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 10s);
    const auto stream = stub->ServerReflectionInfo(&context);
    reflection::ServerReflectionRequest request;
    reflection::ServerReflectionResponse response;
    request.set_list_services("");
    ASSERT_TRUE(stream->Write(request));
    ASSERT_TRUE(stream->Read(&response));
    ASSERT_EQ(response.list_services_response().service_size(), 3);
    EXPECT_EQ(response.list_services_response().service(0).name(), "vigil.v1.NodeService");

    request.set_file_containing_symbol("vigil.v1.NodeService");
    ASSERT_TRUE(stream->Write(request));
    ASSERT_TRUE(stream->Read(&response));
    // node.proto with errors.proto and types.proto, which it imports.
    EXPECT_EQ(response.file_descriptor_response().file_descriptor_proto_size(), 3);

    request.set_file_by_filename("no/such.proto");
    ASSERT_TRUE(stream->Write(request));
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.error_response().error_code(), grpc::StatusCode::NOT_FOUND);
    stream->WritesDone();
    EXPECT_TRUE(stream->Finish().ok());
}

}  // namespace
}  // namespace vigil::verifier::test
