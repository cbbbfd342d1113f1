#include <gtest/gtest.h>
#include <random>
#include <sodium.h>
#include <thread>

#include "core/crypto/ed25519.hpp"
#include "core/crypto/keccak256.hpp"
#include "core/crypto/payout_address.hpp"

namespace vigil {
namespace {

ByteVector bytes_from_hex(std::string_view hex) {
    ByteVector out(hex.size() / 2);
    EXPECT_TRUE(hex_into(hex, out));
    return out;
}

TEST(Keccak256, KnownAnswers) {
    EXPECT_EQ(to_hex(keccak256({})),
              "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
    EXPECT_EQ(to_hex(keccak256(ByteVector{'a', 'b', 'c'})),
              "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
}

TEST(Keccak256, LengthsAroundTheBlock) {
    // Of the bytes 0, 1, … 250, 0, 1, …, by an independent bit-level implementation.
    const std::pair<std::size_t, const char*> expected[] = {
        {1, "bc36789e7a1e281436464229828f817d6612f7b477d66591ff96a9e064bcc98a"},
        {64, "002030bde3d4cf89919649775cd71875c4d0ab1708a380e03fefc3a28aa24831"},
        {135, "cbdfd9dee5faad3818d6b06f95a219fd290b0e1706f6a82e5a595b9ce9faca62"},
        {136, "7ce759f1ab7f9ce437719970c26b0a66ff11fe3e38e17df89cf5d29c7d7f807e"},
        {137, "ac73d4fae68b8453f764007c1a20ce95994187861f0c3227a3a8e99a73a3b1db"},
        {271, "27eceb59ebc3dc8a04a5b135be641591a7278540e4556a2ba9f408194e666ec3"},
        {272, "8e2476e65823b24d96ebe239f2c1534cdf763e689e2410c3b1cb0c74e6177bfc"},
        {273, "3f02f134370e4debb95140ef49ddd3aed8c65ff1ed83a43f1b269421f179c5f9"},
        {1000, "af692982e84a5a9688359025660a7857cd28ee7c8d867cfa1677baf2e6d1f63b"}};
    for (const auto& [length, hash] : expected) {
        ByteVector message(length);
        for (std::size_t i = 0; i < length; ++i) message[i] = static_cast<std::uint8_t>(i % 251);
        EXPECT_EQ(to_hex(keccak256(message)), hash) << length << " bytes";
    }
}

TEST(Keccak256, UnrolledPermutationIsTheReadableOne) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random{seed};
    for (int i = 0; i < 200; ++i) {
        std::array<std::uint64_t, 25> readable{};
        std::uint64_t fast[25]{};
        for (std::size_t lane = 0; lane < 25; ++lane) readable[lane] = fast[lane] = random();
        keccak_f1600(readable);
        keccak_f1600_fast(fast);
        ASSERT_TRUE(std::equal(readable.begin(), readable.end(), fast));
    }
}

TEST(Keccak256, PermutationOfZeroIsKnown) {
    std::array<std::uint64_t, 25> lanes{};
    keccak_f1600(lanes);
    EXPECT_EQ(lanes[0], 0xf1258f7940e1dde7);  // KeccakF-1600-IntermediateValues.txt
    EXPECT_EQ(lanes[1], 0x84d5ccf933c0478a);
    EXPECT_EQ(lanes[24], 0xeaf1ff7b5ceca249);
}

struct Rfc8032 {
    const char* seed;
    const char* public_key;
    const char* message;
    const char* signature;
};
const Rfc8032 rfc8032[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b"
     "46bd25bf5f0595bbe"
     "24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11"
     "d8c387b2eaeb4302a"
     "eeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc"
     "6594a7c15e9716ed2"
     "8dc027beceea1ec40a"},
    {"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
     "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3fee"
     "bbd454d4423643ce8"
     "0e2a9ac94fa54ca49f",
     "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e"
     "0303dca179c138ac1"
     "7ad9bef1177331a704"}};

TEST(Ed25519, Rfc8032Vectors) {
    for (const Rfc8032& one : rfc8032) {
        const SigningKey key{from_hex<KeySeed>(one.seed).value()};
        const ByteVector message = bytes_from_hex(one.message);
        EXPECT_EQ(to_hex(key.public_key()), one.public_key);
        EXPECT_EQ(to_hex(key.sign(message)), one.signature);
        EXPECT_TRUE(VerifyingKey{key.public_key()}.verifies(
            message, from_hex<Signature>(one.signature).value()));
    }
}

TEST(Ed25519, AnyChangedBitFails) {
    const SigningKey key{from_hex<KeySeed>(rfc8032[2].seed).value()};
    const VerifyingKey verifying{key.public_key()};
    const ByteVector message = bytes_from_hex("af82");
    const Signature signature = key.sign(message);
    for (std::size_t bit = 0; bit < 512; ++bit) {
        Signature changed = signature;
        changed.bytes[bit / 8] =
            static_cast<std::uint8_t>(changed.bytes[bit / 8] ^ (1U << bit % 8));
        EXPECT_FALSE(verifying.verifies(message, changed)) << "bit " << bit;
    }
    EXPECT_FALSE(verifying.verifies(bytes_from_hex("af83"), signature));
    EXPECT_FALSE(verifying.verifies({}, signature));
    EXPECT_FALSE(VerifyingKey{SigningKey{KeySeed{}}.public_key()}.verifies(message, signature));
}

TEST(Ed25519, SignatureHasOneForm) {
    // S + L satisfies the same equation; accepting it would give an answer two signatures.
    const ByteVector order =
        bytes_from_hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    const SigningKey key{from_hex<KeySeed>(rfc8032[1].seed).value()};
    Signature shifted = key.sign({});
    unsigned carry = 0;
    for (std::size_t i = 0; i < 32; ++i) {
        carry += static_cast<unsigned>(shifted.bytes[32 + i]) + order[i];
        shifted.bytes[32 + i] = static_cast<std::uint8_t>(carry);
        carry >>= 8;
    }
    EXPECT_FALSE(VerifyingKey{key.public_key()}.verifies({}, shifted));
}

TEST(Ed25519, KeyOfSmallOrderVerifiesNothing) {
    // Under the neutral point as a key, R = neutral point and S = 0 "sign" every message.
    const auto neutral = from_hex<PublicKey>("01" + std::string(62, '0')).value();
    Signature forged;
    forged.bytes[0] = 1;
    EXPECT_FALSE(VerifyingKey{neutral}.verifies({}, forged));
}

TEST(Ed25519, CommitmentOfSmallOrderVerifiesNothing) {
    // R = neutral point and S = k·a satisfy the equation; only who holds the key can make them.
    const KeySeed seed = from_hex<KeySeed>(rfc8032[0].seed).value();
    const PublicKey key = SigningKey{seed}.public_key();
    const ByteVector message = bytes_from_hex("af82");
    Signature forged;
    forged.bytes[0] = 1;

    std::array<unsigned char, 64> grown{};
    crypto_hash_sha512(grown.data(), seed.bytes.data(), seed.bytes.size());
    std::array<unsigned char, 64> wide{};
    std::copy_n(grown.begin(), 32, wide.begin());
    wide[0] &= 248;
    wide[31] = static_cast<unsigned char>((wide[31] & 63) | 64);
    std::array<unsigned char, 32> a{}, k{};
    crypto_core_ed25519_scalar_reduce(a.data(), wide.data());

    ByteVector hashed(forged.bytes.begin(), forged.bytes.begin() + 32);
    hashed.insert(hashed.end(), key.bytes.begin(), key.bytes.end());
    hashed.insert(hashed.end(), message.begin(), message.end());
    crypto_hash_sha512(wide.data(), hashed.data(), hashed.size());
    crypto_core_ed25519_scalar_reduce(k.data(), wide.data());
    crypto_core_ed25519_scalar_mul(forged.bytes.data() + 32, k.data(), a.data());
    EXPECT_FALSE(VerifyingKey{key}.verifies(message, forged));
}

TEST(Ed25519, BytesThatAreNoPointVerifyNothing) {
    const auto no_point = from_hex<PublicKey>("02" + std::string(62, '0')).value();
    EXPECT_FALSE(VerifyingKey{no_point}.verifies({}, Signature{}));
}

TEST(Ed25519, OneKeyServesSeveralThreads) {
    const SigningKey key{from_hex<KeySeed>(rfc8032[0].seed).value()};
    const VerifyingKey verifying{key.public_key()};
    std::vector<int> verified(4);
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < verified.size(); ++t)
        threads.emplace_back([&, t] {
            for (std::uint8_t i = 0; i < 50; ++i) {
                const ByteVector message{static_cast<std::uint8_t>(t), i};
                if (verifying.verifies(message, key.sign(message))) ++verified[t];
            }
        });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(verified, std::vector<int>(4, 50));
}

TEST(PayoutAddress, Eip55Examples) {
    for (const std::string text : {"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
                                   "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
                                   "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
                                   "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb"}) {
        const auto address = payout_address_from_text(text);
        ASSERT_TRUE(address) << address.error();
        EXPECT_EQ(to_checksum_text(*address), text);
    }
}

TEST(PayoutAddress, OneCaseCarriesNoChecksum) {
    const auto mixed = payout_address_from_text("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed");
    EXPECT_EQ(payout_address_from_text("0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"), mixed);
    EXPECT_EQ(payout_address_from_text("0x5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED"), mixed);
}

TEST(PayoutAddress, RefusalsSayWhatIsWrong) {
    const std::pair<std::string, std::string> wrong[] = {
        {"", "starts with 0x"},
        {"5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "starts with 0x"},
        {"0x", "has 40 hexadecimal digits after 0x, this one has 0"},
        {"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe", "this one has 39"},
        {"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAedd", "this one has 41"},
        {"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeg", "character 42 of the payout address"},
        {"0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "fails its checksum"},
        {"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAec", "fails its checksum"},
        {"0x0000000000000000000000000000000000000000", "zero address"}};
    for (const auto& [text, reason] : wrong) {
        const auto address = payout_address_from_text(text);
        ASSERT_FALSE(address) << text;
        EXPECT_NE(address.error().find(reason), std::string::npos) << address.error();
    }
}

}  // namespace
}  // namespace vigil
