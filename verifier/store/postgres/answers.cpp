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
        append(claim_rows, row(claim->device.bucket, claim->window, claim->device.number,
                               claim->kind, claim->ref));

    // Each statement sees what was committed when it begins: the later ones, therefore, all that
    // the former holders of the buckets wrote. They travel together.
    Rows held = db.run_over(
        "SELECT bucket FROM buckets WHERE bucket = ANY($1::int4[]) ORDER BY bucket FOR UPDATE",
        bucket_rows);
    Rows numbers = db.run_over(
        "SELECT r.bucket, (SELECT max(a.number) FROM answers a WHERE a.bucket = r.bucket)"
        " FROM unnest($1::int4[]) AS r(bucket)",
        bucket_rows);
    Rows judged = db.run_over(
        "SELECT r.place, v.answer FROM unnest($1::int4[], $2::int8[], $3::int8[], $4::int4[],"
        " $5::int8[]) WITH ORDINALITY AS r(bucket, window_index, device, kind, ref, place)"
        " JOIN verdicts v ON v.bucket = r.bucket AND v.window_index = r.window_index"
        " AND v.device = r.device AND v.kind = r.kind AND v.ref = r.ref",
        claim_rows);
    Rows unjudged = db.run_over(
        "SELECT r.place, u.answer FROM unnest($1::int4[], $2::int8[], $3::int8[], $4::int4[],"
        " $5::int8[]) WITH ORDINALITY AS r(bucket, window_index, device, kind, ref, place)"
        " JOIN unjudged u ON u.bucket = r.bucket AND u.window_index = r.window_index"
        " AND u.device = r.device AND u.kind = r.kind AND u.ref = r.ref",
        claim_rows);
    Recording recording{sql::closed_to_answers(db)};
    while (numbers.next()) {
        std::uint8_t bucket{};
        std::int64_t last{};
        numbers.into(bucket, last);
        recording.numbered_up_to(bucket, last);
    }
    for (Rows* rows : {&judged, &unjudged})
        while (rows->next()) {
            std::size_t place{};
            std::int64_t answer{};
            rows->into(place, answer);  // NULL is 0, no_answer
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
