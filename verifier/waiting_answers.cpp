#include "verifier/waiting_answers.hpp"

#include <unordered_map>

#include "core/base/require.hpp"
#include "verifier/baselines.hpp"
#include "verifier/window_decision.hpp"

namespace vigil::verifier {
namespace {

constexpr std::size_t answers_at_once = 1'024;
constexpr std::size_t verdicts_per_write = 256;
constexpr int buckets = 256;

using Device = std::shared_ptr<const RosterDevice>;
using FindDevice = std::function<Device(const DeviceId&)>;
using Told = std::function<void(std::span<const VerdictRecord>)>;
using Guard = std::function<void(Transaction&)>;

VerdictRecord judged(const ScheduledCheck& scheduled, const Proof& proof, Instant received,
                     std::uint64_t baseline) {
    const Check& check = scheduled.check;
    return {.claim = scheduled.claim,
            .challenge = check.challenge,
            .start = check.start,
            .deadline = check.deadline,
            .received = received,
            .k = check.k,
            .theta = check.theta,
            .judgement = judge(check, proof.nonces, received, baseline)};
}

std::vector<VerdictRecord> judge_stored(Schedule& schedule, WindowIndex window,
                                        std::span<const StoredAnswer> waiting,
                                        const FindDevice& device_with) {
    std::vector<VerdictRecord> verdicts;
    const Instant begin = schedule.calendar().span(window).begin;
    for (const StoredAnswer& stored : waiting) {
        const auto answer = answer_from_signed_bytes(schedule.network(), stored.signed_bytes);
        require(answer.has_value(), "a recorded answer can be read back");
        for (const Proof& proof : answer->proofs) {
            const Device device = device_with(proof.device);
            if (!device) continue;
            const auto check = schedule.find(*device, proof.challenge, stored.received);
            // A calibration never waits; it was judged when it came, and may have been replaced
            // since.
            if (!check || check->claim.window != window ||
                check->claim.kind == CheckKind::calibration)
                continue;
            verdicts.push_back(judged(*check, proof, stored.received, device->baseline_for(begin)));
        }
    }
    return verdicts;
}

void write_verdicts(Store& store, std::span<const VerdictRecord> verdicts, const Guard& guard,
                    const Told& told) {
    const bool across_buckets = store.writes_across_buckets();
    while (!verdicts.empty()) {
        std::size_t size = 0;
        while (size < std::min(verdicts.size(), verdicts_per_write) &&
               (across_buckets ||
                verdicts[size].claim.device.bucket == verdicts[0].claim.device.bucket))
            ++size;
        const auto part = verdicts.first(size);
        store.write([&](Transaction& tx) {
            if (guard) guard(tx);
            tx.add_verdicts(part);
        });
        if (told) told(part);
        verdicts = verdicts.subspan(size);
    }
}

/// The bucket's devices, with the baselines that judge the window after the last closed one.
class DevicesOfBucket {
public:
    DevicesOfBucket(Reader& reader, std::uint8_t bucket)
        : reader_{reader}, devices_{reader.books_devices(bucket)}, window_{window_length(reader)} {
        for (const BooksDevice& device : devices_) by_id_.emplace(device.id, &device);
    }

    Device operator()(const DeviceId& id) const {
        const auto known = by_id_.find(id);
        if (known == by_id_.end()) return nullptr;
        const BooksDevice& device = *known->second;
        auto out = std::make_shared<RosterDevice>(as_scheduled(device));
        if (!device.roll_call_rates.empty())
            out->roll_call_baseline = baseline(device.roll_call_rates, std::nullopt);
        else if (device.calibration_rate)
            out->calibrated = read_calibrated(reader_, device.ref, window_);
        return out;
    }

private:
    Reader& reader_;
    const std::vector<BooksDevice> devices_;
    const Milliseconds window_;
    std::unordered_map<DeviceId, const BooksDevice*, FirstBytes> by_id_;
};

std::string unjudgeable_text(const StoredAnswer& answer, const Span& window) {
    return "answer " + to_hex(answer.id) + ", received at " +
           std::to_string(to_ms(answer.received)) +
           " ms, was recorded for the window that began at " + std::to_string(to_ms(window.begin)) +
           " ms, but answers no check that follows from the policies and day keys of the store, so "
           "the window is not closed; the store was changed from outside or is damaged: stop the "
           "verifier, restore the last copy of the store, and run audit on it";
}

}  // namespace

void judge_waiting(Store& store, Roster& roster, Schedule& schedule, WindowIndex window,
                   const Told& told) {
    const FindDevice device_with = [&](const DeviceId& id) { return roster.device(id); };
    for (int bucket = 0; bucket < buckets;) {
        std::vector<StoredAnswer> waiting;
        int end = bucket;
        store.read([&](Reader& reader) {
            waiting.clear();
            for (end = bucket; end < buckets && waiting.size() < answers_at_once; ++end)
                for (StoredAnswer& answer :
                     reader.unjudged_answers_in(static_cast<std::uint8_t>(end), window))
                    waiting.push_back(std::move(answer));
        });
        // What cannot be judged is told when the window is closed.
        write_verdicts(store, judge_stored(schedule, window, waiting, device_with), {}, told);
        bucket = end;
    }
}

void judge_all_waiting(Store& store, Schedule& schedule, WindowIndex window, std::uint8_t bucket,
                       const Guard& guard, const Told& told) {
    std::vector<VerdictRecord> verdicts;
    bool waited = false;
    store.read([&](Reader& reader) {
        verdicts.clear();
        const auto waiting = reader.unjudged_answers_in(bucket, window);
        waited = !waiting.empty();
        if (!waited) return;
        const DevicesOfBucket devices{reader, bucket};
        verdicts = judge_stored(schedule, window, waiting,
                                [&](const DeviceId& id) { return devices(id); });
    });
    if (!waited) return;
    write_verdicts(store, verdicts, guard, told);
    store.read([&](Reader& reader) {
        const auto left = reader.unjudged_answers_in(bucket, window);
        if (!left.empty())
            throw StoreFailed{unjudgeable_text(left.front(), schedule.calendar().span(window))};
    });
}

}  // namespace vigil::verifier
