#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/bytes.hpp"
#include "core/crypto/ed25519.hpp"

namespace vigil::node {

/// The folder a node keeps its key and state in, held by one process at a time.
class DataFolder {
public:
    /// Makes the folder (mode 0700) where it is missing and locks it. Throws Fatal E-DATADIR when
    /// it cannot be made or written, or another node holds it.
    explicit DataFolder(std::filesystem::path path);
    ~DataFolder();
    DataFolder(const DataFolder&) = delete;
    DataFolder& operator=(const DataFolder&) = delete;

    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
    int lock_ = -1;
};

/// Who this machine is (protocol 1.7): an Ed25519 key that never leaves the data folder.
struct Identity {
    SigningKey key;
    NodeId id;
    bool created{};  ///< this run made the key
};
Identity load_identity(const std::filesystem::path& data_dir);

/// Names this machine for the CPU device's uid: 32 hexadecimal digits, the beginning of a hash of
/// `system_id`
/// (/etc/machine-id) when that is present and not blank, else random digits kept in `data_dir`.
std::string machine_id(const std::filesystem::path& system_id,
                       const std::filesystem::path& data_dir);

/// The network this data folder belongs to; nothing before the first connection. Throws Fatal
/// E-FILE on a damaged file.
std::optional<NetworkId> pinned_network(const std::filesystem::path& data_dir);

/// Remembers the network at first use; afterwards throws Fatal E-NETWORK for any other one.
void pin_network(const std::filesystem::path& data_dir, const NetworkId& network,
                 std::string_view name, std::string_view verifier_address);

}  // namespace vigil::node
