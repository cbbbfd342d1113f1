#include "verifier/service/query_records.hpp"

#include "proto/wire.hpp"

namespace vigil::verifier {
namespace {

static_assert(static_cast<int>(WindowOutcome::complete) == v1::WINDOW_OUTCOME_COMPLETE);
static_assert(static_cast<int>(WindowOutcome::unenrolled) == v1::WINDOW_OUTCOME_UNENROLLED);
static_assert(static_cast<int>(DayOutcome::up) == v1::DAY_OUTCOME_UP);
static_assert(static_cast<int>(DayOutcome::excused) == v1::DAY_OUTCOME_EXCUSED);

}  // namespace

v1::CheckResult to_proto(const CheckRow& row) {
    const VerdictRecord& verdict = row.verdict;
    v1::CheckResult out;
    out.set_challenge(wire::raw(verdict.challenge));
    out.set_kind(wire::to_proto(verdict.claim.kind));
    out.set_ref(verdict.claim.ref);
    out.set_window(verdict.claim.window.value);
    out.set_start_ms(to_ms(verdict.start));
    out.set_deadline_ms(to_ms(verdict.deadline));
    if (verdict.received) out.set_received_ms(to_ms(*verdict.received));
    out.set_work(verdict.judgement.work);
    out.set_rate(verdict.judgement.rate);
    out.set_baseline(verdict.judgement.baseline);
    out.set_theta_ppm(verdict.theta.value);
    out.set_verdict(wire::to_proto(row.final_verdict()));
    out.set_reason(row.voided ? *row.voided + " (was " +
                                    std::string{to_string(verdict.judgement.verdict)} + ": " +
                                    verdict.judgement.reason + ")"
                              : verdict.judgement.reason);
    return out;
}

v1::WindowSummary to_proto(const WindowRecord& window) {
    v1::WindowSummary out;
    out.set_window(window.window.value);
    out.set_outcome(static_cast<v1::WindowOutcome>(static_cast<int>(window.outcome)));
    out.set_misses(window.misses);
    out.set_roll_call_rate(window.roll_call_rate);
    out.set_reason(window.reason);
    out.set_closed_ms(to_ms(window.closed));
    return out;
}

v1::DaySummary to_proto(const DayRecord& day) {
    v1::DaySummary out;
    out.set_day(day.day.value);
    out.set_outcome(static_cast<v1::DayOutcome>(static_cast<int>(day.outcome)));
    out.set_counted_windows(day.counted);
    out.set_multiplier_ppm(day.multiplier.value);
    out.set_rate(day.rate);
    out.set_credit_micro(to_string(day.credit));
    out.set_slashed_micro(to_string(day.slashed));
    out.set_grace_used(day.grace_used);
    *out.mutable_standing() = to_proto(day.after);
    out.set_baseline(day.baseline);
    out.set_reason(day.reason);
    return out;
}

v1::Standing to_proto(const Standing& standing) {
    v1::Standing out;
    out.set_balance_micro(to_string(standing.balance));
    out.set_service_days(standing.service_days);
    out.set_grace_left(standing.grace_left);
    out.set_down_run(standing.down_run);
    return out;
}

v1::DayKey to_proto(const DayKeyRecord& key) {
    v1::DayKey out;
    out.set_day(key.day.value);
    out.set_commit(wire::raw(key.commit));
    out.set_committed_ms(to_ms(key.committed));
    if (!key.revealed) return out;
    out.set_key(wire::raw(key.key));
    out.set_revealed_ms(to_ms(*key.revealed));
    return out;
}

v1::Device to_proto(const DeviceRecord& device, const NodeRecord& node) {
    v1::Device out;
    out.set_device_id(wire::raw(device.id));
    out.set_node_id(wire::raw(node.id));
    out.set_payout_address(wire::raw(node.payout));
    out.set_node_name(node.name);
    out.set_region(node.region);
    v1::DeviceClaim& claimed = *out.mutable_claimed();
    claimed.set_uid(device.uid);
    claimed.set_backend(wire::to_proto(device.backend));
    claimed.set_model(device.model);
    claimed.set_memory_bytes(device.memory_bytes);
    claimed.set_driver(device.driver);
    out.set_enrolled_ms(to_ms(device.enrolled));
    if (device.retired_from) out.set_retired_from_day(device.retired_from->value);
    return out;
}

std::optional<v1::LedgerEntry> ledger_entry(const DayRecord& day) {
    v1::LedgerEntry out;
    out.set_day(day.day.value);
    out.set_balance_after_micro(to_string(day.after.balance));
    out.set_reason(day.reason);
    if (day.credit > Micro{}) {
        out.set_kind(v1::LEDGER_KIND_CREDIT);
        out.set_amount_micro(to_string(day.credit));
    } else if (day.grace_used) {
        out.set_kind(v1::LEDGER_KIND_GRACE);
        out.set_amount_micro("0");
    } else if (day.slashed > Micro{}) {
        out.set_kind(v1::LEDGER_KIND_SLASH);
        out.set_amount_micro(to_string(day.slashed));
    } else {
        return std::nullopt;
    }
    return out;
}

}  // namespace vigil::verifier
