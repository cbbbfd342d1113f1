#include "node/retired_devices.hpp"

#include <fstream>
#include <gtest/gtest.h>

#include "core/base/ids.hpp"
#include "node/enrolment_file.hpp"
#include "node/retirement_watch.hpp"
#include "tests/node/tiny_searcher.hpp"

namespace vigil::node {
namespace {

DeviceId device(std::uint8_t fill) {
    DeviceId id;
    id.bytes.fill(fill);
    return id;
}

TEST(RetiredDevices, AreKeptUntilForgotten) {
    const test::Folder folder;
    EXPECT_TRUE(retired_devices(folder.path()).empty());
    note_retired(folder.path(), device(1), "GPU-1 (Card)");
    note_retired(folder.path(), device(1), "GPU-1 (Card)");
    note_retired(folder.path(), device(2), "GPU-2\nno line of its own");
    EXPECT_EQ(retired_devices(folder.path()), (std::set{device(1), device(2)}));
    EXPECT_TRUE(forget_retired(folder.path(), device(1)));
    EXPECT_FALSE(forget_retired(folder.path(), device(1)));
    EXPECT_EQ(retired_devices(folder.path()), std::set{device(2)});
}

TEST(RetiredDevices, TheMomentIsKeptWhereItIsKnown) {
    const test::Folder folder;
    note_retired(folder.path(), device(1), "GPU-1 (Card)");
    EXPECT_FALSE(retirements(folder.path()).at(device(1)));
    note_retired(folder.path(), device(1), "GPU-1 (Card)", instant_from_ms(86'400'000));
    note_retired(folder.path(), device(1), "GPU-1 (Card)");
    EXPECT_EQ(retirements(folder.path()).at(device(1)), instant_from_ms(86'400'000));
    EXPECT_EQ(retired_devices(folder.path()), std::set{device(1)});
    std::ofstream{folder.path() / "retired", std::ios::app} << to_hex(device(2))
                                                            << " from_ms=-1 x\n"
                                                            << to_hex(device(3)) << " from_ms=x\n";
    EXPECT_FALSE(retirements(folder.path()).at(device(2)));
    EXPECT_FALSE(retirements(folder.path()).at(device(3)));
    EXPECT_TRUE(forget_retired(folder.path(), device(1)));
}

TEST(RetiredDevices, TheBoardShowsThemUntilTheNextStart) {
    const test::Folder folder;
    NodeStatus status;
    for (std::uint8_t n = 1; n <= 2; ++n) {
        status.devices.emplace_back().id = device(n);
        status.devices.back().label = "cpu" + std::to_string(n);
    }
    status.clock_offset = Milliseconds{5'000};  // this clock is ahead
    Board board{status};
    Instant now = instant_from_ms(86'400'000);
    const auto look = [&] { RetirementWatch{folder.path(), board, [&] { return now; }}.look(); };
    look();
    EXPECT_FALSE(board.read().devices[0].retires_from);
    note_retired(folder.path(), device(1), "", now);
    look();
    const DeviceStatus first = board.read().devices[0];
    EXPECT_EQ(retirement_words(first), "retires 1970-01-02 00:00 UTC");
    EXPECT_EQ(state_words(first), "idle") << "the verifier's clock counts";
    now = now + Milliseconds{5'000};
    look();
    EXPECT_EQ(state_words(board.read().devices[0]), "retired");
    EXPECT_EQ(retirement_words(board.read().devices[0]), "retired since 1970-01-02 00:00 UTC");
    EXPECT_EQ(retirement_words(board.read().devices[1]), "");
    EXPECT_NE(status_json(board.read(), now).find("\"retires_from_ms\": 86400000"),
              std::string::npos);
    // The node may enrol it again at any moment, and checks are expected from then on.
    forget_retired(folder.path(), device(1));
    look();
    EXPECT_EQ(state_words(board.read().devices[0]), "idle");
    EXPECT_FALSE(board.read().devices[0].retires_from);
}

TEST(RetiredDevices, OtherLinesArePassedOver) {
    const test::Folder folder;
    std::ofstream{folder.path() / "retired"} << "# a word\n\n0x\n" << to_hex(device(3)) << "\n";
    EXPECT_EQ(retired_devices(folder.path()), std::set{device(3)});
}

TEST(RetiredDevices, AForgottenEnrolmentIsMadeAgainWithAHigherNumber) {
    const test::Folder folder;
    forget_enrolment(folder.path());
    wire::Enrolment claim;
    claim.devices.push_back({"GPU-1", Backend::cuda, "Card", "580", 0});
    claim.sequence = 41;
    const NetworkId network = network_id("n");
    save_enrolment(folder.path(), network, claim);
    EXPECT_TRUE(enrolled_as(folder.path(), network, claim));
    forget_enrolment(folder.path());
    EXPECT_FALSE(enrolled_as(folder.path(), network, claim));
    EXPECT_EQ(next_sequence(folder.path(), 1), 42u);
}

TEST(RetiredDevices, WhatAnotherUserForgotTheNodeCanRead) {
    const test::Folder folder;
    wire::Enrolment claim;
    const NetworkId network = network_id("n");
    const auto mode = [&] {
        return std::filesystem::status(folder.path() / "enrolment").permissions();
    };
    save_enrolment(folder.path(), network, claim);
    EXPECT_EQ(mode(), std::filesystem::perms{0644});
    forget_enrolment(folder.path());
    EXPECT_EQ(mode(), std::filesystem::perms{0644});
}

TEST(RetiredDevices, WhatWasEnrolledOnceIsKnownWhenLaterEnrolmentsLeaveItOut) {
    const test::Folder folder;
    const NetworkId network = network_id("n");
    EXPECT_TRUE(enrolled_uids(folder.path()).empty());
    wire::Enrolment claim;
    claim.devices.push_back({"cpu:abc", Backend::cpu, "Processor", "", 0});
    save_enrolment(folder.path(), network, claim);
    claim.devices.front().uid = "GPU-1";
    save_enrolment(folder.path(), network, claim);
    forget_enrolment(folder.path());
    EXPECT_EQ(enrolled_uids(folder.path()), (std::set<std::string>{"GPU-1", "cpu:abc"}));
}

TEST(RetiredDevices, AnEnrolmentThatCannotBeReadIsMadeAgain) {
    const test::Folder folder;
    std::filesystem::create_directory(folder.path() / "enrolment");  // root reads any file
    wire::Enrolment claim;
    EXPECT_FALSE(enrolled_as(folder.path(), network_id("n"), claim));
    EXPECT_EQ(next_sequence(folder.path(), 7), 7u);
    EXPECT_NO_THROW(forget_enrolment(folder.path()));
}

}  // namespace
}  // namespace vigil::node
