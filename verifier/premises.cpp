#include "verifier/premises.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include "proto/edge/files.hpp"
#include "proto/edge/policy_file.hpp"
#include "verifier/store/open_store.hpp"
#include "verifier/store/store_away.hpp"

namespace vigil::verifier {
namespace {

namespace fs = std::filesystem;

constexpr const char* default_network = "vigil";

fs::path or_in(const fs::path& chosen, const fs::path& directory, const char* name) {
    return chosen.empty() ? directory / name : chosen;
}

/// An empty database in the place of a network's file would found the network anew, under the same
/// keys and without anybody's balance.
void refuse_forgotten_store(const VerifierOptions& options, Store& store) {
    const fs::path file = options.data_dir / "vigil.db";
    std::error_code failure;
    if (options.store.empty() || fs::equivalent(path_of(options.store), file, failure) ||
        !fs::exists(file, failure))
        return;
    bool founded = false;
    store.read([&](Reader& reader) { founded = reader.genesis().has_value(); });
    if (founded) return;
    throw StoreFailed{"the store that is set holds no network, but " + file.string() +
                      " is one: run vigil-verifier migrate to move it, or move the file away"};
}

}  // namespace

Premises premises_of(const VerifierOptions& options) {
    const fs::path& directory = options.data_dir;
    return {.store = options.store.empty() ? (directory / "vigil.db").string() : options.store,
            .receipt_key = directory / "receipt.key",
            .certificate = or_in(options.certificate, directory, "tls.crt"),
            .key = or_in(options.key, directory, "tls.key")};
}

void make_data_dir(const fs::path& directory) {
    std::error_code failure;
    const bool created = fs::create_directories(directory, failure);
    if (failure || !fs::is_directory(directory, failure))
        throw edge::Fatal{edge::exit_configuration, "E-DATADIR",
                          "the data directory " + directory.string() + " cannot be made (" +
                              failure.message() +
                              "); create it, owned by the verifier's user, or name another with "
                              "--data-dir"};
    if (created) ::chmod(directory.c_str(), 0700);
}

std::unique_ptr<Store> open_store(const VerifierOptions& options) try {
    auto store = open_store_at(premises_of(options).store, options.bucket_transactions
                                                               ? StoreTransactions::bucket
                                                               : StoreTransactions::whole);
    refuse_forgotten_store(options, *store);
    return store;
} catch (const StoreLocked& failure) {
    throw edge::Fatal{edge::exit_configuration, "E-LOCK", failure.what()};
} catch (const StoreTooNew& failure) {
    throw edge::Fatal{edge::exit_configuration, "E-STORE-NEWER", failure.what()};
} catch (const StoreAway&) {
    throw;
} catch (const StoreFailed& failure) {
    throw edge::Fatal{edge::exit_configuration, "E-STORE", failure.what()};
}

Founded found_or_join(Store& store, const VerifierOptions& options, Instant now) {
    Founding wanted{.network_name = options.network_name, .policy = std::nullopt};
    bool is_new = false;
    store.read([&](Reader& reader) { is_new = !reader.genesis(); });
    if (!options.policy.empty()) wanted.policy = edge::load_policy(options.policy);
    if (is_new && !wanted.policy) wanted.policy = preset(preset_names().front());
    if (is_new && wanted.network_name.empty()) wanted.network_name = default_network;
    auto founded = found_network(store, wanted, now);
    if (!founded)
        throw edge::Fatal{
            edge::exit_configuration,
            founded.error().kind == FoundingError::Kind::policy ? "E-POLICY" : "E-NETWORK",
            founded.error().message};
    return *std::move(founded);
}

bool join_receipt_key(Store& store, const PublicKey& key, const fs::path& file, Instant now) {
    std::optional<PublicKey> network;
    bool others_serve = false;
    store.write([&](Transaction& tx) {
        network.reset();
        others_serve = false;
        tx.hold_enrolments();  // two that start at once do not both find none
        if (const auto keys = tx.receipt_keys(); !keys.empty()) network = keys.back();
        if (network == key) return;
        const Instant database_time = tx.database_time();
        for (const LeaseRecord& lease : tx.leases())
            others_serve = others_serve || lease.expires > database_time;
        if (!network || !others_serve) tx.add_receipt_key(key, now);
    });
    if (!network || network == key) return false;
    if (others_serve)
        throw edge::Fatal{edge::exit_configuration, "E-RECEIPT-KEY",
                          "the verifiers of this network sign receipts with the key " +
                              to_hex(*network).substr(0, 16) + "…, and " + file.string() +
                              " is another, " + to_hex(key).substr(0, 16) +
                              "…; copy receipt.key from the data directory of one that serves (one "
                              "that was killed counts for 15 s)"};
    return true;
}

std::optional<edge::TlsIdentity> load_tls(const VerifierOptions& options) {
    if (!options.tls) return std::nullopt;
    const Premises premises = premises_of(options);
    return edge::load_or_create_tls(premises.certificate, premises.key, options.names);
}

std::string missing_names(const VerifierOptions& options, const edge::TlsIdentity& tls) {
    if (tls.names_missing.empty()) return {};
    const Premises premises = premises_of(options);
    const std::string whole =
        fmt::format("{} names {}, not {}, so nodes that connect by that name refuse it: ",
                    premises.certificate.string(), fmt::join(tls.names, ", "),
                    fmt::join(tls.names_missing, ", "));
    if (!options.certificate.empty()) return whole + "set tls.certificate to one that does";
    return whole +
           "move tls.crt and tls.key away and start again to have both made anew (owners "
           "then need the new one), or give owners its fingerprint";
}

std::vector<std::string> look_at_files(const VerifierOptions& options) {
    std::vector<std::string> told = edge::look_at_channels(options.channels);
    const Premises premises = premises_of(options);
    std::error_code failure;
    if (!options.tls ||
        (!fs::exists(premises.certificate, failure) && !fs::exists(premises.key, failure)))
        return told;
    try {
        const std::string missing = missing_names(options, *load_tls(options));
        if (!missing.empty()) told.push_back(missing);
    } catch (const edge::Fatal& fatal) {
        if (fatal.code != "E-KEYOWNER") throw;  // the service's user may be another than who asks
        told.push_back(std::string{"the certificate was not looked into: "} + fatal.what());
    }
    return told;
}

}  // namespace vigil::verifier
