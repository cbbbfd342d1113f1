#include "verifier/commands.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "core/crypto/payout_address.hpp"
#include "proto/edge/files.hpp"
#include "tests/edge/scratch.hpp"
#include "tests/store/samples.hpp"
#include "verifier/founding.hpp"

namespace vigil::verifier {
namespace {

using testing::AllOf;
using testing::HasSubstr;

/// A network founded on day 20,000 of which eight windows are closed.
struct ExplainDay : testing::Test {
    void SetUp() override { found(8); }
    void found(int closed) {
        const Policy policy = *preset("incentivenet-2024-10");
        const Calendar calendar{policy};
        const auto store = open_sqlite_store(file.string());
        ASSERT_TRUE(found_network(*store, {.network_name = "test", .policy = policy},
                                  calendar.span(DayIndex{20'000}).begin));
        store->write([&](Transaction& tx) {
            for (int i = 0; i < closed; ++i) {
                const WindowIndex window = calendar.first_window({20'000}) + i;
                tx.close_window(window, calendar.span(window).end, {}, {}, {});
            }
        });
    }
    /// Enrols a device at 02:11.
    void enrol(DayIndex day = {20'000}) {
        node = samples::node(200, 1);
        std::vector<DeviceRecord> devices{samples::device(200, 0x5501)};
        device = devices[0].id;
        devices[0].enrolled = devices[0].active_from =
            Calendar{*preset("incentivenet-2024-10")}.span(day).begin + std::chrono::minutes{131};
        open_sqlite_store(file.string())->write([&](Transaction& tx) {
            tx.enrol(samples::entry(node.id, 1), node, devices);
        });
    }
    edge::Fatal fault(const std::string& day, const std::string& named = "ab") {
        try {
            explain_day(file, named, day, OutputFormat::table);
        } catch (const edge::Fatal& fatal) {
            return fatal;
        }
        return {0, "", ""};
    }
    std::string explained(const std::string& day) {
        testing::internal::CaptureStdout();
        explain_day(file, to_hex(device).substr(0, 12), day, OutputFormat::table);
        return testing::internal::GetCapturedStdout();
    }
    edge::Scratch scratch;
    std::filesystem::path file = scratch.path("vigil.db");
    NodeRecord node;
    DeviceId device;
};

TEST_F(ExplainDay, OutsideTheNetworksDaysIsWrongUsage) {
    for (const char* day : {"19999", "20002", "-1", "-9223372036854775808", "9223372036854775807",
                            "2024-10-03", "2024-10-06"}) {
        const edge::Fatal fatal = fault(day);
        EXPECT_EQ(fatal.exit_code, edge::exit_usage);
        EXPECT_THAT(fatal.what(), AllOf(HasSubstr("E-DAY: --day " + std::string{day} + ":"),
                                        HasSubstr("20000 (2024-10-04) to 20001 (2024-10-05)")));
    }
    EXPECT_THAT(fault("yesterday").what(), HasSubstr("E-DAY: --day yesterday: no day: give"));
}

TEST_F(ExplainDay, WithinThemTheDeviceIsLookedFor) {
    for (const char* day : {"", "20000", "20001", "2024-10-04", "2024-10-05"})
        EXPECT_EQ(fault(day).code, "E-DEVICE") << day;
}

TEST_F(ExplainDay, ADateIsADay) {
    enrol();
    EXPECT_THAT(explained("2024-10-04"), HasSubstr("day 20000: 2024-10-04 00:00:00"));
    EXPECT_THAT(explained(""), HasSubstr("day 20001: 2024-10-05")) << "of the last closed window";
}

TEST_F(ExplainDay, BeforeAWindowWasClosedIsTheDayInProgress) {
    file = scratch.path("young.db");
    found(0);
    enrol();
    EXPECT_THAT(explained(""), AllOf(HasSubstr("day 20000: 2024-10-04"),
                                     HasSubstr("window 1 of 6, 00:00:00 to 04:00:00: this device "
                                               "was enrolled in it: does not count"),
                                     HasSubstr("window 2 of 6, 04:00:00 to 08:00:00: not closed")));
    EXPECT_EQ(fault("2024-10-05").code, "E-DAY");
}

TEST_F(ExplainDay, OfADeviceThatJoinedSinceIsTheDayItJoined) {
    file = scratch.path("next.db");
    found(6);
    enrol({20'001});
    EXPECT_THAT(explained(""), HasSubstr("day 20001: 2024-10-05"));
}

TEST_F(ExplainDay, ANodeIsToldFromADevice) {
    enrol();
    const edge::Fatal fatal = fault("", to_hex(node.id).substr(0, 10));
    EXPECT_EQ(fatal.code, "E-DEVICE");
    EXPECT_THAT(fatal.what(),
                HasSubstr("is a node; its devices are " + to_hex(device).substr(0, 12)));
    EXPECT_THAT(fault("", "").what(), HasSubstr("no device id begins with"));
}

TEST_F(ExplainDay, DevicesAreListedWithTheirPayee) {
    enrol();
    testing::internal::CaptureStdout();
    list_devices(file, OutputFormat::json);
    const auto listed = nlohmann::json::parse(testing::internal::GetCapturedStdout());
    ASSERT_EQ(listed.size(), 1U);
    EXPECT_EQ(listed[0]["device_id"], to_hex(device));
    EXPECT_EQ(listed[0]["node_id"], to_hex(node.id));
    EXPECT_EQ(listed[0]["payout_address"], to_checksum_text(node.payout));
}

}  // namespace
}  // namespace vigil::verifier
