#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <variant>
#include <vector>

#include "verifier/store/store.hpp"

namespace vigil::verifier {

/// What came from outside, as the record holds it.
using RecordEvent = std::variant<EnrolmentEntry, CalibrationRecord, StoredAnswer>;

/// Reads a store's record in order of time. At one moment requests come before calibrations and
/// those before answers, because each needs the other. Requests keep the order they were recorded
/// in. Holds at most 64 answers of each of the 256 buckets, and the calibrations of `chunk`.
class RecordReader {
public:
    /// `missing(bucket, number)`: told of answers whose numbers are not there.
    RecordReader(Reader& reader, Milliseconds chunk,
                 std::function<void(int bucket, std::int64_t number)> missing);

    /// The next event that happened by `until`; nothing: there is none.
    std::optional<RecordEvent> next(Instant until);
    /// Answers received in (after, until] that `wanted` picks, out of their turn.
    std::vector<StoredAnswer> take_answers(Instant after, Instant until,
                                           const std::function<bool(const StoredAnswer&)>& wanted);

private:
    struct Bucket {
        std::int64_t read_to{};
        int waiting{};
        bool at_end{};
    };
    struct Place {
        Instant received;
        std::uint8_t bucket{};
        std::int64_t number{};
        friend auto operator<=>(const Place&, const Place&) = default;
    };

    std::optional<Instant> next_request();
    std::optional<Instant> next_calibration(Instant until);
    StoredAnswer take(std::map<Place, StoredAnswer>::iterator at);
    void fill(std::uint8_t bucket);

    Reader& reader_;
    const Milliseconds chunk_;
    const std::function<void(int, std::int64_t)> missing_;
    std::deque<EnrolmentEntry> requests_;
    std::int64_t requests_to_{};
    bool requests_at_end_{};
    std::optional<Instant> request_time_;  ///< of the next request; nothing: to be found
    std::deque<CalibrationRecord> calibrations_;
    Instant calibrations_to_{Instant::min()};
    std::array<Bucket, 256> buckets_{};
    std::map<Place, StoredAnswer> answers_;
};

}  // namespace vigil::verifier
