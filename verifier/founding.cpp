#include "verifier/founding.hpp"

#include <algorithm>

#include "core/base/require.hpp"
#include "core/schedule/beacon.hpp"

namespace vigil::verifier {
namespace {

PolicyRecord record_of(const Policy& policy, DayIndex effective, Instant announced) {
    return {.effective_day = effective,
            .announced = announced,
            .canonical = canonical_text(policy),
            .hash = policy_hash(policy)};
}

tl::unexpected<FoundingError> refused(FoundingError::Kind kind, std::string message) {
    return tl::unexpected{FoundingError{kind, std::move(message)}};
}

bool same_calendar(const Policy& a, const Policy& b) {
    return a.day == b.day && a.windows_per_day == b.windows_per_day &&
           a.slots_per_window == b.slots_per_window;
}

std::string calendar_text(const Policy& policy) {
    return "day_ms " + std::to_string(policy.day.count()) + ", windows_per_day " +
           std::to_string(policy.windows_per_day) + ", slots_per_window " +
           std::to_string(policy.slots_per_window);
}

Expected<Founded, FoundingError> create(Transaction& tx, const Founding& wanted, Instant now) {
    if (!wanted.policy) return refused(FoundingError::Kind::policy, "a new network needs a policy");
    if (wanted.network_name.empty())
        return refused(FoundingError::Kind::network, "a new network needs a name");
    const DayIndex today = Calendar{*wanted.policy}.day_at(now);
    tx.found({.network_name = wanted.network_name, .programme_start_day = today, .founded = now});
    tx.add_policy(record_of(*wanted.policy, today, now));
    return Founded{.created = true, .announced = std::nullopt};
}

/// The largest notice that a policy in force, or announced to be, promises; nothing: one of them
/// cannot be read. Policies are ordered by effective day.
Expected<std::int64_t, std::string> longest_notice(const std::vector<PolicyRecord>& records,
                                                   DayIndex today) {
    std::int64_t notice = 1;
    for (std::size_t i = 0; i < records.size(); ++i) {
        const bool superseded = i + 1 < records.size() && records[i + 1].effective_day <= today;
        if (superseded) continue;
        const auto policy = policy_from_canonical(records[i].canonical);
        if (!policy) return tl::unexpected{policy.error()};
        notice = std::max<std::int64_t>(notice, policy->notice_days);
    }
    return notice;
}

Expected<Founded, FoundingError> continue_network(Transaction& tx, const Genesis& genesis,
                                                  const Founding& wanted, Instant now) {
    if (!wanted.network_name.empty() && wanted.network_name != genesis.network_name)
        return refused(FoundingError::Kind::network,
                       "the store belongs to network \"" + genesis.network_name + "\", not to \"" +
                           wanted.network_name + "\"; name that one, or another data directory");
    if (!wanted.policy) return Founded{};
    const std::vector<PolicyRecord> records = tx.policies();
    require(!records.empty(), "a founded network has a policy");
    const PolicyRecord& latest = records.back();
    if (latest.hash == policy_hash(*wanted.policy)) return Founded{};
    const auto known = policy_from_canonical(latest.canonical);
    if (!known)
        return refused(FoundingError::Kind::policy,
                       "the store's policy cannot be read: " + known.error());
    if (!same_calendar(*known, *wanted.policy))
        return refused(
            FoundingError::Kind::policy,
            "a policy may not change the calendar of a network (protocol 2.3): the store has " +
                calendar_text(*known) + ", the policy " + calendar_text(*wanted.policy) +
                "; keep these, or found a new network in another data directory");
    const DayIndex today = Calendar{*known}.day_at(now);
    const auto notice = longest_notice(records, today);
    if (!notice)
        return refused(FoundingError::Kind::policy,
                       "the store's policy cannot be read: " + notice.error());
    PolicyRecord announced =
        record_of(*wanted.policy, std::max(today + *notice, latest.effective_day), now);
    tx.add_policy(announced);
    return Founded{.created = false, .announced = std::move(announced)};
}

}  // namespace

Expected<Founded, FoundingError> found_network(Store& store, const Founding& wanted, Instant now) {
    Expected<Founded, FoundingError> founded;
    store.write([&](Transaction& tx) {
        tx.hold_enrolments();  // or two verifiers that start at once would found it twice
        const auto genesis = tx.genesis();
        founded = genesis ? continue_network(tx, *genesis, wanted, now) : create(tx, wanted, now);
    });
    return founded;
}

void draw_day_keys(Store& store, const NetworkId& network, DayIndex first, DayIndex last,
                   Instant now, const DrawDayKey& draw) {
    store.write([&](Transaction& tx) {
        for (DayIndex day = first; day <= last; ++day) {
            if (tx.day_key(day)) continue;
            const DayKey key = draw();
            tx.add_day_key({.day = day,
                            .key = key,
                            .commit = commit(network, day, key),
                            .committed = now,
                            .revealed = std::nullopt});
        }
    });
}

}  // namespace vigil::verifier
