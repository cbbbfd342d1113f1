#include "core/uptime/judge.hpp"

#include <algorithm>

#include "core/base/readable.hpp"
#include "core/base/require.hpp"
#include "core/base/u128.hpp"
#include "core/work/estimate.hpp"

namespace vigil {
namespace {

constexpr std::size_t rates_in_baseline = 6;

std::string in_ms(Milliseconds time) {
    const auto count = time.count();
    const std::string size = grouped(static_cast<u128>(count < 0 ? -count : count)) + " ms";
    return count < 0 ? "minus " + size : size;
}

std::string in_hs(u128 rate) { return grouped(rate) + " H/s"; }

std::optional<Judgement> late(const Check& check, Instant received, std::uint64_t baseline) {
    if (received <= check.deadline) return std::nullopt;
    return Judgement{.verdict = Verdict::late,
                     .baseline = baseline,
                     .reason = "received " + in_ms(received - check.start) + " after the start, " +
                               in_ms(received - check.deadline) + " after the deadline (allowed " +
                               in_ms(check.deadline - check.start) + ")"};
}

std::string form_fault(std::span<const std::uint64_t> nonces, std::uint32_t k) {
    if (nonces.size() != k)
        return "the proof has " + grouped(nonces.size()) + " nonces, " + grouped(k) +
               " were asked for";
    const auto at = std::adjacent_find(nonces.begin(), nonces.end(), std::greater_equal<>{});
    return "the nonces are not strictly ascending: " + grouped(*at) + " is followed by " +
           grouped(*(at + 1));
}

}  // namespace

std::string_view to_string(Verdict verdict) {
    switch (verdict) {
        case Verdict::passed:
            return "passed";
        case Verdict::below_rate:
            return "below_rate";
        case Verdict::late:
            return "late";
        case Verdict::bad_proof:
            return "bad_proof";
        case Verdict::missed:
            return "missed";
        case Verdict::voided:
            return "void";
        case Verdict::maintenance:
            return "maintenance";
        case Verdict::busy:
            return "busy";
    }
    require(false, "a verdict out of its enumeration");
    return {};
}

bool well_formed(std::span<const std::uint64_t> nonces, std::uint32_t k) {
    return nonces.size() == k &&
           std::adjacent_find(nonces.begin(), nonces.end(), std::greater_equal<>{}) == nonces.end();
}

Judgement judge(const Check& check, std::span<const std::uint64_t> nonces, Instant received,
                std::uint64_t baseline) {
    if (auto judgement = late(check, received, baseline)) return *judgement;
    if (!well_formed(nonces, check.k))
        return {.verdict = Verdict::bad_proof,
                .baseline = baseline,
                .reason = form_fault(nonces, check.k)};
    const auto largest = largest_hash(check.challenge, nonces);
    return judge_work(check, largest ? estimate_work(check.k, *largest) : 0, received, baseline);
}

Judgement judge_work(const Check& check, std::uint64_t work, Instant received,
                     std::uint64_t baseline) {
    if (auto judgement = late(check, received, baseline)) return *judgement;
    const Milliseconds elapsed = received - check.start;
    const std::uint64_t rate = hash_rate(work, elapsed);
    Judgement judgement{
        .verdict = Verdict::passed, .work = work, .rate = rate, .baseline = baseline, .reason = {}};
    if (check.kind == CheckKind::calibration) {
        judgement.reason =
            "calibrated at " + in_hs(rate) + ": " + grouped(work) + " hashes in " + in_ms(elapsed);
        return judgement;
    }
    const u128 wanted = u128{check.theta.value} * baseline;
    const bool enough = u128{rate} * Ppm::one >= wanted;
    judgement.verdict = enough ? Verdict::passed : Verdict::below_rate;
    judgement.reason = "rate " + in_hs(rate) + (enough ? " reaches " : " is below ") +
                       percent(check.theta) + " of the baseline " + in_hs(baseline) + " (needed " +
                       grouped((wanted + Ppm::one - 1) / Ppm::one) + ")";
    return judgement;
}

Judgement judge_missed(const Check& check, std::uint64_t baseline) {
    return {.verdict = Verdict::missed,
            .baseline = baseline,
            .reason = "no answer by the deadline, " + in_ms(check.deadline - check.start) +
                      " after the start"};
}

std::uint64_t baseline(std::span<const std::uint64_t> roll_call_rates,
                       std::optional<std::uint64_t> calibration) {
    if (roll_call_rates.empty()) return calibration.value_or(0);
    const auto last = roll_call_rates.last(std::min(rates_in_baseline, roll_call_rates.size()));
    std::vector<std::uint64_t> rates{last.begin(), last.end()};
    const auto middle = rates.begin() + static_cast<std::ptrdiff_t>((rates.size() - 1) / 2);
    std::nth_element(rates.begin(), middle, rates.end());
    return *middle;
}

}  // namespace vigil
