#include "core/crypto/ed25519.hpp"

#include <algorithm>
#include <sodium.h>
#include <stdexcept>

namespace vigil {

/// Seed and public key, as libsodium signs with them.
struct SigningKey::Secret {
    std::array<unsigned char, crypto_sign_ed25519_SECRETKEYBYTES> bytes{};

    Secret() = default;
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    ~Secret() { sodium_memzero(bytes.data(), bytes.size()); }
};

SigningKey::SigningKey(const KeySeed& seed) {
    auto secret = std::make_shared<Secret>();
    if (crypto_sign_ed25519_seed_keypair(public_key_.bytes.data(), secret->bytes.data(),
                                         seed.bytes.data()) != 0)
        throw std::runtime_error{"libsodium cannot make an Ed25519 key"};
    secret_ = std::move(secret);
}

Signature SigningKey::sign(ByteSpan message) const {
    Signature signature;
    if (crypto_sign_ed25519_detached(signature.bytes.data(), nullptr, message.data(),
                                     message.size(), secret_->bytes.data()) != 0)
        throw std::runtime_error{"libsodium cannot sign with an Ed25519 key"};
    return signature;
}

bool VerifyingKey::verifies(ByteSpan message, const Signature& signature) const {
    return crypto_sign_ed25519_verify_detached(signature.bytes.data(), message.data(),
                                               message.size(), key_.bytes.data()) == 0;
}

}  // namespace vigil
