#include "verifier/spot_starts.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>

#include "core/base/encoder.hpp"
#include "core/base/ids.hpp"
#include "core/policy/policy.hpp"

namespace vigil::verifier {
namespace {

struct Members {
    std::map<DeviceRef, std::shared_ptr<const RosterDevice>> all;

    void add(std::uint8_t bucket, std::int64_t number) {
        auto device = std::make_shared<RosterDevice>();
        device->ref = {bucket, number};
        device->id = as<DeviceId>(
            Encoder{"test/device"}.u8(bucket).u64(static_cast<std::uint64_t>(number)).hash());
        all[device->ref] = std::move(device);
    }
    DevicesAfter after() const {
        return [this](std::uint8_t bucket, std::int64_t number, std::size_t most) {
            std::vector<std::shared_ptr<const RosterDevice>> out;
            for (auto at = all.find({bucket, ++number}); at != all.end() && out.size() < most;
                 at = all.find({bucket, ++number}))
                out.push_back(at->second);
            return out;
        };
    }
};

std::shared_ptr<const WindowPlan> plan() {
    const Policy policy = *preset("incentivenet-2024-10");
    const DayKey key = as<DayKey>(Encoder{"test/day"}.u64(1).hash());
    const WindowIndex window{120'000};
    return std::make_shared<WindowPlan>(WindowPlan{.window = window,
                                                   .span = Calendar{policy}.span(window),
                                                   .policy = std::make_shared<const Policy>(policy),
                                                   .policy_hash = {},
                                                   .key = key,
                                                   .fleet = fleet_checks(policy, key, window)});
}

using Found = std::tuple<Instant, DeviceRef, std::uint32_t>;

std::vector<Found> take_all(SpotStarts& starts) {
    std::vector<Found> out;
    for (; const auto next = starts.next(); starts.take())
        out.emplace_back(next->at, next->device, next->j);
    return out;
}

std::vector<Found> expected(const Members& members, const WindowPlan& plan) {
    std::vector<Found> out;
    for (const auto& [ref, device] : members.all)
        for (const SpotCheck& spot : spot_checks(*plan.policy, *plan.key, plan.window, device->id))
            out.emplace_back(spot.start, ref, spot.j);
    std::ranges::sort(out);
    return out;
}

TEST(SpotStarts, AreThoseOfTheScheduleInOrderOfTimeHoweverTheyWereAdded) {
    Members members;
    for (int bucket : {0, 7, 255})
        for (std::int64_t n = 1; n <= 50; ++n) members.add(static_cast<std::uint8_t>(bucket), n);
    for (const std::size_t most : {std::size_t{1}, std::size_t{7}, std::size_t{1'000}}) {
        SpotStarts starts{plan()};
        while (starts.add_from(members.after(), most) > 0) {
        }
        auto found = take_all(starts);
        EXPECT_TRUE(std::ranges::is_sorted(found, {}, [](const Found& f) { return get<0>(f); }));
        std::ranges::sort(found);
        EXPECT_EQ(found, expected(members, starts.plan())) << most;
    }
}

TEST(SpotStarts, NewcomersJoinOnceAndInOrder) {
    Members members;
    for (std::int64_t n = 1; n <= 20; ++n) members.add(3, n);
    SpotStarts starts{plan()};
    EXPECT_EQ(starts.add_from(members.after(), 100), 20U);
    EXPECT_EQ(starts.add_from(members.after(), 100), 0U);
    members.add(3, 22);  // heard of before the one enrolled just before it
    EXPECT_EQ(starts.add_from(members.after(), 100), 0U);
    members.add(3, 21);
    members.add(9, 1);
    EXPECT_EQ(starts.add_from(members.after(), 100), 3U);
    auto found = take_all(starts);
    EXPECT_TRUE(std::ranges::is_sorted(found, {}, [](const Found& f) { return get<0>(f); }));
    std::ranges::sort(found);
    EXPECT_EQ(found, expected(members, starts.plan()));
    EXPECT_FALSE(starts.next());
}

TEST(DeviceIndex, FindsWhatWasAddedAndNothingElse) {
    Members members;
    DeviceIndex index;
    const auto id_of = [&](DeviceRef ref) { return members.all.at(ref)->id; };
    EXPECT_FALSE(index.find(DeviceId{}, id_of));
    for (std::int64_t n = 1; n <= 5'000; ++n) {
        const auto bucket = static_cast<std::uint8_t>(n % 3 * 127);
        members.add(bucket, n);
        index.add(members.all.at({bucket, n})->id, {bucket, n}, id_of);
    }
    for (const auto& [ref, device] : members.all) EXPECT_EQ(index.find(device->id, id_of), ref);
    Members others;
    for (std::int64_t n = 1; n <= 1'000; ++n) {
        others.add(77, n);
        EXPECT_FALSE(index.find(others.all.at({77, n})->id, id_of));
    }
}

}  // namespace
}  // namespace vigil::verifier
