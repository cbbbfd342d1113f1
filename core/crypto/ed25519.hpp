#pragma once

#include <memory>

#include "core/base/bytes.hpp"

namespace vigil {

/// The 32-byte secret an Ed25519 key grows from (RFC 8032). Never logged, never printed.
using KeySeed = FixedBytes<32, struct KeySeedTag>;

/// An Ed25519 private key. Copies share it; signing from several threads at once is safe.
class SigningKey {
public:
    explicit SigningKey(const KeySeed& seed);

    const PublicKey& public_key() const { return public_key_; }
    Signature sign(ByteSpan message) const;

private:
    std::shared_ptr<void> key_;  // EVP_PKEY, read-only after construction
    PublicKey public_key_;
};

/// A public key prepared for many verifications; safe to use from several threads at once.
class VerifyingKey {
public:
    explicit VerifyingKey(const PublicKey& key);

    bool verifies(ByteSpan message, const Signature& signature) const;

private:
    std::shared_ptr<void> key_;
};

}  // namespace vigil
