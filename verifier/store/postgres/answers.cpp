#include "verifier/store/postgres/answers.hpp"

#include <algorithm>

#include "core/base/require.hpp"
#include "verifier/store/sql/recording.hpp"

namespace vigil::verifier::postgres {
namespace {

using sql::Recording;
using sql::row;
using sql::Value;

template <std::size_t N>
void append(std::vector<Value>& rows, const std::array<Value, N>& one) {
    rows.insert(rows.end(), one.begin(), one.end());
}

/// What the store says about the checks of these answers, read while their buckets are held.
Recording hold_and_read(Connection& db, std::span<const AnswerRecord* const> answers) {
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
    Recording recording{sql::closed_to_answers(db)};
    while (numbers.next()) {
        std::uint8_t bucket{};
        std::int64_t last{};
        numbers.into(bucket, last);
        recording.numbered_up_to(bucket, last);
    }
    while (taken.next()) {
        std::size_t place{};
        std::int64_t answer{};
        taken.into(place, answer);
        recording.taken(*claims.at(place - 1), answer);
    }
    return recording;
}

}  // namespace

std::vector<AnswerFate> record_answers(Connection& db,
                                       std::span<const AnswerRecord* const> answers) {
    db.begin_writing();
    Recording recording = hold_and_read(db, answers);
    std::vector<AnswerFate> fates;
    for (const AnswerRecord* answer : answers) fates.push_back(recording.decide(db, *answer));
    recording.write(db);
    db.commit();
    return fates;
}

}  // namespace vigil::verifier::postgres
