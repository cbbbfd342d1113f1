#include "verifier/store/sql/recording.hpp"

#include <algorithm>

#include "core/base/require.hpp"

namespace vigil::verifier::sql {

const AnswerRecord* Recording::fresh(std::uint8_t bucket, std::int64_t number) const {
    const auto found = std::ranges::find_if(fresh_, [&](const NumberedAnswer& one) {
        return one.number == number && one.answer->node.bucket == bucket;
    });
    return found == fresh_.end() ? nullptr : found->answer;
}

AnswerFate Recording::decide(Connection& db, const AnswerRecord& answer) {
    const std::uint8_t bucket = answer.node.bucket;
    require(knows_numbers_of(bucket), "whoever records answers knows their bucket's numbers");
    std::optional<std::int64_t> first_taken;
    bool by_one = true;  // one earlier answer took all the claims
    bool closed = false;
    for (const CheckClaim& claim : answer.claims) {
        const auto by = takers_.find(key(claim));
        const bool decided = by != takers_.end();
        const bool taken = decided && by->second != no_answer;
        if (taken && !first_taken) first_taken = by->second;
        by_one = by_one && taken && by->second == first_taken;
        closed = closed || (!taken && (decided || comes_too_late(answer, claim, closed_up_to_)));
    }
    if (first_taken) {
        const auto kind = by_one ? AnswerFate::Kind::repeated : AnswerFate::Kind::contradicted;
        const AnswerRecord* const here = fresh(bucket, *first_taken);
        if (here == nullptr) return decided_by(db, kind, bucket, *first_taken);
        return {kind, here->received, here->id};
    }
    if (closed) return {AnswerFate::Kind::closed, answer.received, answer.id};
    const std::int64_t number = ++last_numbers_[bucket];
    for (const CheckClaim& claim : answer.claims) taken(claim, number);
    fresh_.push_back({&answer, number});
    return {AnswerFate::Kind::recorded, answer.received, answer.id};
}

void Recording::write(Connection& db) {
    std::ranges::stable_sort(fresh_, {},
                             [](const NumberedAnswer& one) { return one.answer->node.bucket; });
    insert_answers(db, fresh_);
}

}  // namespace vigil::verifier::sql
