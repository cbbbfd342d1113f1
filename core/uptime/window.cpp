#include "core/uptime/window.hpp"

#include <algorithm>

#include "core/base/readable.hpp"
#include "core/base/require.hpp"

namespace vigil {
namespace {

bool counts_as_miss(Verdict verdict) {
    switch (verdict) {
        case Verdict::missed:
        case Verdict::late:
        case Verdict::below_rate:
        case Verdict::bad_proof:
            return true;
        case Verdict::passed:
        case Verdict::voided:
        case Verdict::maintenance:
        case Verdict::busy:
            return false;
    }
    require(false, "a verdict out of its enumeration");
    return false;
}

/// "1 of 5 other checks failed (at most 1 allowed)"
std::string misses_text(std::uint32_t misses, std::size_t checks, const Policy& policy) {
    return grouped(misses) + " of " + grouped(checks) + " other checks failed (at most " +
           grouped(policy.max_missed_checks) + " allowed)";
}

}  // namespace

std::string_view to_string(WindowOutcome outcome) {
    switch (outcome) {
        case WindowOutcome::complete:
            return "complete";
        case WindowOutcome::incomplete:
            return "incomplete";
        case WindowOutcome::voided:
            return "void";
        case WindowOutcome::maintenance:
            return "maintenance";
        case WindowOutcome::busy:
            return "busy";
        case WindowOutcome::unenrolled:
            return "unenrolled";
    }
    require(false, "a window outcome out of its enumeration");
    return {};
}

bool enrolled_through(const Span& window, Instant enrolled, std::optional<Instant> retired) {
    return enrolled <= window.begin && (!retired || *retired >= window.end);
}

WindowResult window_result(std::optional<Verdict> roll_call, std::span<const Verdict> others,
                           const Policy& policy) {
    const auto misses =
        static_cast<std::uint32_t>(std::count_if(others.begin(), others.end(), counts_as_miss));
    const auto result = [misses](WindowOutcome outcome, std::string reason) {
        return WindowResult{outcome, misses, std::move(reason)};
    };
    if (!roll_call)
        return result(WindowOutcome::unenrolled, "not enrolled through the whole window");
    switch (*roll_call) {
        case Verdict::passed:
            return misses <= policy.max_missed_checks
                       ? result(WindowOutcome::complete,
                                "roll call passed; " + misses_text(misses, others.size(), policy))
                       : result(
                             WindowOutcome::incomplete,
                             "roll call passed, but " + misses_text(misses, others.size(), policy));
        case Verdict::voided:
            return result(WindowOutcome::voided, "the roll call is void");
        case Verdict::maintenance:
            return result(WindowOutcome::maintenance, "announced maintenance at the roll call");
        case Verdict::busy:
            return result(WindowOutcome::busy, "announced busy at the roll call");
        case Verdict::below_rate:
        case Verdict::late:
        case Verdict::bad_proof:
        case Verdict::missed:
            return result(WindowOutcome::incomplete,
                          "roll call " + std::string{to_string(*roll_call)});
    }
    require(false, "a verdict out of its enumeration");
    return {};
}

}  // namespace vigil
