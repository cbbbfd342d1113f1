#include "verifier/commands.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/edge/files.hpp"
#include "tests/edge/scratch.hpp"
#include "verifier/founding.hpp"

namespace vigil::verifier {
namespace {

using testing::AllOf;
using testing::HasSubstr;

/// A network founded on day 20,000 of which eight windows are closed.
struct ExplainDay : testing::Test {
    void SetUp() override {
        const Policy policy = *preset("incentivenet-2024-10");
        const Calendar calendar{policy};
        const auto store = open_sqlite_store(file.string());
        ASSERT_TRUE(found_network(*store, {.network_name = "test", .policy = policy},
                                  calendar.span(DayIndex{20'000}).begin));
        store->write([&](Transaction& tx) {
            for (int i = 0; i < 8; ++i) {
                const WindowIndex window = calendar.first_window({20'000}) + i;
                tx.close_window(window, calendar.span(window).end, {}, {}, {});
            }
        });
    }
    edge::Fatal fault(std::optional<std::int64_t> day) {
        try {
            explain_day(file, "ab", day, OutputFormat::table);
        } catch (const edge::Fatal& fatal) {
            return fatal;
        }
        return {0, "", ""};
    }
    edge::Scratch scratch;
    std::filesystem::path file = scratch.path("vigil.db");
};

TEST_F(ExplainDay, OutsideTheNetworksDaysIsWrongUsage) {
    for (const std::int64_t day :
         {std::int64_t{19'999}, std::int64_t{20'002}, std::int64_t{-1},
          std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
        const edge::Fatal fatal = fault(day);
        EXPECT_EQ(fatal.exit_code, edge::exit_usage);
        EXPECT_THAT(fatal.what(), AllOf(HasSubstr("E-DAY: --day " + std::to_string(day) + ":"),
                                        HasSubstr("20000 to 20001")));
    }
}

TEST_F(ExplainDay, WithinThemTheDeviceIsLookedFor) {
    for (const std::optional<std::int64_t> day :
         {std::optional<std::int64_t>{}, std::optional<std::int64_t>{20'000},
          std::optional<std::int64_t>{20'001}})
        EXPECT_EQ(fault(day).code, "E-DEVICE");
}

}  // namespace
}  // namespace vigil::verifier
