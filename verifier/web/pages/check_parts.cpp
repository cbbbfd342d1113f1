#include "verifier/web/pages/check_parts.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "core/base/readable.hpp"
#include "core/work/estimate.hpp"
#include "core/work/pow_hash.hpp"
#include "verifier/web/parts.hpp"

namespace vigil::verifier::web {
namespace {

constexpr std::size_t nonces_shown = 512;

Html number(std::string_view name, const std::string& value, const std::string& meaning) {
    return element("tr", {element("th", {{"scope", "row"}, {"class", "who"}}, {name}),
                          number_cell("Number", value), reason_cell("Meaning", meaning)});
}

std::string without_unit(const std::string& rate) { return rate.substr(0, rate.find('/')); }

Html code(ByteSpan bytes) { return element("code", {{"class", "hash"}}, {to_hex(bytes)}); }

Html entry(const Html& name, const Html& value) {
    return element("div", {{"class", "entry"}}, {element("dt", {name}), element("dd", {value})});
}

Html listing(const std::string& text) { return element("pre", {{"tabindex", "0"}}, {text}); }

std::optional<Proof> proof_of(const Site& site, const CheckFile& file) {
    const auto answer =
        answer_from_signed_bytes(site.schedule.network(), file.answer->signed_bytes);
    if (!answer) return std::nullopt;
    for (const Proof& proof : answer->proofs)
        if (proof.challenge == file.row.verdict.challenge) return proof;
    return std::nullopt;
}

std::string nonce_lines(const Proof& proof) {
    std::vector<Hash> hashes;
    for (const std::uint64_t nonce : proof.nonces)
        hashes.push_back(pow_hash(proof.challenge, nonce));
    const auto largest =
        static_cast<std::size_t>(std::max_element(hashes.begin(), hashes.end()) - hashes.begin());
    const auto line = [&](std::size_t i) {
        return fmt::format("{:20} {}{}\n", proof.nonces[i], to_hex(hashes[i]),
                           i == largest ? "  the largest" : "");
    };
    std::string text;
    for (std::size_t i = 0; i < std::min(hashes.size(), nonces_shown); ++i) text += line(i);
    if (hashes.size() <= nonces_shown) return text;
    text += fmt::format("and {} more\n", hashes.size() - nonces_shown);
    return largest < nonces_shown ? text : text + "of them\n" + line(largest);
}

}  // namespace

Html raw_values(const CheckRow& row) {
    const VerdictRecord& v = row.verdict;
    const Judgement& j = v.judgement;
    Html rows;
    rows += number("k", std::to_string(v.k),
                   "how many nonces, those with the smallest hashes, had to be sent");
    if (j.work > 0) {
        const Interval interval = work_interval(v.k, j.work);
        rows += number(
            "W", grouped(j.work),
            fmt::format("hashes tried, estimated from the largest of the {} hashes (protocol 5.4); "
                        "95 %: {} to {}",
                        v.k, without_unit(rate_text(interval.lower)),
                        without_unit(rate_text(interval.upper))));
        rows += number("R", grouped(j.rate) + " H/s",
                       "W by the time from the start to the arrival (5.5)");
    }
    rows += number("baseline", grouped(j.baseline) + " H/s", "the device's own earlier rate (5.6)");
    if (v.claim.kind != CheckKind::calibration) {
        rows += number("theta", percent(v.theta), "share of the baseline that passes (5.7)");
        rows +=
            number("passes from",
                   grouped((u128{j.baseline} * v.theta.value + Ppm::one - 1) / Ppm::one) + " H/s",
                   "the least rate that is theta of the baseline");
    }
    Html head = element("th", {{"scope", "col"}}, {"Value"});
    head += element("th", {{"scope", "col"}, {"class", "n"}}, {"Number"});
    head += element("th", {{"scope", "col"}}, {"Meaning"});
    return card_table("Raw values", head, rows);
}

Html sent_nonces(const Site& site, const CheckFile& file) {
    if (!file.answer) return element("p", {{"class", "empty"}}, {"Nothing was sent."});
    const auto proof = proof_of(site, file);
    if (!proof)
        return element("p", {{"class", "empty"}}, {"The answer on record names no such check."});
    const std::string summary = fmt::format("The {} nonces and their hashes", proof->nonces.size());
    Html out = facts(
        {fact("Nonces", grouped(proof->nonces.size()),
              fmt::format("{} had to be sent", file.row.verdict.k)),
         fact("Hashes tried", grouped(proof->hashes_tried), Html{source_html(Source::claimed)})});
    out += element("details",
                   {element("summary", {summary}),
                    element("p", {"Each hash is keccak256(challenge ‖ u256(nonce)). How small the "
                                  "largest of them is, is the measurement: W above."}),
                    listing(nonce_lines(*proof))});
    return out;
}

Html receipt(const Site& site, const CheckFile& file) {
    if (!file.answer)
        return element(
            "p", {{"class", "empty"}},
            {"There is none, for no answer was recorded. A node that holds a receipt for "
             "this check in its receipts.jsonl has proof against the verifier."});
    const StoredAnswer& answer = *file.answer;
    const Signature signature = site.receipts.sign(answer.id, answer.received);
    const ByteVector covered = receipt_bytes(site.schedule.network(), answer.id, answer.received);
    Html out =
        element("p", {"The verifier's signature over the answer and the time it came, given to the "
                      "node once the answer was on disk, whatever its verdict. Here it is signed "
                      "again with this verifier's present receipt key; the node's own copy, in "
                      "receipts.jsonl, names the key it was given under."});
    Html entries = entry("Answer", code(answer.id));
    entries += entry("Received", fmt::format("{} ms since 1970", to_ms(answer.received)));
    entries += entry("Signed bytes", code(covered));
    entries += entry("Signature", code(signature));
    entries += entry("Receipt key", code(site.receipts.key));
    entries += entry("Node's key", code(file.node.key));
    entries += entry("Its signature", code(answer.signature));
    out += element("dl", {{"class", "entries"}}, {entries});
    out += element("p", {"To verify it, with OpenSSL 3 and xxd:"});
    out +=
        listing(fmt::format("echo {} | xxd -r -p > receipt.bytes\n"
                            "echo {} | xxd -r -p > receipt.sig\n"
                            "echo 302a300506032b6570032100{} | xxd -r -p > receipt.key\n"
                            "openssl pkeyutl -verify -pubin -keyform DER -inkey receipt.key "
                            "-rawin -in receipt.bytes -sigfile receipt.sig\n",
                            to_hex(covered), to_hex(signature), to_hex(site.receipts.key)));
    return out;
}

Html derivation(const Site& site, const CheckRow& row, const DeviceId& device) {
    const VerdictRecord& v = row.verdict;
    const DayIndex day = site.schedule.calendar().day_of(v.claim.window);
    std::string text = fmt::format(
        "challenge = keccak256(tag(\"vigil/challenge/v1\") ‖ network_id ‖ policy_hash ‖ u64(kind) "
        "‖ u64(ref) ‖ beacon ‖ device_id)\n"
        "network_id  {}\npolicy_hash {}\nkind        {} ({})\nref         {}\n",
        to_hex(site.schedule.network()), to_hex(site.schedule.policy_hash_on(day)),
        static_cast<int>(v.claim.kind), to_string(v.claim.kind), v.claim.ref);
    const auto plan = site.schedule.plan(v.claim.window);
    for (const FleetCheck& check : plan->fleet)
        if (check.kind == v.claim.kind &&
            static_cast<std::uint64_t>(check.slot.value) == v.claim.ref)
            text += fmt::format("beacon      {}\n", to_hex(check.beacon));
    if (v.claim.kind == CheckKind::spot)
        text += "beacon      from the day's key, which is published after the day (3.4)\n";
    if (v.claim.kind == CheckKind::calibration) text += "beacon      random, in the record (3.5)\n";
    text += fmt::format("device_id   {}\nchallenge   {}\n", to_hex(device), to_hex(v.challenge));
    return listing(text);
}

Html audit_commands(const DeviceId& device, DayIndex day) {
    Html out = element("p", {"On a copy of the store, with the program of this site; the first "
                             "prints this check with its numbers, the second computes everything "
                             "again from the answers and compares it bit for bit:"});
    out +=
        listing(fmt::format("vigil-verifier explain --store vigil.db --device {} --day "
                            "{}\nvigil-verifier audit --store vigil.db\n",
                            to_hex(device), day.value));
    return out;
}

}  // namespace vigil::verifier::web
