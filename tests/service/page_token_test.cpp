#include <gtest/gtest.h>

#include "tests/service/test_node.hpp"
#include "tests/service/world.hpp"
#include "vigil/v1/query.grpc.pb.h"

namespace vigil::verifier::test {
namespace {

/// Asks for a page of a device's list by a token.
struct PageToken : ::testing::Test {
    void SetUp() override { ASSERT_TRUE(node.enrol().ok()); }

    template <class Request, class Response>
    void expect_checked(grpc::Status (v1::QueryService::Stub::*method)(grpc::ClientContext*,
                                                                       const Request&, Response*)) {
        const auto ask = [&](const char* token) {
            Request request;
            request.set_device_id(wire::raw(node.devices[0]));
            request.set_page_token(token);
            grpc::ClientContext context;
            context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds{10});
            Response response;
            return (stub.*method)(&context, request, &response);
        };
        for (const char* token : {"-1", "-9223372036854775808", "9223372036854775808", "1x", "-"}) {
            const grpc::Status status = ask(token);
            EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << token;
            ASSERT_TRUE(refusal_of(status));
            EXPECT_EQ(refusal_of(status)->reason, RefusalReason::malformed);
        }
        EXPECT_TRUE(ask("0").ok());
        EXPECT_TRUE(ask("9223372036854775807").ok());
    }

    World world;
    TestNode node{world.connect(), 1};
    v1::QueryService::Stub stub{node.channel};
};

TEST_F(PageToken, IsAPositionAndNoPositionIsNegative) {
    using Stub = v1::QueryService::Stub;
    expect_checked(&Stub::ListChecks);
    expect_checked(&Stub::ListWindows);
    expect_checked(&Stub::ListDays);
    expect_checked(&Stub::ListLedger);
}

}  // namespace
}  // namespace vigil::verifier::test
