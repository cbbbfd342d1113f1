#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <tuple>
#include <vector>

#include "verifier/store/sql/queries.hpp"

namespace vigil::verifier::sql {

/// What becomes of answers that are recorded in one transaction: told what the store says about
/// them, it decides on one after the other, then writes the rows of all that are new, table by
/// table and bucket by bucket, so that neighbours are written together. Their buckets are held.
class Recording {
public:
    explicit Recording(std::optional<WindowIndex> closed_up_to) : closed_up_to_{closed_up_to} {}

    bool knows_numbers_of(std::uint8_t bucket) const { return last_numbers_[bucket] >= 0; }
    void numbered_up_to(std::uint8_t bucket, std::int64_t last) { last_numbers_[bucket] = last; }
    /// `answer`: its number, or no_answer: the check has a verdict and no answer.
    void taken(const CheckClaim& claim, std::int64_t answer) {
        std::int64_t& by = takers_.try_emplace(key(claim), answer).first->second;
        by = std::max(by, answer);
    }

    /// The bucket's numbers and what was taken of its claims must have been told. `answer` outlives
    /// write().
    AnswerFate decide(Connection& db, const AnswerRecord& answer);
    void write(Connection& db);

private:
    using Key = std::tuple<DeviceRef, std::uint64_t, CheckKind>;
    static Key key(const CheckClaim& claim) { return {claim.device, claim.ref, claim.kind}; }
    static std::array<std::int64_t, buckets> unknown() {
        std::array<std::int64_t, buckets> all{};
        all.fill(-1);
        return all;
    }
    const AnswerRecord* fresh(std::uint8_t bucket, std::int64_t number) const;

    const std::optional<WindowIndex> closed_up_to_;
    std::array<std::int64_t, buckets> last_numbers_ = unknown();
    std::map<Key, std::int64_t> takers_;  ///< the number of the answer that took a check
    std::vector<NumberedAnswer> fresh_;
};

}  // namespace vigil::verifier::sql
