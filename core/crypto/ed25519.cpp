#include "core/crypto/ed25519.hpp"

#include <algorithm>
#include <array>
#include <openssl/evp.h>
#include <stdexcept>

namespace vigil {
namespace {

struct FreeContext {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;

Context new_context() {
    Context context{EVP_MD_CTX_new()};
    if (!context) throw std::bad_alloc{};
    return context;
}

std::shared_ptr<void> owned(EVP_PKEY* key) {
    return {key, [](void* held) { EVP_PKEY_free(static_cast<EVP_PKEY*>(held)); }};
}

EVP_PKEY* key_of(const std::shared_ptr<void>& key) { return static_cast<EVP_PKEY*>(key.get()); }

/// y coordinates, little-endian, of the points of order 1, 2, 4 and 8, canonical or not. Under such
/// a key one signature fits many messages, and nobody honest ever grows one from a seed.
bool has_small_order(const PublicKey& key) {
    static const std::array<PublicKey, 7> small_order = {
        from_hex<PublicKey>("0000000000000000000000000000000000000000000000000000000000000000")
            .value(),
        from_hex<PublicKey>("0100000000000000000000000000000000000000000000000000000000000000")
            .value(),
        from_hex<PublicKey>("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
            .value(),
        from_hex<PublicKey>("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")
            .value(),
        from_hex<PublicKey>("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")
            .value(),
        from_hex<PublicKey>("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")
            .value(),
        from_hex<PublicKey>("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")
            .value()};
    PublicKey without_sign = key;
    without_sign.bytes.back() &= 0x7f;
    return std::find(small_order.begin(), small_order.end(), without_sign) != small_order.end();
}

}  // namespace

SigningKey::SigningKey(const KeySeed& seed)
    : key_{owned(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.bytes.data(),
                                              KeySeed::size))} {
    std::size_t length = PublicKey::size;
    if (!key_ || EVP_PKEY_get_raw_public_key(key_of(key_), public_key_.bytes.data(), &length) != 1)
        throw std::runtime_error{"libcrypto cannot make an Ed25519 key"};
}

Signature SigningKey::sign(ByteSpan message) const {
    const Context context = new_context();
    Signature signature;
    std::size_t length = Signature::size;
    if (EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_of(key_)) != 1 ||
        EVP_DigestSign(context.get(), signature.bytes.data(), &length, message.data(),
                       message.size()) != 1)
        throw std::runtime_error{"libcrypto cannot sign with an Ed25519 key"};
    return signature;
}

VerifyingKey::VerifyingKey(const PublicKey& key) {
    if (has_small_order(key)) return;  // holds no key: nothing verifies
    key_ = owned(
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.bytes.data(), PublicKey::size));
    if (!key_) throw std::runtime_error{"libcrypto cannot hold an Ed25519 key"};
}

bool VerifyingKey::verifies(ByteSpan message, const Signature& signature) const {
    if (!key_) return false;
    // libcrypto refuses a scalar that is not below the group's order, so a signature has one form.
    const Context context = new_context();
    return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key_of(key_)) == 1 &&
           EVP_DigestVerify(context.get(), signature.bytes.data(), Signature::size, message.data(),
                            message.size()) == 1;
}

}  // namespace vigil
