#include "verifier/replay_record.hpp"

#include <algorithm>

namespace vigil::verifier {
namespace {

constexpr std::int64_t requests_a_page = 500;
/// Requests are recorded one at a time, but may wait for their turn: one that was received earlier
/// may stand this far behind. Those before it are taken with it, so that nothing that needs it
/// comes first.
constexpr std::size_t requests_ahead = 64;
constexpr int answers_a_page = 64;
/// Answers of a bucket were recorded nearly in the order they were received: so far apart at most.
constexpr int answers_ahead = 32;

}  // namespace

RecordReader::RecordReader(Milliseconds chunk, std::function<void(int, std::int64_t)> missing)
    : chunk_{chunk}, missing_{std::move(missing)} {}

void RecordReader::look_again(Reader& reader) {
    reader_ = &reader;
    requests_at_end_ = false;
    request_time_.reset();
    calibrations_.clear();
    if (reached_) {
        calibrations_to_ = *reached_ - chunk_;
        given_.erase(given_.begin(), given_.lower_bound({calibrations_to_, {}, 0}));
    }
    for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
        buckets_[bucket].at_end = false;
        fill(static_cast<std::uint8_t>(bucket));
    }
}

void RecordReader::fill(std::uint8_t number) {
    Bucket& bucket = buckets_[number];
    while (!bucket.at_end && bucket.waiting < answers_ahead) {
        auto page = reader_->answers_after(number, bucket.read_to, answers_a_page);
        bucket.at_end = std::ssize(page) < answers_a_page;
        for (StoredAnswer& answer : page) {
            if (answer.number != bucket.read_to + 1) missing_(number, bucket.read_to + 1);
            bucket.read_to = answer.number;
            ++bucket.waiting;
            const Place place{answer.received, number, answer.number};
            answers_.emplace(place, std::move(answer));
        }
    }
}

StoredAnswer RecordReader::take(std::map<Place, StoredAnswer>::iterator at) {
    const std::uint8_t bucket = at->first.bucket;
    StoredAnswer answer = std::move(at->second);
    answers_.erase(at);
    --buckets_[bucket].waiting;
    fill(bucket);
    return answer;
}

std::optional<Instant> RecordReader::next_request() {
    while (requests_.size() < requests_ahead && !requests_at_end_) {
        auto page = reader_->enrolments(requests_to_, requests_a_page);
        for (; requests_of_page_ < page.size(); ++requests_of_page_)
            requests_.push_back(std::move(page[requests_of_page_]));
        // A page that is not full is the last, unless numbers are missing.
        requests_at_end_ =
            std::ssize(page) < requests_a_page &&
            reader_->enrolments(requests_to_ + requests_a_page, requests_a_page).empty();
        if (requests_at_end_) break;
        requests_to_ += requests_a_page;
        requests_of_page_ = 0;
    }
    if (requests_.empty()) return std::nullopt;
    if (!request_time_) {
        const auto ahead = std::min(requests_.size(), requests_ahead);
        request_time_ = std::min_element(requests_.begin(),
                                         requests_.begin() + static_cast<std::ptrdiff_t>(ahead),
                                         [](const EnrolmentEntry& a, const EnrolmentEntry& b) {
                                             return a.received < b.received;
                                         })
                            ->received;
    }
    return request_time_;
}

std::optional<Instant> RecordReader::next_calibration(Instant until) {
    while (calibrations_.empty() && calibrations_to_ <= until) {
        const Instant from = calibrations_to_;
        calibrations_to_ = until + Milliseconds{1};
        if (from != Instant::min()) calibrations_to_ = std::max(calibrations_to_, from + chunk_);
        for (CalibrationRecord& calibration : reader_->calibrations(from, calibrations_to_))
            if (!given_.contains({calibration.issued, calibration.device, calibration.counter}))
                calibrations_.push_back(std::move(calibration));
    }
    if (calibrations_.empty()) return std::nullopt;
    return calibrations_.front().issued;
}

std::optional<RecordEvent> RecordReader::next(Instant until) {
    reached_ = until;
    const auto request = next_request();
    const auto calibration = next_calibration(until);
    std::optional<Instant> answer;
    if (!answers_.empty()) answer = answers_.begin()->first.received;

    constexpr auto never = Instant::max();
    const Instant first =
        std::min({request.value_or(never), calibration.value_or(never), answer.value_or(never)});
    if (first == never || first > until) return std::nullopt;
    if (request == first) {
        request_time_.reset();
        RecordEvent event{std::move(requests_.front())};
        requests_.pop_front();
        return event;
    }
    if (calibration == first) {
        const CalibrationRecord& given = calibrations_.front();
        given_.emplace(given.issued, given.device, given.counter);
        RecordEvent event{given};
        calibrations_.pop_front();
        return event;
    }
    return RecordEvent{take(answers_.begin())};
}

std::vector<StoredAnswer> RecordReader::take_answers(
    Instant after, Instant until, const std::function<bool(const StoredAnswer&)>& wanted) {
    std::vector<Place> places;
    for (auto at = answers_.upper_bound(Place{after, 255, INT64_MAX});
         at != answers_.end() && at->first.received <= until; ++at)
        if (wanted(at->second)) places.push_back(at->first);
    std::vector<StoredAnswer> taken;
    for (const Place& place : places) taken.push_back(take(answers_.find(place)));
    return taken;
}

}  // namespace vigil::verifier
