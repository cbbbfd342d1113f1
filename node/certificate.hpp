#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/base/expected.hpp"
#include "core/base/instant.hpp"

namespace vigil::node {

/// What a server shows of itself in a TLS handshake.
struct PeerCertificate {
    std::string subject;
    std::string issuer;
    std::vector<std::string> names;  ///< DNS names and IP addresses it is valid for
    std::string not_after;           ///< as OpenSSL prints it
    Instant expires{};               ///< the same
    std::string fingerprint;         ///< SHA-256, lower-case hexadecimal
    // Only of a fetched one:
    bool leads_to_authority = false;  ///< and names the host asked for
    bool wrong_name_only = false;     ///< it is itself among those to trust, but names other hosts
};

/// Why no certificate could be fetched, as a sentence.
struct NoCertificate {
    std::string why;
    bool other_language = false;  ///< an answer came, but no TLS: HTTP or another protocol
};

/// A step of a connection that worked.
struct ConnectionStep {
    enum class Kind : std::uint8_t { resolved, connected, tls } kind{};
    std::chrono::microseconds took{};
    std::string detail;  ///< the addresses, the address that answered, or the version of TLS
};

/// Shakes hands with `host:port` without believing anything, to tell the owner what stands there.
/// For diagnosis only: no data is sent. `authorities`: PEM texts the chain may lead to. `told`
/// hears of each step that worked, in the order of its kinds.
Expected<PeerCertificate, NoCertificate> fetch_certificate(
    const std::string& address, const std::string& authorities, Milliseconds timeout,
    const std::function<void(const ConnectionStep&)>& told = {});

/// Of a PEM text's first certificate. The error is a sentence.
Expected<PeerCertificate, std::string> read_certificate(const std::string& pem);

/// Of a certificate that is not accepted: what was expected and what came, and what to do.
struct WrongCertificate {
    std::string what, fix;
};
/// `fingerprint` is the pin (hexadecimal) or empty, then `authority` names the CA file ("" = the
/// system's).
WrongCertificate wrong_certificate(const std::string& address, const std::string& fingerprint,
                                   const std::string& authority, const PeerCertificate& shown);

/// The sentence for an address that answers, but not with TLS.
std::string wrong_port(const std::string& address);

}  // namespace vigil::node
