#pragma once

#include <array>
#include <memory>

#include "core/base/bytes.hpp"

namespace vigil {

/// The 32-byte secret an Ed25519 key grows from (RFC 8032). Never logged, never printed.
using KeySeed = FixedBytes<32, struct KeySeedTag>;

/// An Ed25519 private key. Copies share it; signing from several threads at once is safe. The
/// memory that holds it is wiped when the last copy goes.
class SigningKey {
public:
    explicit SigningKey(const KeySeed& seed);

    const PublicKey& public_key() const { return public_key_; }
    Signature sign(ByteSpan message) const;

private:
    struct Secret;
    std::shared_ptr<const Secret> secret_;
    PublicKey public_key_;
};

/// Any 32 bytes may be a key; under those that are none, or have small order, nothing verifies.
class VerifyingKey {
public:
    explicit VerifyingKey(const PublicKey& key) : key_{key} {}

    /// The strict reading of RFC 8032, which leaves a signature one form: S below the group's
    /// order, A a canonical point, neither A nor R of small order, and S·B = R + k·A without the
    /// cofactor. Safe to call from several threads at once.
    bool verifies(ByteSpan message, const Signature& signature) const;

private:
    PublicKey key_;
};

}  // namespace vigil
