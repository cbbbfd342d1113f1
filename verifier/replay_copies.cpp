#include "verifier/replay_copies.hpp"

#include "core/base/ids.hpp"
#include "core/policy/policy.hpp"
#include "core/schedule/beacon.hpp"

namespace vigil::verifier::replaying {
namespace {

constexpr std::int64_t rows_a_page = 500;

}  // namespace

Genesis Copies::found(Reader& record) {
    const auto genesis = record.genesis();
    if (!genesis) throw StoreFailed{"the store holds no network yet: there is nothing to replay"};
    report_.network = genesis->network_name;
    network_ = network_id(genesis->network_name);
    const auto policies = record.policies();
    if (policies.empty()) throw StoreFailed{"the store holds a genesis but no policy"};
    store_.write([&](Transaction& tx) { tx.found(*genesis); });
    take_policies(policies);
    take_keys(record);
    return *genesis;
}

bool Copies::take_added(Reader& record) {
    take_keys(record);
    const auto policies = record.policies();
    if (std::ssize(policies) == report_.policies) return false;
    take_policies(policies);
    return true;
}

void Copies::take_policies(const std::vector<PolicyRecord>& policies) {
    store_.write([&](Transaction& tx) {
        for (const PolicyRecord& policy : policies) tx.add_policy(policy);
    });
    report_.policies = std::ssize(policies);
    for (const PolicyRecord& policy : policies) verify(policy);
}

void Copies::verify(const PolicyRecord& record) {
    const auto policy = policy_from_canonical(record.canonical);
    if (!policy)
        throw StoreFailed{"the policy of day " + std::to_string(record.effective_day.value) +
                          " cannot be read: " + policy.error()};
    if (const PolicyHash hash = policy_hash(*policy); hash != record.hash)
        report_.differ([&] {
            return "the policy from day " + std::to_string(record.effective_day.value) +
                   ": the record says hash " + to_hex(record.hash) + ", its text has " +
                   to_hex(hash);
        });
}

void Copies::take_keys(Reader& record) {
    for (auto page = record.day_keys(next_key_, rows_a_page); !page.empty();
         page = record.day_keys(next_key_, rows_a_page)) {
        next_key_ = page.back().day + 1;
        report_.day_keys += std::ssize(page);
        for (DayKeyRecord& key : page) {
            if (commit(network_, key.day, key.key) != key.commit)
                report_.differ([&] {
                    return "day " + std::to_string(key.day.value) +
                           ": its key is not the one that was committed to";
                });
            key.revealed.reset();  // settling reveals it
        }
        store_.write([&](Transaction& tx) {
            for (const DayKeyRecord& key : page) tx.add_day_key(key);
        });
    }
}

void Copies::take_heartbeats(Reader& record, const Span& span) {
    const auto heartbeats = record.heartbeats(span.begin, span.end);
    store_.write([&](Transaction& tx) {
        for (const Instant at : heartbeats) tx.add_heartbeat(0, at);
    });
}

}  // namespace vigil::verifier::replaying
