#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/base/instant.hpp"

namespace vigil::edge {

/// PEM texts as gRPC wants them.
struct TlsIdentity {
    std::string certificate_pem;
    std::string key_pem;
    std::string fingerprint;  ///< SHA-256 of the certificate, hexadecimal
    Instant expires;
    bool created{};
    std::vector<std::string> names;          ///< DNS names and IP addresses it is valid for
    std::vector<std::string> names_missing;  ///< of those asked for
};

/// Reads certificate and key, or makes a self-signed P-256 certificate for `names` (DNS names and
/// IP addresses, "localhost" and 127.0.0.1 always among them), valid ten years, key file mode 0600.
/// Throws Fatal E-TLS when only one file exists, they do not belong together, or the certificate
/// has expired. One that exists is taken as it is: names_missing says what it is not valid for.
TlsIdentity load_or_create_tls(const std::filesystem::path& certificate,
                               const std::filesystem::path& key,
                               const std::vector<std::string>& names);

}  // namespace vigil::edge
