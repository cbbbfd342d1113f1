#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "verifier/store/records.hpp"

namespace vigil::verifier::web {

/// What is known of a device's checks since the last closed window and before.
struct Beat {
    std::optional<Instant> passed;  ///< start of the latest check that was passed
    std::optional<Instant> judged;  ///< start of the latest check that was answered
    Verdict verdict{};              ///< of that
};

/// How the fleet answered one roll call: the time from the start to the answer, in equal parts of
/// the time that was allowed.
struct RollCallAnswers {
    static constexpr std::size_t parts = 16;
    Instant start, deadline;
    std::array<std::uint32_t, parts> answers{};
    std::uint32_t passed{}, failed{};
    std::uint32_t answered() const { return passed + failed; }
};

/// The latest verdicts of answers, kept in memory so that pages can say what is going on without
/// asking the store. Any thread; note() takes the lock of the device's bucket for a moment.
class Pulse {
public:
    /// A verdict of an answer that counts; calibrations are passed over.
    void note(const VerdictRecord& verdict);
    Beat of(DeviceRef device) const;
    /// The latest roll call of which an answer was seen.
    std::optional<RollCallAnswers> last_roll_call() const;

private:
    struct Bucket {
        mutable std::mutex mutex;
        std::vector<Beat> beats;  ///< by number - 1; guarded by mutex
    };
    std::array<Bucket, 256> buckets_;
    mutable std::mutex mutex_;
    std::optional<RollCallAnswers> roll_call_;  ///< guarded by mutex_
};

}  // namespace vigil::verifier::web
