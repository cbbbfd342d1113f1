#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/crypto/ed25519.hpp"
#include "proto/edge/tls.hpp"
#include "verifier/run.hpp"

namespace vigil::verifier {

/// What a verifier keeps, all of it in its data directory unless told otherwise.
struct Premises {
    std::string store;  ///< as open_store_at() takes it
    std::filesystem::path receipt_key, certificate, key;
};
Premises premises_of(const VerifierOptions& options);

/// Creates the directory with mode 0700. Throws Fatal E-DATADIR.
void make_data_dir(const std::filesystem::path& directory);

/// Throws Fatal E-LOCK, E-STORE-NEWER or E-STORE; StoreAway where waiting may help.
std::unique_ptr<Store> open_store(const VerifierOptions& options);

/// Genesis and policy (founding.hpp), by what the options name. Throws Fatal E-POLICY, E-NETWORK.
Founded found_or_join(Store& store, const VerifierOptions& options, Instant now);

/// Takes this verifier's receipt key into the store. All verifiers of a network sign with one, so
/// another one replaces it only where nobody else serves. True: it replaced one. Throws Fatal
/// E-RECEIPT-KEY.
bool join_receipt_key(Store& store, const PublicKey& key, const std::filesystem::path& file,
                      Instant now);

/// Nothing when TLS is off. Throws Fatal E-TLS, E-KEYMODE.
std::optional<edge::TlsIdentity> load_tls(const VerifierOptions& options);

/// Names set of which the certificate has none, and what to do, in a sentence; empty: it has all.
std::string missing_names(const VerifierOptions& options, const edge::TlsIdentity& tls);

/// For check-config: reads the certificate, its key and the secrets of channels, as far as they
/// exist, and changes nothing. Tells, a sentence each, what nodes will not like, and what belongs
/// to another user. Throws Fatal E-TLS, E-KEYMODE, E-KEYREAD, E-CONFIG.
std::vector<std::string> look_at_files(const VerifierOptions& options);

}  // namespace vigil::verifier
