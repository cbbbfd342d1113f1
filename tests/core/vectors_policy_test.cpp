#include <gtest/gtest.h>

#include "core/base/ids.hpp"
#include "core/schedule/challenge.hpp"
#include "tests/core/vectors.hpp"

namespace vigil::test {
namespace {

TEST(Vectors, Ids) {
    const Json vectors = load_vectors("ids.json");
    for (const Json& one : vectors["cases"]) {
        SCOPED_TRACE(one.dump());
        if (one.contains("network_name")) {
            only_fields(one, {"network_name", "network_id"});
            EXPECT_EQ(to_hex(network_id(one["network_name"].get<std::string>())),
                      one["network_id"]);
            continue;
        }
        only_fields(one, {"ed25519_public_key", "device_uid", "node_id", "device_id"});
        const auto key = fixed_of<PublicKey>(one["ed25519_public_key"]);
        EXPECT_EQ(to_hex(node_id(key)), one["node_id"]);
        EXPECT_EQ(to_hex(device_id(key, one["device_uid"].get<std::string>())), one["device_id"]);
    }
}

TEST(Vectors, Policy) {
    const Json vectors = load_vectors("policy.json");
    for (const Json& one : vectors["cases"]) {
        SCOPED_TRACE(one["policy"]["name"]);
        only_fields(one, {"policy", "canonical", "policy_hash"});
        const PolicyValues values = policy_values(one["policy"]);
        const auto policy = policy_from_values(values);
        ASSERT_TRUE(policy) << policy.error();
        EXPECT_EQ(canonical_text(*policy), one["canonical"]);
        EXPECT_EQ(to_hex(policy_hash(*policy)), one["policy_hash"]);
        EXPECT_EQ(to_values(*policy), values);

        const auto again = policy_from_canonical(one["canonical"].get<std::string>());
        ASSERT_TRUE(again) << again.error();
        EXPECT_EQ(canonical_text(*again), one["canonical"]);
        if (const auto shipped = preset(policy->name)) {
            EXPECT_EQ(canonical_text(*shipped), one["canonical"]);
            EXPECT_EQ(to_hex(policy_hash(*shipped)), one["policy_hash"]);
        }
    }
}

TEST(Vectors, Spread) {
    const Json vectors = load_vectors("spread.json");
    for (const Json& one : vectors["cases"]) {
        SCOPED_TRACE(one.dump());
        only_fields(one, {"beacon", "node_id", "spread_ms", "extra_ms"});
        const Milliseconds spread{static_cast<std::int64_t>(u64_of(one["spread_ms"]))};
        const Milliseconds extra =
            extra_work(fixed_of<Beacon>(one["beacon"]), fixed_of<NodeId>(one["node_id"]), spread);
        EXPECT_EQ(static_cast<std::uint64_t>(extra.count()), u64_of(one["extra_ms"]));
    }
}

/// One case of schedule.json: the day, its key and the devices it is looked at for.
struct ScheduleCase {
    NetworkId network;
    Policy policy;
    DayKey key;
    std::vector<DeviceId> devices;
};

std::string challenge_text(const ScheduleCase& one, CheckKind kind, std::uint64_t ref,
                           const Beacon& beacon, const DeviceId& device) {
    return to_hex(challenge({one.network, policy_hash(one.policy), kind, ref, beacon, device}));
}

void compare_fleet(const ScheduleCase& one, WindowIndex window, const Json& expected) {
    const auto checks = fleet_checks(one.policy, one.key, window);
    ASSERT_EQ(checks.size(), expected.size());
    for (std::size_t i = 0; i < checks.size(); ++i) {
        const FleetCheck& check = checks[i];
        only_fields(expected[i],
                    {"slot", "kind", "start_ms", "deadline_ms", "beacon", "challenges"});
        EXPECT_EQ(check.slot.value, expected[i]["slot"].get<std::int64_t>());
        EXPECT_EQ(static_cast<int>(check.kind), expected[i]["kind"].get<int>());
        EXPECT_EQ(to_ms(check.start), expected[i]["start_ms"].get<std::int64_t>());
        EXPECT_EQ(to_ms(check.deadline), expected[i]["deadline_ms"].get<std::int64_t>());
        EXPECT_EQ(to_hex(check.beacon), expected[i]["beacon"]);
        ASSERT_EQ(expected[i]["challenges"].size(), one.devices.size());
        for (std::size_t d = 0; d < one.devices.size(); ++d)
            EXPECT_EQ(challenge_text(one, check.kind, static_cast<std::uint64_t>(check.slot.value),
                                     check.beacon, one.devices[d]),
                      expected[i]["challenges"][d]);
    }
}

void compare_spots(const ScheduleCase& one, WindowIndex window, const DeviceId& device,
                   const Json& expected) {
    const auto spots = spot_checks(one.policy, one.key, window, device);
    ASSERT_EQ(spots.size(), expected.size())
        << "a spot check is missing, or one that meets another was issued";
    for (std::size_t i = 0; i < spots.size(); ++i) {
        only_fields(expected[i], {"j", "start_ms", "deadline_ms", "beacon", "challenge"});
        EXPECT_EQ(spots[i].j, expected[i]["j"].get<std::uint32_t>());
        EXPECT_EQ(to_ms(spots[i].start), expected[i]["start_ms"].get<std::int64_t>());
        EXPECT_EQ(to_ms(spots[i].deadline), expected[i]["deadline_ms"].get<std::int64_t>());
        EXPECT_EQ(to_hex(spots[i].beacon), expected[i]["beacon"]);
        EXPECT_EQ(challenge_text(one, CheckKind::spot, spots[i].ref, spots[i].beacon, device),
                  expected[i]["challenge"]);
    }
}

TEST(Vectors, Schedule) {
    const Json vectors = load_vectors("schedule.json");
    for (const Json& json : vectors["cases"]) {
        only_fields(json, {"policy", "network_id", "day", "K", "commit", "windows", "devices"});
        ScheduleCase one{fixed_of<NetworkId>(json["network_id"]),
                         policy_named(json["policy"]),
                         fixed_of<DayKey>(json["K"]),
                         {}};
        for (const Json& device : json["devices"])
            one.devices.push_back(fixed_of<DeviceId>(device));
        const DayIndex day{json["day"].get<std::int64_t>()};
        EXPECT_EQ(to_hex(commit(one.network, day, one.key)), json["commit"]);

        const Calendar calendar{one.policy};
        ASSERT_EQ(json["windows"].size(), one.policy.windows_per_day);
        WindowIndex window = calendar.first_window(day);
        for (const Json& expected : json["windows"]) {
            SCOPED_TRACE(expected["window"]);
            only_fields(expected, {"window", "fleet", "spots"});
            EXPECT_EQ(window.value, expected["window"].get<std::int64_t>());
            EXPECT_EQ(calendar.day_of(window), day);
            compare_fleet(one, window, expected["fleet"]);
            ASSERT_EQ(expected["spots"].size(), one.devices.size());
            for (std::size_t d = 0; d < one.devices.size(); ++d)
                compare_spots(one, window, one.devices[d], expected["spots"][d]);
            ++window;
        }
    }
}

}  // namespace
}  // namespace vigil::test
