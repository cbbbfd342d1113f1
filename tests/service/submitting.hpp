#pragma once

#include <gtest/gtest.h>
#include <vector>

#include "tests/service/test_node.hpp"
#include "tests/service/world.hpp"

namespace vigil::verifier::test {

/// A world with one enrolled node of two devices and an hourly check begun.
struct Submitting : ::testing::Test {
    void SetUp() override {
        ASSERT_TRUE(node.enrol().ok());
        world.begin_fleet_check(CheckKind::hourly);
        const auto open = node.open_checks();
        ASSERT_EQ(open.size(), 1U);
        check = open[0];
        ASSERT_EQ(check.kind, CheckKind::hourly);
    }
    std::vector<CheckRow> rows(std::size_t device) {
        std::vector<CheckRow> found;
        world.store.read([&](Reader& reader) {
            found = reader.checks(world.roster.device(node.devices[device])->ref, {});
        });
        return found;
    }
    std::int64_t answers() {
        std::int64_t count{};
        world.store.read([&](Reader& reader) { count = reader.answer_count(); });
        return count;
    }
    void expect_refused(const v1::AnswerOutcome& outcome, v1::RefusalReason reason) {
        EXPECT_TRUE(outcome.has_refusal());
        EXPECT_EQ(v1::RefusalReason_Name(outcome.refusal().reason()),
                  v1::RefusalReason_Name(reason))
            << outcome.refusal().message();
        EXPECT_EQ(answers(), 0) << "a refused answer changed something";
    }

    World world;
    TestNode node{world.connect(), 1, 2};
    wire::OpenCheck check;
};

}  // namespace vigil::verifier::test
