#include "tests/store/samples.hpp"

#include <sstream>

namespace vigil::verifier::samples {
namespace {

/// Fields one after another, so that a difference names itself in a test's output.
class Line {
public:
    template <class T>
    Line& add(const char* name, const T& value) {
        out_ << name << '=';
        put(value);
        out_ << ' ';
        return *this;
    }
    std::string str() const { return out_.str(); }

private:
    void put(std::int64_t v) { out_ << v; }
    void put(std::uint64_t v) { out_ << v; }
    void put(std::uint32_t v) { out_ << v; }
    void put(bool v) { out_ << v; }
    void put(const std::string& v) { out_ << '"' << v << '"'; }
    void put(Instant v) { out_ << to_ms(v); }
    void put(Ppm v) { out_ << v.value; }
    void put(Micro v) { out_ << to_string(v); }
    void put(const ByteVector& v) { out_ << to_hex(v); }
    void put(NodeRef v) { out_ << int{v.bucket} << '/' << v.number; }
    void put(DeviceRef v) { out_ << int{v.bucket} << '/' << v.number; }
    template <class Tag>
    void put(Index<Tag> v) {
        out_ << v.value;
    }
    template <std::size_t N, class Tag>
    void put(const FixedBytes<N, Tag>& v) {
        out_ << to_hex(v);
    }
    template <class T>
    void put(const std::optional<T>& v) {
        if (v) {
            put(*v);
        } else {
            out_ << "none";
        }
    }
    template <class T>
    requires std::is_enum_v<T>
    void put(T v) { out_ << static_cast<int>(v); }

    std::ostringstream out_;
};

}  // namespace

NodeRecord node(std::uint8_t bucket, std::uint64_t n) {
    return {.ref = {},
            .id = bytes<NodeId>(bucket, n),
            .key = bytes<PublicKey>(1, n),
            .payout = bytes<PayoutAddress>(2, n),
            .name = "node " + std::to_string(n),
            .region = "eu-north \u00e9",
            .version = "0.1.0",
            .sequence = n + 7,
            .enrolled = at(static_cast<std::int64_t>(n))};
}

DeviceRecord device(std::uint8_t bucket, std::uint64_t n) {
    return {.ref = {},
            .node = {},
            .id = bytes<DeviceId>(bucket, n),
            .uid = "GPU-" + std::to_string(n),
            .model = "A model",
            .driver = "580.1",
            .backend = Backend::cuda,
            .memory_bytes = 24'000'000'000 + n,
            .enrolled = at(static_cast<std::int64_t>(n)),
            .active_from = at(static_cast<std::int64_t>(n)),
            .retired_from = std::nullopt,
            .request_sequence = 0};
}

EnrolmentEntry entry(const NodeId& node, std::int64_t ms) {
    std::string content = "signed";
    content += std::string{"\0\xff bytes ", 9} + std::to_string(ms);  // not UTF-8
    return {.kind = EnrolmentEntry::Kind::enrol,
            .node = node,
            .received = at(ms),
            .content = content,
            .signature = bytes<Signature>(3, static_cast<std::uint64_t>(ms))};
}

Enrolled enrol(Store& store, std::uint8_t bucket, std::uint64_t n, std::size_t device_count) {
    Enrolled out;
    store.write([&](Transaction& tx) {
        out = {.node = node(bucket, n), .devices = {}};
        for (std::size_t i = 0; i < device_count; ++i)
            out.devices.push_back(device(bucket, n * 100 + i));
        tx.enrol(entry(out.node.id, static_cast<std::int64_t>(n)), out.node, out.devices);
    });
    return out;
}

CheckClaim hourly(DeviceRef device, std::uint64_t ref) {
    return {.device = device,
            .window = {static_cast<std::int64_t>(ref / 4)},
            .kind = CheckKind::hourly,
            .ref = ref};
}

VerdictRecord verdict(const CheckClaim& claim, Verdict verdict) {
    const auto start = static_cast<std::int64_t>(claim.ref) * 3'600'000;
    return {.claim = claim,
            .challenge = bytes<Challenge>(4, claim.ref),
            .start = instant_from_ms(start),
            .deadline = instant_from_ms(start + 14'000),
            .received = verdict == Verdict::missed ? std::nullopt
                                                   : std::optional{instant_from_ms(start + 2'100)},
            .k = 64,
            .theta = {500'000},
            .judgement = {.verdict = verdict,
                          .work = 1'000'000 + claim.ref,
                          .rate = 500'000 + claim.ref,
                          .baseline = 490'000,
                          .reason = "reason of " + std::to_string(claim.ref)}};
}

AnswerRecord answer(NodeRef node, std::vector<CheckClaim> claims, std::uint64_t n) {
    AnswerRecord out{.node = node,
                     .id = bytes<AnswerId>(5, n),
                     .received = at(static_cast<std::int64_t>(n)),
                     .received_in = claims.front().window,
                     .signed_bytes = ByteVector(48, static_cast<std::uint8_t>(n)),
                     .signature = bytes<Signature>(6, n),
                     .claims = std::move(claims),
                     .verdicts = {}};
    for (const CheckClaim& claim : out.claims) out.verdicts.push_back(verdict(claim));
    return out;
}

AnswerRecord unjudged(AnswerRecord answer) {
    answer.verdicts.clear();
    return answer;
}

WindowRecord window(DeviceRef device, std::int64_t window, std::uint64_t rate, bool valid) {
    return {.device = device,
            .window = {window},
            .outcome = valid ? WindowOutcome::complete : WindowOutcome::incomplete,
            .misses = 1,
            .roll_call_rate = rate,
            .roll_call_valid = valid,
            .reason = "window " + std::to_string(window),
            .closed = at(window)};
}

DayRecord day(DeviceRef device, std::int64_t day, std::uint64_t balance) {
    return {
        .device = device,
        .day = {day},
        .outcome = DayOutcome::down,
        .counted = 5,
        .multiplier = {3'031'360},
        .rate = 77,
        .credit = Micro{12},
        .slashed = Micro{3},
        .grace_used = true,
        .tier = 6,
        .after = {.balance = Micro{balance}, .service_days = 29, .grace_left = 1, .down_run = 2},
        .baseline = 99,
        .reason = "day " + std::to_string(day)};
}

SettledDay settled(std::int64_t day) {
    return {.day = {day},
            .state_hash = bytes<Hash>(8, static_cast<std::uint64_t>(day)),
            .devices = 3,
            .settled = at(day)};
}

AnswerFate record(Store& store, const AnswerRecord& answer) {
    AnswerFate fate;
    store.write([&](Transaction& tx) { fate = tx.record(answer); });
    return fate;
}

void close(Store& store, std::int64_t window, const std::vector<WindowRecord>& windows) {
    store.write([&](Transaction& tx) { tx.close_window({window}, at(window), {}, {}, windows); });
}

std::string text(const NodeRecord& n) {
    return Line{}
        .add("ref", n.ref)
        .add("id", n.id)
        .add("key", n.key)
        .add("payout", n.payout)
        .add("name", n.name)
        .add("region", n.region)
        .add("version", n.version)
        .add("sequence", n.sequence)
        .add("enrolled", n.enrolled)
        .str();
}

std::string text(const DeviceRecord& d) {
    return Line{}
        .add("ref", d.ref)
        .add("node", d.node)
        .add("id", d.id)
        .add("uid", d.uid)
        .add("model", d.model)
        .add("driver", d.driver)
        .add("backend", d.backend)
        .add("memory", d.memory_bytes)
        .add("enrolled", d.enrolled)
        .add("active", d.active_from)
        .add("retired", d.retired_from)
        .add("sequence", d.request_sequence)
        .str();
}

std::string text(const EnrolmentEntry& e) {
    return Line{}
        .add("kind", e.kind)
        .add("node", e.node)
        .add("received", e.received)
        .add("content", e.content)
        .add("signature", e.signature)
        .str();
}

std::string text(const CheckClaim& c) {
    return Line{}
        .add("device", c.device)
        .add("window", c.window)
        .add("kind", c.kind)
        .add("ref", c.ref)
        .str();
}

std::string text(const VerdictRecord& v) {
    return text(v.claim) + Line{}
                               .add("challenge", v.challenge)
                               .add("start", v.start)
                               .add("deadline", v.deadline)
                               .add("received", v.received)
                               .add("k", v.k)
                               .add("theta", v.theta)
                               .add("verdict", v.judgement.verdict)
                               .add("work", v.judgement.work)
                               .add("rate", v.judgement.rate)
                               .add("baseline", v.judgement.baseline)
                               .add("reason", v.judgement.reason)
                               .str();
}

std::string text(const CheckRow& c) {
    return text(c.verdict) + Line{}.add("voided", c.voided).str();
}

std::string text(const StoredAnswer& a) {
    return Line{}
        .add("number", a.number)
        .add("node", a.node)
        .add("id", a.id)
        .add("received", a.received)
        .add("signed", a.signed_bytes)
        .add("signature", a.signature)
        .str();
}

std::string text(const WindowRecord& w) {
    return Line{}
        .add("device", w.device)
        .add("window", w.window)
        .add("outcome", w.outcome)
        .add("misses", w.misses)
        .add("rate", w.roll_call_rate)
        .add("valid", w.roll_call_valid)
        .add("reason", w.reason)
        .add("closed", w.closed)
        .str();
}

std::string text(const DayRecord& d) {
    return Line{}
        .add("device", d.device)
        .add("day", d.day)
        .add("outcome", d.outcome)
        .add("counted", d.counted)
        .add("multiplier", d.multiplier)
        .add("rate", d.rate)
        .add("credit", d.credit)
        .add("slashed", d.slashed)
        .add("grace", d.grace_used)
        .add("tier", d.tier)
        .add("balance", d.after.balance)
        .add("service", d.after.service_days)
        .add("grace_left", d.after.grace_left)
        .add("down_run", d.after.down_run)
        .add("baseline", d.baseline)
        .add("reason", d.reason)
        .str();
}

}  // namespace vigil::verifier::samples
