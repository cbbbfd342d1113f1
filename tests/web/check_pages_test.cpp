#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/readable.hpp"
#include "core/work/pow_hash.hpp"
#include "tests/web/web_world.hpp"
#include "verifier/web/check_file.hpp"
#include "verifier/web/site.hpp"

namespace vigil::verifier::web {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string body(const std::string& path) { return edge::body_of(network().get(path)); }
unsigned status(const std::string& path) { return edge::status_of(network().get(path)); }

struct Found {
    CheckRow row;
    DeviceId device;
    std::string address() const { return "/checks/" + to_hex(row.verdict.challenge); }
    std::string slot() const { return "/checks?slot=" + std::to_string(row.verdict.claim.ref); }
};

/// The latest for which `wanted` holds.
template <class Wanted>
std::optional<Found> find(Wanted wanted) {
    auto& world = network().world;
    std::optional<Found> out;
    for (std::size_t i = 0; i < world.device_count() && !out; ++i)
        world.store().read([&](Reader& reader) {
            for (const CheckRow& row :
                 reader.checks(world.device(i), {.before = {}, .limit = 1'000}))
                if (!out && wanted(row)) out = Found{row, world.device_id(i)};
        });
    return out;
}
bool answered(const CheckRow& row) {
    return row.verdict.received && row.verdict.judgement.verdict == Verdict::passed;
}
bool missed_by_one(const CheckRow& row) {
    return row.verdict.claim.kind == CheckKind::hourly &&
           row.verdict.judgement.verdict == Verdict::missed && !row.voided;
}

/// What stands between the two, of the first that begins so.
std::string between(const std::string& text, const std::string& begin, const std::string& end) {
    const auto at = text.find(begin);
    if (at == std::string::npos) return {};
    const auto from = at + begin.size();
    return text.substr(from, text.find(end, from) - from);
}

TEST(CheckPage, ShowsEveryNonceThatWasSentWithItsHash) {
    auto& world = network().world;
    const auto check = find(answered);
    ASSERT_TRUE(check);
    std::optional<StoredAnswer> answer;
    world.store().read(
        [&](Reader& reader) { answer = reader.answer_to(check->row.verdict.claim); });
    ASSERT_TRUE(answer);
    const auto sent = answer_from_signed_bytes(world.schedule().network(), answer->signed_bytes);
    ASSERT_TRUE(sent);
    const std::string page = body(check->address() + "?device=" + to_hex(check->device));
    std::size_t shown = 0;
    for (const Proof& proof : sent->proofs)
        for (const std::uint64_t nonce : proof.nonces) {
            if (proof.device != check->device) continue;
            ++shown;
            EXPECT_THAT(page, HasSubstr(std::to_string(nonce) + " " +
                                        to_hex(pow_hash(check->row.verdict.challenge, nonce))));
        }
    EXPECT_EQ(shown, check->row.verdict.k);
    EXPECT_THAT(page, HasSubstr("  the largest\n"));
}

TEST(CheckPage, TheReceiptThatItShowsVerifies) {
    const auto check = find(answered);
    ASSERT_TRUE(check);
    const std::string page = body(check->address() + "?device=" + to_hex(check->device));
    const std::string code = "</dt><dd><code class=\"hash\">", end = "</code>";
    const auto id = from_hex<AnswerId>(between(page, "<dt>Answer" + code, end));
    const auto signature = from_hex<Signature>(between(page, "<dt>Signature" + code, end));
    const auto key = from_hex<PublicKey>(between(page, "<dt>Receipt key" + code, end));
    ASSERT_TRUE(id && signature && key);
    const ByteVector covered = receipt_bytes(network().world.schedule().network(), *id,
                                             check->row.verdict.received.value());
    EXPECT_THAT(page, HasSubstr("echo " + to_hex(covered) + " | xxd"));
    EXPECT_TRUE(VerifyingKey{*key}.verifies(covered, *signature));
}

TEST(CheckPage, AMissedOneHasNoReceipt) {
    const auto check = find(missed_by_one);
    ASSERT_TRUE(check);
    const std::string page = body(check->address() + "?device=" + to_hex(check->device));
    EXPECT_THAT(page, HasSubstr("Nothing was sent."));
    EXPECT_THAT(page, HasSubstr("no answer was recorded"));
    EXPECT_THAT(page, Not(HasSubstr("xxd")));
}

TEST(CheckPage, IsFoundByItsChallengeAlone) {
    for (const CheckKind kind :
         {CheckKind::roll_call, CheckKind::hourly, CheckKind::spot, CheckKind::calibration}) {
        const auto check =
            find([&](const CheckRow& row) { return row.verdict.claim.kind == kind; });
        ASSERT_TRUE(check) << to_string(kind);
        EXPECT_THAT(body(check->address()),
                    HasSubstr("device " + to_hex(check->device).substr(0, 8)))
            << to_string(kind);
    }
    const auto old = find(answered);
    const std::int64_t window = old->row.verdict.claim.window.value;
    EXPECT_EQ(status(old->address() + "?window=" + std::to_string(window)), 200U);
    EXPECT_EQ(status(old->address() + "?window=" + std::to_string(window - 1)), 404U);
    const std::string none = body("/checks/" + std::string(64, 'a'));
    EXPECT_THAT(none, HasSubstr("latest windows looked through"));
    EXPECT_THAT(none, HasSubstr("name=\"device\"")) << "a way on";
}

TEST(CheckPage, AWindowOutsideTheNetworksLifeIsRefused) {
    auto& world = network().world;
    const auto check = find(answered);
    ASSERT_TRUE(check);
    const Calendar calendar = world.calendar();
    const std::int64_t newest = calendar.window_at(world.now()).value;
    const std::int64_t oldest = calendar.window_at(world.schedule().genesis().founded).value;
    for (const std::int64_t window : {oldest - 1, newest + 1}) {
        const std::string address = check->address() + "?window=" + std::to_string(window);
        EXPECT_EQ(status(address), 400U) << address;
        EXPECT_THAT(body(address),
                    HasSubstr("from " + std::to_string(oldest) + " to " + std::to_string(newest)));
        EXPECT_EQ(status(address + "&device=" + to_hex(check->device)), 400U);
    }
    const std::string none = "/checks/" + std::string(64, 'a') + "?window=";
    for (const std::int64_t window : {oldest, newest})
        EXPECT_THAT(body(none + std::to_string(window)), HasSubstr("in the window looked through"));
}

TEST(CheckPage, OneSearchRunsAtATime) {
    const auto check = find(answered);
    ASSERT_TRUE(check);
    {
        const auto turn = search_turn();
        ASSERT_TRUE(turn);
        const std::string busy = network().get(check->address());
        EXPECT_EQ(edge::status_of(busy), 503U);
        EXPECT_THAT(busy, HasSubstr("Retry-After: 10\r\n"));
        EXPECT_THAT(busy, HasSubstr("one search runs at a time"));
        EXPECT_EQ(status(check->address() + "?device=" + to_hex(check->device)), 200U)
            << "nothing is searched";
    }
    EXPECT_EQ(status(check->address()), 200U);
}

TEST(CheckPage, AChallengeThatWasNotAskedYetIsNotFound) {
    auto& world = network().world;
    const auto plan = world.schedule().plan(world.calendar().window_at(world.now()));
    const auto device = world.roster().device(world.device_id(0));
    std::size_t future = 0;
    for (const ScheduledCheck& one : world.schedule().checks_of(*device, *plan)) {
        if (one.check.start <= world.now()) continue;
        ++future;
        EXPECT_THAT(body("/checks/" + to_hex(one.check.challenge)),
                    HasSubstr("No device was asked"));
    }
    EXPECT_GT(future, 0U);
}

TEST(FleetCheckPage, ListsEveryDeviceThatWasExpected) {
    auto& world = network().world;
    const auto check = find(missed_by_one);
    ASSERT_TRUE(check);
    const std::string page = body(check->slot());
    for (std::size_t i = 0; i < world.device_count(); ++i)
        EXPECT_THAT(page, HasSubstr("/devices/" + to_hex(world.device_id(i))));
    EXPECT_THAT(page, Not(HasSubstr(to_hex(network().hostile_device)))) << "it was not there yet";
    EXPECT_THAT(page, HasSubstr(Html{check->row.verdict.judgement.reason}.markup()));
    EXPECT_THAT(page, HasSubstr("4 devices, page 1 of 1"));
    const std::string missed = body(check->slot() + "&only=missed");
    EXPECT_THAT(missed, HasSubstr("/devices/" + to_hex(check->device)));
    EXPECT_THAT(missed, Not(HasSubstr(">passed</a>")));
}

TEST(FleetCheckPage, ThatOfTheNetworkIsTheLatest) {
    const std::string page = body("/checks");
    const auto last = last_fleet_check(network().world.schedule(), network().world.now());
    EXPECT_THAT(page, HasSubstr("slot " + std::to_string(last->slot.value)));
    EXPECT_THAT(body(find(missed_by_one)->address()), HasSubstr("How every device answered it"));
}

TEST(FleetCheckPage, BadQuestionsAndChecksToComeSayNothing) {
    auto& world = network().world;
    const std::int64_t now = world.calendar().slot_at(world.now()).value;
    const auto plan = world.schedule().plan(world.calendar().window_at(world.now()));
    // Of which some begins later than its slot does: asked for a moment before, and then.
    std::size_t asked = 0;
    for (const FleetCheck& check : plan->fleet) {
        const Instant before = check.start - Milliseconds{1};
        if (world.calendar().slot_at(before) != check.slot) continue;
        ++asked;
        const auto shown = [&](Instant at) {
            return fleet_check_page(
                       network().site(),
                       {.rest = {},
                        .query = Query::read("slot=" + std::to_string(check.slot.value)).value(),
                        .now = at})
                .status;
        };
        EXPECT_EQ(shown(before), 404U);
        EXPECT_EQ(shown(check.start), 200U);
    }
    EXPECT_GT(asked, 0U);
    for (const std::string& bad :
         {std::string{"x"}, std::string{"1"}, std::to_string(now + 1),
          std::to_string(now - 8) + "&page=0", std::to_string(now - 8) + "&only=late"})
        EXPECT_EQ(status("/checks?slot=" + bad), 400U) << bad;
    EXPECT_THAT(body("/checks?slot=" + std::to_string(now - 8) + "&page=9"),
                HasSubstr("No device was expected here"));
}

}  // namespace
}  // namespace vigil::verifier::web
