#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/uptime/availability.hpp"
#include "verifier/schedule.hpp"

namespace vigil::verifier {

/// What the closing of a window adds to the books for some devices.
struct OutcomePart {
    std::vector<VerdictRecord> missed;
    std::vector<VoidRecord> voids;
    std::vector<WindowRecord> windows;  ///< one for each device enrolled before the window's end
    /// Final verdicts that did not come from an answer: missed, and what a rule made void.
    std::vector<VerdictRecord> decided;

    std::size_t rows() const { return missed.size() + voids.size() + windows.size(); }
    void append(OutcomePart part);
};

/// Decides a window whose record is frozen (protocol 5.9, 6): first every device is counted, then
/// the rules about the whole fleet are asked, then each device is decided. All of it follows from
/// the record and the time of closing, so it may be done again, in part, and by several verifiers.
///
/// Fleet fault (5.9 b) counts verdicts as they were judged, before any void: a fleet that stays
/// away is excused once, not for ever.
class WindowDecision {
public:
    /// `heartbeats`: ascending, with the last before the window and the first after it.
    WindowDecision(const Schedule& schedule, std::shared_ptr<const WindowPlan> plan,
                   std::vector<Instant> heartbeats, Instant closed);

    /// A bucket's devices. `checks` by device, kind, ref; `missed_before`: those that missed the
    /// last fleet check before the window, ascending.
    void count(std::span<const BooksDevice> devices, std::span<const JudgedCheck> checks,
               std::span<const std::int64_t> missed_before);
    void ask_about_the_fleet();
    /// `checks`: this device's. Reads what only few devices need.
    void decide(Reader& reader, const BooksDevice& device, std::span<const JudgedCheck> checks,
                OutcomePart& out) const;

    const WindowPlan& plan() const { return *plan_; }
    Instant closed() const { return closed_; }

private:
    /// A check, as far as deciding it needs.
    struct Expected {
        CheckKind kind{};
        std::uint64_t ref{};
        Instant start, deadline;
        const FleetCheck* fleet{};
    };

    std::vector<Expected> expected_of(const RosterDevice& device) const;
    std::optional<std::string> verifier_fault_at(Instant start, Instant deadline) const;
    std::optional<std::string> void_reason(Verdict verdict, const Expected& check) const;
    VerdictRecord missed(Reader& reader, const BooksDevice& device, const RosterDevice& scheduled,
                         const Expected& check) const;
    WindowRecord outcome(const BooksDevice& device, const std::optional<JudgedCheck>& roll_call,
                         std::span<const Verdict> others, const std::string& void_reason) const;
    bool through(const BooksDevice& device) const;

    const Schedule& schedule_;
    const std::shared_ptr<const WindowPlan> plan_;
    const std::vector<Instant> heartbeats_;
    const Instant closed_;
    std::vector<FleetTurnout> turnouts_;       ///< in the order of plan_->fleet
    std::map<SlotIndex, std::string> faults_;  ///< of fleet checks
};

/// What Schedule needs of a device, and no more.
RosterDevice as_scheduled(const BooksDevice& device);

/// Those of a bucket's checks that are a device's.
std::span<const JudgedCheck> checks_of(std::span<const JudgedCheck> checks, std::int64_t device);

}  // namespace vigil::verifier
