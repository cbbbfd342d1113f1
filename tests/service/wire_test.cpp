#include "proto/wire.hpp"

#include <functional>
#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>
#include <random>
#include <vector>

#include "core/crypto/keccak256.hpp"
#include "proto/signed_texts.hpp"

namespace vigil::wire {
namespace {

ByteVector tagged(std::string_view tag) {
    ByteVector out;
    for (std::size_t i = 0; i < 32; ++i)
        out.push_back(i < tag.size() ? static_cast<std::uint8_t>(tag[i]) : std::uint8_t{0});
    return out;
}
void append(ByteVector& to, ByteSpan bytes) {
    for (const std::uint8_t byte : bytes) to.push_back(byte);
}

template <class Fixed>
Fixed filled(std::uint8_t byte) {
    Fixed out;
    out.bytes.fill(byte);
    return out;
}

TEST(SignedTexts, AreTagNetworkAndFields) {
    const auto network = filled<NetworkId>(1);
    const auto nonce = filled<SessionNonce>(2);
    const auto node = filled<NodeId>(3);
    const auto device = filled<DeviceId>(4);

    ByteVector expected = tagged("vigil/session/v1");
    append(expected, network);
    append(expected, nonce);
    append(expected, node);
    EXPECT_EQ(session_text(network, nonce, node), expected);

    expected = tagged("vigil/enrol/v1");
    append(expected, network);
    const ByteVector content{'a', 'b', 'c'};
    append(expected, keccak256(content));
    EXPECT_EQ(enrol_text(network, "abc"), expected);

    for (const auto& [tag, text] :
         {std::pair{"vigil/calibrate/v1", calibrate_text(network, {device, 0x0102030405060708})},
          std::pair{"vigil/retire/v1", retire_text(network, {device, 0x0102030405060708})}}) {
        expected = tagged(tag);
        append(expected, network);
        append(expected, device);
        append(expected, ByteVector{1, 2, 3, 4, 5, 6, 7, 8});
        EXPECT_EQ(text, expected);
    }
}

TEST(Wire, RefusalSurvivesAsErrorDetails) {
    const Refusal refusal{RefusalReason::too_often, "once a day", filled<AnswerId>(7),
                          Milliseconds{86'400'123}};
    const auto read = refusal_from_details(refusal_details(8, refusal));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->reason, refusal.reason);
    EXPECT_EQ(read->message, refusal.message);
    EXPECT_EQ(read->answer, refusal.answer);
    EXPECT_EQ(read->retry_after, refusal.retry_after);
    EXPECT_FALSE(refusal_from_details(""));
    EXPECT_FALSE(refusal_from_details("\xff\xff"));
    EXPECT_FALSE(refusal_from_details(std::string(100'000, '\x0a')));
}

TEST(Wire, EveryReasonHasTheNameOfItsMessage) {
    for (unsigned number = 1; number <= refusal_reasons; ++number) {
        const auto reason = static_cast<RefusalReason>(number);
        std::string name = "REFUSAL_REASON_";
        for (const char c : to_string(reason)) name += c == '_' ? c : static_cast<char>(c - 32);
        EXPECT_EQ(vigil::v1::RefusalReason_Name(to_proto(reason)), name);
        const auto read = refusal_from_details(refusal_details(3, {reason, {}, {}, {}}));
        ASSERT_TRUE(read) << name;
        EXPECT_EQ(read->reason, reason);
    }
    EXPECT_FALSE(vigil::v1::RefusalReason_IsValid(refusal_reasons + 1)) << "a new one needs a name";
}

TEST(Wire, OpenCheckKeepsItsFieldsAndRefusesContradictions) {
    const OpenCheck check{.kind = CheckKind::spot,
                          .ref = 77,
                          .beacon = filled<Beacon>(5),
                          .device = filled<DeviceId>(6),
                          .k = 64,
                          .work = Milliseconds{2'000},
                          .spread = Milliseconds{0},
                          .start = instant_from_ms(1'000),
                          .deadline = instant_from_ms(13'000),
                          .remaining = Milliseconds{-5},
                          .policy = filled<PolicyHash>(8)};
    EXPECT_EQ(open_check_from_proto(to_proto(check)), check);
    const auto refused = [&](const std::function<void(vigil::v1::OpenCheck&)>& change) {
        vigil::v1::OpenCheck message = to_proto(check);
        change(message);
        return !open_check_from_proto(message).has_value();
    };
    EXPECT_TRUE(refused([](auto& m) { m.set_kind(vigil::v1::CHECK_KIND_HOURLY); }));
    EXPECT_TRUE(refused([](auto& m) { m.clear_device_id(); }));
    EXPECT_TRUE(refused([](auto& m) { m.set_k(0); }));
    EXPECT_TRUE(refused([](auto& m) { m.set_k(4'097); }));
    EXPECT_TRUE(refused([](auto& m) { m.mutable_beacon()->pop_back(); }));
    EXPECT_TRUE(refused([](auto& m) { m.clear_policy_hash(); }));
    EXPECT_TRUE(refused([](auto& m) { m.set_kind(static_cast<vigil::v1::CheckKind>(9)); }));
}

/// Bytes from outside may be anything: reading them gives a value or a refusal, never anything
/// else.
TEST(Wire, DamagedBytesAreReadOrRefused) {
    Enrolment enrolment{.key = filled<PublicKey>(1),
                        .payout = filled<PayoutAddress>(2),
                        .name = "rig",
                        .region = "eu",
                        .version = "1.0",
                        .devices = {{"GPU-0", Backend::cuda, "model", "driver", 5}},
                        .sequence = 9};
    const SignedAnswer answer{{{{filled<DeviceId>(1), filled<Challenge>(2), {1, 2, 3}, 4}}},
                              filled<Signature>(3)};
    const std::string enrolment_as_sent = enrolment_bytes(enrolment);
    const std::string answer_as_sent = to_proto(answer).SerializeAsString();
    ASSERT_TRUE(enrolment_from_bytes(enrolment_as_sent));

    google::protobuf::SetLogHandler(nullptr);  // as the service does
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 draw{seed};
    const auto damaged = [&](std::string bytes) {
        for (unsigned i = 0, count = 1 + draw() % 4; i < count && !bytes.empty(); ++i) {
            const std::size_t at = draw() % bytes.size();
            if (draw() % 8 == 0)
                bytes.resize(at);
            else
                bytes[at] = static_cast<char>(draw());
        }
        return bytes;
    };
    int read = 0;
    for (int i = 0; i < 20'000; ++i) {
        if (const auto got = enrolment_from_bytes(damaged(enrolment_as_sent))) {
            ++read;
            EXPECT_LE(got->devices.size(), max_devices);
            for (const char c : got->name) EXPECT_NE(c, '\n');
        }
        vigil::v1::SignedAnswer message;
        if (!message.ParseFromString(damaged(answer_as_sent))) continue;
        const auto got = answer_from_proto(message);
        EXPECT_LE(got ? got->answer.proofs.size() : 0U, 64U);
    }
    EXPECT_GT(read, 0) << "the damage should sometimes leave something to read";
}

}  // namespace
}  // namespace vigil::wire
