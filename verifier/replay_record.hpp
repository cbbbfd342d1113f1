#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <variant>
#include <vector>

#include "verifier/store/store.hpp"

namespace vigil::verifier {

/// What came from outside, as the record holds it.
using RecordEvent = std::variant<EnrolmentEntry, CalibrationRecord, StoredAnswer>;

/// Reads a store's record in order of time. At one moment requests come before calibrations and
/// those before answers, because each needs the other. Requests keep the order they were recorded
/// in. Holds at most 95 answers of each of the 256 buckets, and the calibrations of two `chunk`s.
///
/// Reads one snapshot until it is told of another, in which it looks for what was added. Answers
/// and requests are numbered as they were recorded, so nothing added is missed; a calibration is
/// missed when it was recorded more than a `chunk` after its time.
class RecordReader {
public:
    /// `missing(bucket, number)`: told of answers whose numbers are not there.
    RecordReader(Milliseconds chunk, std::function<void(int bucket, std::int64_t number)> missing);

    /// From now on reads this snapshot, which is as new as the one before or newer.
    void look_again(Reader& reader);

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

    const Milliseconds chunk_;
    const std::function<void(int, std::int64_t)> missing_;
    Reader* reader_ = nullptr;
    std::deque<EnrolmentEntry> requests_;
    std::int64_t requests_to_{};      ///< number before the page that is read
    std::size_t requests_of_page_{};  ///< taken from it so far
    bool requests_at_end_{};
    std::optional<Instant> request_time_;  ///< of the next request; nothing: to be found
    std::deque<CalibrationRecord> calibrations_;
    Instant calibrations_to_{Instant::min()};
    std::optional<Instant> reached_;  ///< the latest time that was asked for
    /// Calibrations given out that were issued at most a chunk before.
    std::set<std::tuple<Instant, DeviceRef, std::uint64_t>> given_;
    std::array<Bucket, 256> buckets_{};
    std::map<Place, StoredAnswer> answers_;
};

}  // namespace vigil::verifier
