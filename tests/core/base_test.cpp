#include <gtest/gtest.h>
#include <stdexcept>

#include "core/base/bytes.hpp"
#include "core/base/encoder.hpp"
#include "core/base/micro.hpp"
#include "core/base/readable.hpp"
#include "core/base/require.hpp"

namespace vigil {
namespace {

constexpr u128 most = ~u128{0};
const std::string most_text = "340282366920938463463374607431768211455";

TEST(Micro, OverflowThrowsAndChangesNothing) {
    Micro amount{most};
    EXPECT_THROW(amount += Micro{1}, std::overflow_error);
    EXPECT_EQ(amount, Micro{most});
    EXPECT_EQ(Micro{most - 1} + Micro{1}, Micro{most});
}

TEST(Micro, BelowZeroThrowsAndChangesNothing) {
    Micro amount{4};
    EXPECT_THROW(amount -= Micro{5}, std::overflow_error);
    EXPECT_EQ(amount, Micro{4});
    EXPECT_EQ(amount - Micro{4}, Micro{});
}

TEST(Micro, ScalesDownWithFloor) {
    EXPECT_EQ(Micro{999'999}.scaled_down(Ppm{1}), Micro{0});
    EXPECT_EQ(Micro{1'000'000}.scaled_down(Ppm{1}), Micro{1});
    EXPECT_EQ(Micro{39}.scaled_down(Ppm{25'000}), Micro{0});
    EXPECT_EQ(Micro{40}.scaled_down(Ppm{25'000}), Micro{1});
    EXPECT_EQ(Micro{7}.scaled_down(Ppm{0}), Micro{});
}

TEST(Micro, ScalesTheLargestAmountWithoutIntermediateOverflow) {
    EXPECT_EQ(Micro{most}.scaled_down(Ppm{Ppm::one}), Micro{most});
    // floor((2^128 - 1) * 900000 / 10^6)
    EXPECT_EQ(to_string(Micro{most}.scaled_down(Ppm{900'000})),
              "306254130228844617117037146688591390309");
    EXPECT_THROW(Micro{most}.scaled_down(Ppm{Ppm::one + 1}), std::overflow_error);
}

TEST(Micro, DecimalRoundTrip) {
    for (const std::string text : {"0", "1", "999999", "18446744073709551616"})
        EXPECT_EQ(to_string(micro_from_decimal(text).value()), text);
    EXPECT_EQ(micro_from_decimal(most_text).value(), Micro{most});
    EXPECT_EQ(to_string(Micro{most}), most_text);
}

TEST(Micro, RefusesWhatIsNoDecimal) {
    for (const std::string text : {"", "-1", "+1", " 1", "1 ", "1.0", "1e3", "0x1", "１"})
        EXPECT_FALSE(micro_from_decimal(text)) << text;
    EXPECT_FALSE(micro_from_decimal("340282366920938463463374607431768211456"));
    EXPECT_FALSE(micro_from_decimal("3402823669209384634633746074317682114550"));
}

TEST(Micro, CreditsHaveSixDecimals) {
    EXPECT_EQ(to_credits(Micro{}), "0.000000");
    EXPECT_EQ(to_credits(Micro{1}), "0.000001");
    EXPECT_EQ(to_credits(Micro{12'500'000}), "12.500000");
    EXPECT_EQ(to_credits(Micro{most}), "340282366920938463463374607431768.211455");
}

TEST(Micro, BytesAreBigEndian) {
    const auto bytes = to_bytes(Micro{0x0102});
    EXPECT_EQ(to_hex(bytes), "00000000000000000000000000000102");
    for (const u128 count : {u128{0}, u128{1} << 64, most})
        EXPECT_EQ(micro_from_bytes(to_bytes(Micro{count})), Micro{count});
}

TEST(Bytes, HexRoundTripWithAndWithoutPrefix) {
    const std::string text = "00ff7f80aB00000000000000000000000000000000000000000000000000cdEF";
    const auto hash = from_hex<Hash>(text);
    ASSERT_TRUE(hash);
    EXPECT_EQ(from_hex<Hash>("0x" + text), hash);
    EXPECT_EQ(to_hex(*hash), "00ff7f80ab00000000000000000000000000000000000000000000000000cdef");
}

TEST(Bytes, RefusesWrongHex) {
    const std::string zeros(64, '0');
    EXPECT_FALSE(from_hex<Hash>(""));
    EXPECT_FALSE(from_hex<Hash>("0x"));
    EXPECT_FALSE(from_hex<Hash>(zeros + "0"));
    EXPECT_FALSE(from_hex<Hash>(zeros.substr(1)));
    EXPECT_FALSE(from_hex<Hash>(zeros.substr(1) + "g"));
    EXPECT_NE(from_hex<Hash>("12zz").error().find("64 hexadecimal digits"), std::string::npos);
    EXPECT_FALSE(from_bytes<Hash>("short"));
    EXPECT_TRUE(from_bytes<Hash>(std::string(32, 'x')));
}

TEST(Bytes, OrderIsThatOfTheBigEndianNumber) {
    Hash small;
    small.bytes.back() = 0xff;
    Hash large;
    large.bytes.front() = 0x01;
    EXPECT_LT(small, large);
}

TEST(Encoder, PadsTheTagAndWritesBigEndian) {
    const Encoder out =
        std::move(Encoder{"ab"}.u8(1).u32(2).u64(3).u128(4).bytes(ByteVector{5, 6}));
    EXPECT_EQ(to_hex(out.written()), "6162" + std::string(60, '0') +
                                         "01"
                                         "00000002"
                                         "0000000000000003"
                                         "00000000000000000000000000000004"
                                         "0506");
}

TEST(EncoderDeathTest, TagOverThirtyTwoBytesIsABrokenInvariant) {
    EXPECT_EQ(Encoder{std::string(32, 't')}.written().size(), 32U);
    EXPECT_DEATH(Encoder{std::string(33, 't')}, "broken invariant: a tag has at most 32 bytes");
}

TEST(Readable, NumbersForPeople) {
    EXPECT_EQ(grouped(0), "0");
    EXPECT_EQ(grouped(999), "999");
    EXPECT_EQ(grouped(1'000), "1,000");
    EXPECT_EQ(grouped(2'609'856'920), "2,609,856,920");
    EXPECT_EQ(percent(Ppm{700'000}), "70 %");
    EXPECT_EQ(percent(Ppm{25'000}), "2.5 %");
    EXPECT_EQ(percent(Ppm{1}), "0.0001 %");
    EXPECT_EQ(factor(Ppm{4'000'000}), "4");
    EXPECT_EQ(factor(Ppm{2'297'355}), "2.297355");
    EXPECT_EQ(factor(Ppm{1'050'000}), "1.05");
    EXPECT_EQ(factor(Ppm{0}), "0");
}

}  // namespace
}  // namespace vigil
