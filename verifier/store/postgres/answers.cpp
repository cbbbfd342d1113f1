#include "verifier/store/postgres/answers.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "core/base/require.hpp"
#include "verifier/store/sql/queries.hpp"

namespace vigil::verifier::postgres {
namespace {

using sql::NumberedAnswer;
using sql::row;
using sql::Value;

template <std::size_t N>
void append(std::vector<Value>& rows, const std::array<Value, N>& one) {
    rows.insert(rows.end(), one.begin(), one.end());
}

/// What answers take or have taken: a check, and the number of the answer.
class Taken {
public:
    void add(const CheckClaim& claim, std::int64_t answer) { by_.emplace(key(claim), answer); }
    std::optional<std::int64_t> answer(const CheckClaim& claim) const {
        const auto found = by_.find(key(claim));
        return found == by_.end() ? std::nullopt : std::optional{found->second};
    }

private:
    using Key = std::tuple<DeviceRef, std::uint64_t, CheckKind>;
    static Key key(const CheckClaim& claim) { return {claim.device, claim.ref, claim.kind}; }
    std::map<Key, std::int64_t> by_;
};

/// What the store says about the checks of these answers, read while their buckets are held.
struct Before {
    Taken taken;
    std::map<int, std::int64_t> last_number;
    std::optional<WindowIndex> closed_up_to;
};

Before hold_and_read(Connection& db, std::span<const AnswerRecord* const> answers) {
    std::vector<std::uint8_t> buckets;
    std::vector<const CheckClaim*> claims;
    for (const AnswerRecord* answer : answers) {
        require(!answer->claims.empty(), "an answer claims at least one check");
        buckets.push_back(answer->node.bucket);
        for (const CheckClaim& claim : answer->claims) {
            require(claim.device.bucket == answer->node.bucket,
                    "a node answers for its own devices");
            claims.push_back(&claim);
        }
    }
    std::sort(buckets.begin(), buckets.end());
    buckets.erase(std::unique(buckets.begin(), buckets.end()), buckets.end());
    std::vector<Value> bucket_rows, claim_rows;
    for (const std::uint8_t bucket : buckets) append(bucket_rows, row(bucket));
    for (const CheckClaim* claim : claims)
        append(claim_rows,
               row(claim->device.bucket, claim->kind, claim->ref, claim->device.number));

    // Each statement sees what was committed when it begins: the later ones, therefore, all that
    // the former holders of the buckets wrote. They travel together.
    Rows held = db.run_over(
        "SELECT bucket FROM buckets WHERE bucket = ANY($1::int4[]) ORDER BY bucket FOR UPDATE",
        bucket_rows);
    Rows numbers = db.run_over(
        "SELECT r.bucket, (SELECT max(a.number) FROM answers a WHERE a.bucket = r.bucket)"
        " FROM unnest($1::int4[]) AS r(bucket)",
        bucket_rows);
    Rows taken = db.run_over(
        "SELECT r.place, p.answer FROM unnest($1::int4[], $2::int4[], $3::int8[], $4::int8[])"
        " WITH ORDINALITY AS r(bucket, kind, ref, device, place) JOIN proofs p"
        " ON p.bucket = r.bucket AND p.kind = r.kind AND p.ref = r.ref AND p.device = r.device",
        claim_rows);
    Before before;
    before.closed_up_to = sql::closed_to_answers(db);
    while (numbers.next()) {
        int bucket{};
        std::int64_t last{};
        numbers.into(bucket, last);
        before.last_number[bucket] = last;
    }
    while (taken.next()) {
        std::size_t place{};
        std::int64_t answer{};
        taken.into(place, answer);
        before.taken.add(*claims.at(place - 1), answer);
    }
    return before;
}

}  // namespace

std::vector<AnswerFate> record_answers(Connection& db,
                                       std::span<const AnswerRecord* const> answers) {
    db.begin_writing();
    Before before = hold_and_read(db, answers);
    std::vector<NumberedAnswer> fresh;
    std::map<std::pair<int, std::int64_t>, const AnswerRecord*> fresh_by_number;
    const auto fate_of = [&](const AnswerRecord& answer) -> AnswerFate {
        const std::uint8_t bucket = answer.node.bucket;
        std::optional<std::int64_t> first_taken;
        bool by_one = true;  // one earlier answer took all the claims
        bool closed = false;
        for (const CheckClaim& claim : answer.claims) {
            const auto by = before.taken.answer(claim);
            if (by && !first_taken) first_taken = by;
            by_one = by_one && by && by == first_taken;
            closed = closed || (!by && sql::comes_too_late(claim, before.closed_up_to));
        }
        if (first_taken) {
            const auto kind = by_one ? AnswerFate::Kind::repeated : AnswerFate::Kind::contradicted;
            const auto here = fresh_by_number.find({bucket, *first_taken});
            if (here == fresh_by_number.end())
                return sql::decided_by(db, kind, bucket, *first_taken);
            return {kind, here->second->received, here->second->id};
        }
        if (closed) return {AnswerFate::Kind::closed, answer.received, answer.id};
        const std::int64_t number = ++before.last_number[bucket];
        for (const CheckClaim& claim : answer.claims) before.taken.add(claim, number);
        fresh.push_back({&answer, number});
        fresh_by_number.emplace(std::pair{bucket, number}, &answer);
        return {AnswerFate::Kind::recorded, answer.received, answer.id};
    };
    std::vector<AnswerFate> fates;
    for (const AnswerRecord* answer : answers) fates.push_back(fate_of(*answer));
    sql::insert_answers(db, fresh);
    db.commit();
    return fates;
}

}  // namespace vigil::verifier::postgres
