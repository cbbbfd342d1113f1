#include "verifier/replay_comparison.hpp"

#include <tuple>

namespace vigil::verifier::replaying {
namespace {

std::string text(std::uint64_t v) { return std::to_string(v); }
std::string text(std::uint32_t v) { return std::to_string(v); }
std::string text(bool v) { return v ? "yes" : "no"; }
std::string text(const std::string& v) { return '"' + v + '"'; }
std::string text(Instant v) { return std::to_string(to_ms(v)) + " ms"; }
std::string text(Ppm v) { return std::to_string(v.value) + " ppm"; }
std::string text(Micro v) { return to_string(v); }
std::string text(Verdict v) { return std::string{to_string(v)}; }
std::string text(WindowOutcome v) { return std::string{to_string(v)}; }
std::string text(DayOutcome v) { return std::string{to_string(v)}; }
std::string text(Backend v) { return std::string{to_string(v)}; }
template <class Tag>
std::string text(Index<Tag> v) {
    return std::to_string(v.value);
}
template <std::size_t N, class Tag>
std::string text(const FixedBytes<N, Tag>& v) {
    return to_hex(v);
}
template <class T>
std::string text(const std::optional<T>& v) {
    return v ? text(*v) : std::string{"none"};
}

/// The fields that differ, as words.
class Fields {
public:
    template <class T>
    Fields& field(const char* name, const T& recorded, const T& replayed) {
        if (recorded == replayed) return *this;
        if (!words_.empty()) words_ += "; ";
        words_ += std::string{name} + ": the record has " + text(recorded) + ", the replay " +
                  text(replayed);
        return *this;
    }
    std::string take() { return std::move(words_); }

private:
    std::string words_;
};

/// Walks two sorted lists together. `name(row)` begins a sentence, `differing(a, b)` ends it.
template <class Row, class Key, class Name, class Differing>
void walk(const std::vector<Row>& recorded, const std::vector<Row>& replayed, bool may_lack,
          Key key, Name name, Differing differing, ReplayReport& report) {
    auto a = recorded.begin();
    auto b = replayed.begin();
    while (a != recorded.end() || b != replayed.end()) {
        if (b == replayed.end() || (a != recorded.end() && key(*a) < key(*b))) {
            report.differ(
                [&] { return name(*a) + ": is in the record, but follows from nothing"; });
            ++a;
        } else if (a == recorded.end() || key(*b) < key(*a)) {
            if (!may_lack) report.differ([&] { return name(*b) + ": is missing in the record"; });
            ++b;
        } else {
            if (const std::string words = differing(*a, *b); !words.empty())
                report.differ([&] { return name(*a) + ": " + words; });
            ++a;
            ++b;
        }
    }
}

std::string differing_checks(const CheckRow& a, const CheckRow& b) {
    const VerdictRecord &x = a.verdict, &y = b.verdict;
    return Fields{}
        .field("challenge", x.challenge, y.challenge)
        .field("start", x.start, y.start)
        .field("deadline", x.deadline, y.deadline)
        .field("received", x.received, y.received)
        .field("k", x.k, y.k)
        .field("theta", x.theta, y.theta)
        .field("verdict", x.judgement.verdict, y.judgement.verdict)
        .field("work", x.judgement.work, y.judgement.work)
        .field("rate", x.judgement.rate, y.judgement.rate)
        .field("baseline", x.judgement.baseline, y.judgement.baseline)
        .field("void", a.voided.has_value(), b.voided.has_value())
        .take();
}

std::string differing_windows(const WindowRecord& a, const WindowRecord& b) {
    return Fields{}
        .field("outcome", a.outcome, b.outcome)
        .field("misses", a.misses, b.misses)
        .field("roll call rate", a.roll_call_rate, b.roll_call_rate)
        .field("counts for the baseline", a.roll_call_valid, b.roll_call_valid)
        .field("closed", a.closed, b.closed)
        .take();
}

std::string differing_days(const DayRecord& a, const DayRecord& b) {
    return Fields{}
        .field("outcome", a.outcome, b.outcome)
        .field("windows counted", a.counted, b.counted)
        .field("multiplier", a.multiplier, b.multiplier)
        .field("rate", a.rate, b.rate)
        .field("credit", a.credit, b.credit)
        .field("slashed", a.slashed, b.slashed)
        .field("grace used", a.grace_used, b.grace_used)
        .field("tier", a.tier, b.tier)
        .field("balance", a.after.balance, b.after.balance)
        .field("service days", a.after.service_days, b.after.service_days)
        .field("grace left", a.after.grace_left, b.after.grace_left)
        .field("down run", a.after.down_run, b.after.down_run)
        .field("baseline", a.baseline, b.baseline)
        .take();
}

std::string differing_nodes(const NodeRecord& a, const NodeRecord& b) {
    return Fields{}
        .field("id", a.id, b.id)
        .field("key", a.key, b.key)
        .field("payout address", a.payout, b.payout)
        .field("name", a.name, b.name)
        .field("region", a.region, b.region)
        .field("version", a.version, b.version)
        .field("sequence", a.sequence, b.sequence)
        .field("enrolled", a.enrolled, b.enrolled)
        .take();
}

std::string differing_devices(const DeviceRecord& a, const DeviceRecord& b) {
    return Fields{}
        .field("id", a.id, b.id)
        .field("uid", a.uid, b.uid)
        .field("model", a.model, b.model)
        .field("driver", a.driver, b.driver)
        .field("backend", a.backend, b.backend)
        .field("memory", a.memory_bytes, b.memory_bytes)
        .field("enrolled", a.enrolled, b.enrolled)
        .field("takes part since", a.active_from, b.active_from)
        .field("retired from day", a.retired_from, b.retired_from)
        .field("last request", a.request_sequence, b.request_sequence)
        .take();
}

}  // namespace

void compare_verdicts(const std::vector<CheckRow>& recorded, const std::vector<CheckRow>& replayed,
                      bool open, const NameDevice& name, ReplayReport& report) {
    report.verdicts += std::ssize(recorded);
    for (const CheckRow& row : recorded) report.voids += row.voided.has_value();
    walk(
        recorded, replayed, open,
        [](const CheckRow& row) {
            const CheckClaim& claim = row.verdict.claim;
            return std::tuple{claim.device, claim.kind, claim.ref};
        },
        [&](const CheckRow& row) {
            const CheckClaim& claim = row.verdict.claim;
            return "window " + text(claim.window) + ", " + name(claim.device) + ", verdict of " +
                   std::string{to_string(claim.kind)} + " " + text(claim.ref);
        },
        differing_checks, report);
}

void compare_windows(const std::vector<WindowRecord>& recorded,
                     const std::vector<WindowRecord>& replayed, const NameDevice& name,
                     ReplayReport& report) {
    report.outcomes += std::ssize(recorded);
    walk(
        recorded, replayed, false,
        [](const WindowRecord& row) {
            return std::tuple{row.device, row.window};
        },
        [&](const WindowRecord& row) {
            return "window " + text(row.window) + ", " + name(row.device) + ", its outcome";
        },
        differing_windows, report);
}

void compare_days(const std::vector<DayRecord>& recorded, const std::vector<DayRecord>& replayed,
                  const NameDevice& name, ReplayReport& report) {
    report.day_rows += std::ssize(recorded);
    walk(
        recorded, replayed, false, [](const DayRecord& row) { return row.device; },
        [&](const DayRecord& row) {
            return "day " + text(row.day) + ", " + name(row.device) + ", its settlement";
        },
        differing_days, report);
}

void compare_calibrations_issued(const std::vector<CalibrationRecord>& recorded,
                                 const std::vector<CalibrationRecord>& replayed,
                                 const NameDevice& name, ReplayReport& report) {
    walk(
        recorded, replayed, false, [](const CalibrationRecord& row) { return row.device; },
        [&](const CalibrationRecord& row) { return name(row.device) + ", its last calibration"; },
        [](const CalibrationRecord& a, const CalibrationRecord& b) {
            return Fields{}
                .field("number", a.counter, b.counter)
                .field("beacon", a.beacon, b.beacon)
                .field("issued", a.issued, b.issued)
                .take();
        },
        report);
}

void compare_settled(const SettledDay& recorded, const SettledDay& replayed, ReplayReport& report) {
    if (recorded.state_hash == replayed.state_hash && recorded.devices == replayed.devices) return;
    report.differ([&] {
        return "day " + text(recorded.day) + ": state_hash: the record has " +
               text(recorded.state_hash) + " of " + std::to_string(recorded.devices) +
               " devices, the replay " + text(replayed.state_hash) + " of " +
               std::to_string(replayed.devices);
    });
}

void compare_nodes(const std::vector<NodeRecord>& recorded, const std::vector<NodeRecord>& replayed,
                   ReplayReport& report) {
    walk(
        recorded, replayed, false, [](const NodeRecord& row) { return row.ref; },
        [](const NodeRecord& row) { return "node " + to_hex(row.id); }, differing_nodes, report);
}

void compare_devices(const std::vector<DeviceRecord>& recorded,
                     const std::vector<DeviceRecord>& replayed, ReplayReport& report) {
    walk(
        recorded, replayed, false, [](const DeviceRecord& row) { return row.ref; },
        [](const DeviceRecord& row) { return "device " + to_hex(row.id); }, differing_devices,
        report);
}

}  // namespace vigil::verifier::replaying
