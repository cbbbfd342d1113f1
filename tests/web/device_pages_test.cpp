#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/readable.hpp"
#include "tests/web/web_world.hpp"
#include "verifier/day_words.hpp"
#include "verifier/explain.hpp"

namespace vigil::verifier::web {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string body(const std::string& path) { return edge::body_of(network().get(path)); }
unsigned status(const std::string& path) { return edge::status_of(network().get(path)); }

/// The first link that begins so, as an address.
std::string address_in(const std::string& page, const std::string& begin) {
    const auto at = page.find(std::string{"href=\""}.append(begin));
    if (at == std::string::npos) return {};
    std::string_view rest = std::string_view{page}.substr(at + 6);
    rest = rest.substr(0, rest.find('"'));
    std::string out;
    while (!rest.empty()) {
        const bool escaped = rest.starts_with("&amp;");
        out += rest.front();
        rest.remove_prefix(escaped ? 5 : 1);
    }
    return out;
}

TEST(DevicePage, SaysTheStandingOfTheStore) {
    auto& world = network().world;
    std::vector<DayRecord> days;
    world.store().read([&](Reader& reader) { days = reader.days(world.device(0), {}); });
    ASSERT_FALSE(days.empty());
    const std::string page = body("/devices/" + to_hex(world.device_id(0)));
    EXPECT_THAT(page, HasSubstr(to_credits(days.front().after.balance) + " credits\""));
    EXPECT_THAT(page, HasSubstr("✓ up: " + std::to_string(days.size())));
    for (const char* heading : {"Today&#39;s windows", "How today&#39;s credit is computed",
                                "The last 90 days", "Credits, grace and slashes", "Checks"})
        EXPECT_THAT(page, HasSubstr(heading));
    EXPECT_THAT(page, HasSubstr("under way"));
}

TEST(DevicePage, ExplainsWithTheLinesOfExplain) {
    auto& world = network().world;
    const DayIndex last = world.settled.back().day.day;
    std::vector<std::string> lines;
    world.store().read([&](Reader& reader) {
        for (const DeviceRecord& device : reader.devices())
            if (device.id == world.device_id(0))
                lines = explain(read_day_file(reader, world.policy(), device, last));
    });
    const std::string page = body("/devices/" + to_hex(world.device_id(0)));
    ASSERT_GT(lines.size(), 5U);
    for (const std::string& line : lines)
        EXPECT_THAT(page, HasSubstr(Html{line}.markup())) << "escaped, but the same";
}

TEST(DevicePage, SaysHowItsOwnerIsToldAndWhenItLastPassed) {
    const std::string id = to_hex(network().world.device_id(0));
    const std::string page = body("/devices/" + id);
    EXPECT_THAT(page, HasSubstr("passed a check "));
    EXPECT_THAT(page, HasSubstr("[[notify]]"));
    EXPECT_THAT(page, HasSubstr("<img src=\"/badges/" + id + "\""));
    EXPECT_NE(address_in(page, "/checks/").find(id), std::string::npos);
    EXPECT_THAT(page, HasSubstr("#receipt\">signed</a>"));
    EXPECT_THAT(body("/devices/" + to_hex(network().hostile_device)),
                HasSubstr("no check was judged yet"));
}

TEST(DevicePage, WindowsBeforeTheNetworkWasFoundedAreNotClosing) {
    const WebWorld young{std::chrono::seconds{10}};  // founded 80 s into a day of 120 s
    const std::string page =
        edge::body_of(young.get("/devices/" + to_hex(young.world.device_id(0))));
    std::size_t cells = 0;
    for (auto at = page.find(" before the network<"); at != std::string::npos;
         at = page.find(" before the network<", at + 1))
        ++cells;
    EXPECT_EQ(cells, 4U);
    EXPECT_THAT(page, HasSubstr("window 4 of 6, 22:13:00 to 22:13:20: before the network was"));
    EXPECT_THAT(page, Not(HasSubstr("closing")));
}

TEST(DevicePage, TheFirstHoursSayWhatDoesNotCountAndWhatWasMeasured) {
    WebWorld young{std::chrono::seconds{10}};  // 10 s into window 5, where the last one joins
    const std::string path = "/devices/" + to_hex(young.hostile_device);
    const std::string page = edge::body_of(young.get(path));
    EXPECT_THAT(page, HasSubstr(" does not count</span>"
                                "<span class=\"small\">this device was enrolled in it</span>"));
    EXPECT_THAT(page, HasSubstr("this device was enrolled in it: does not count\n"));
    EXPECT_THAT(page, Not(HasSubstr("under way")));
    EXPECT_THAT(page, HasSubstr("to come")) << "window 6 counts";
    EXPECT_THAT(page, HasSubstr("nothing was measured yet"));
    EXPECT_THAT(page, Not(HasSubstr("by calibration")));
    // Before a window was closed the roster alone knows of it.
    young.world.roster().set_calibrated(young.hostile_device, {young.world.now(), 4'610'000'000});
    EXPECT_THAT(edge::body_of(young.get(path)),
                AllOf(HasSubstr(" by calibration"), Not(HasSubstr("nothing was measured yet"))));
}

TEST(DevicePage, ARetirementIsSaidBeforeItsDay) {
    const WebWorld leaving{std::chrono::seconds{10}, [](auto& world) { world.retire(0); }};
    const std::string page =
        edge::body_of(leaving.get("/devices/" + to_hex(leaving.world.device_id(0))));
    // Day 14,166,666 began at 22:12; the one after the next is the first without the device.
    EXPECT_THAT(page, HasSubstr("retires 2023-11-14 22:16 UTC (day 14166668)"));
    EXPECT_THAT(page, HasSubstr("If every window to come were missed"));
    EXPECT_THAT(page, Not(HasSubstr("retired by then")));
}

TEST(DevicePage, OfARetiredDeviceNothingIsExpected) {
    const WebWorld left{std::chrono::seconds{10}, [](auto& world) {
                            world.retire(0);
                            world.run_until(world.now() + std::chrono::seconds{180});
                        }};
    const std::string page = edge::body_of(left.get("/devices/" + to_hex(left.world.device_id(0))));
    EXPECT_THAT(page, HasSubstr("retired since 2023-11-14 22:16 UTC (day 14166668)"));
    EXPECT_THAT(page, HasSubstr("No window to come counts for this device today. The day is "
                                "<strong>excused</strong>"));
    EXPECT_THAT(page, HasSubstr("best still possible × 0"));
    EXPECT_THAT(page, HasSubstr("this device is retired by then: does not count\n"));
    EXPECT_THAT(page, Not(HasSubstr("not closed yet\n  window")));
    EXPECT_THAT(page, Not(HasSubstr("under way")));
    EXPECT_THAT(page, Not(HasSubstr("to come</span>")));
}

TEST(DevicePage, TheLedgerHasDates) {
    auto& world = network().world;
    const std::string page = body("/devices/" + to_hex(world.device_id(0)));
    const DayIndex last = world.settled.back().day.day;
    EXPECT_THAT(page, HasSubstr(day_words(last, world.calendar()) + "</td>"));
}

TEST(DevicePage, AMissedCheckSaysWhy) {
    auto& world = network().world;
    std::optional<CheckRow> missed;
    DeviceId device;
    for (std::size_t i = 0; i < world.device_count() && !missed; ++i)
        world.store().read([&](Reader& reader) {
            for (const CheckRow& row : reader.checks(world.device(i), {.before = {}, .limit = 25}))
                if (row.verdict.judgement.verdict == Verdict::missed) {
                    missed = row;
                    device = world.device_id(i);
                }
        });
    ASSERT_TRUE(missed) << "somebody is flaky";
    const std::string check = address_in(body("/devices/" + to_hex(device)),
                                         "/checks/" + to_hex(missed->verdict.challenge));
    ASSERT_NE(check, "");
    const std::string page = body(check);
    EXPECT_THAT(page, HasSubstr(Html{missed->verdict.judgement.reason}.markup()));
    EXPECT_THAT(page, HasSubstr("no answer came"));
    EXPECT_THAT(page, HasSubstr("vigil-verifier audit"));
    EXPECT_THAT(page, HasSubstr(to_hex(world.schedule().network())));
}

TEST(DevicePage, ChecksArePaged) {
    const std::string first = body("/devices/" + to_hex(network().world.device_id(0)));
    const std::string next =
        address_in(first, "/devices/" + to_hex(network().world.device_id(0)) + "?before=");
    ASSERT_NE(next, "");
    const std::string second = body(next.substr(0, next.find('#')));
    EXPECT_NE(address_in(second, "/checks/"), "");
    EXPECT_EQ(status("/devices/" + to_hex(network().world.device_id(0)) + "?before=x"), 400U);
}

TEST(DevicePage, BadIdsAreNotFoundWithAWayOn) {
    const std::string unknown(64, 'a');
    std::string with_device = "/checks/";
    with_device.append(unknown).append("?device=").append(to_hex(network().world.device_id(0)));
    for (const std::string& path :
         {std::string{"/devices/"}, std::string{"/devices/zz"}, "/devices/" + unknown,
          std::string{"/devices/"}.append(unknown).append("/x"), std::string{"/checks/"},
          "/checks/" + unknown,
          std::string{"/checks/"}.append(unknown).append("?device=").append(unknown), with_device,
          "/badges/" + unknown}) {
        EXPECT_EQ(status(path), 404U) << path;
    }
    EXPECT_THAT(body("/devices/zz"), HasSubstr("href=\"/providers\""));
    EXPECT_EQ(status("/checks/" + unknown + "?device=x"), 400U);
    EXPECT_EQ(status(with_device.append("&window=-1")), 400U);
}

TEST(DevicePage, TheBadgeIsAPictureOfItsState) {
    const std::string response = network().get("/badges/" + to_hex(network().world.device_id(0)));
    EXPECT_THAT(response, HasSubstr("Content-Type: image/svg+xml"));
    EXPECT_THAT(edge::body_of(response), HasSubstr("<svg xmlns="));
}

TEST(LogPage, ShowsHashesAndKeepsSecrets) {
    auto& world = network().world;
    const SettledDay& settled = world.settled.back().day;
    const DayIndex today = world.calendar().day_at(world.now());
    std::optional<DayKeyRecord> past, secret;
    world.store().read([&](Reader& reader) {
        past = reader.day_key(settled.day);
        secret = reader.day_key(today);
    });
    ASSERT_TRUE(past && secret);
    const std::string page = body("/log");
    EXPECT_THAT(page, HasSubstr(to_hex(settled.state_hash)));
    EXPECT_THAT(page, HasSubstr(to_hex(past->key)));
    EXPECT_THAT(page, HasSubstr(to_hex(secret->commit)));
    EXPECT_THAT(page, Not(HasSubstr(to_hex(secret->key)))) << "it says when checks come";
    EXPECT_EQ(status("/log?day=1"), 400U) << "before the network was founded";
    EXPECT_EQ(status("/log?day=" + std::to_string(today.value)), 200U);
}

TEST(CheckPage, ABeaconThatHasNotStartedIsNotTold) {
    auto& world = network().world;
    const auto plan = world.schedule().plan(world.calendar().window_at(world.now()));
    const std::string page = body("/devices/" + to_hex(world.device_id(0)));
    for (const FleetCheck& check : plan->fleet)
        if (check.start > world.now()) {
            EXPECT_THAT(page, Not(HasSubstr(to_hex(check.beacon))));
        }
}

}  // namespace
}  // namespace vigil::verifier::web
