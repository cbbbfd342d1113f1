#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "core/crypto/ed25519.hpp"
#include "tests/load/record.hpp"

namespace vigil::load {

/// Receipts against what the store holds (protocol 9.3). All but `compared`, `signatures` and
/// `stored` are proof against the verifier.
struct Comparison {
    std::uint64_t compared = 0;
    std::uint64_t signatures = 0;    ///< of them verified
    std::uint64_t stored = 0;        ///< answers in the store
    std::uint64_t missing = 0;       ///< receipts without an answer in the store
    std::uint64_t other_time = 0;    ///< with another receive time there
    std::uint64_t wrong_signed = 0;  ///< not signed by the verifier's key
    std::uint64_t losses() const { return missing + other_time + wrong_signed; }
};

struct Signer {
    NetworkId network;
    PublicKey key;
};

/// `signer`: nothing leaves the signatures alone; else one in `signature_every` is verified. The
/// verifier may be running on the store.
Comparison compare(const std::vector<KeptReceipt>& receipts, const std::filesystem::path& store,
                   const std::optional<Signer>& signer, std::size_t signature_every);

/// A file of receipts, to be compared later or with another store: network and key first.
void write_receipts(const std::filesystem::path& file, const Signer& signer,
                    const std::vector<KeptReceipt>& receipts);
std::pair<Signer, std::vector<KeptReceipt>> read_receipts(const std::filesystem::path& file);

}  // namespace vigil::load
