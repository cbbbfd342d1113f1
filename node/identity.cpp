#include "node/identity.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/encoder.hpp"
#include "core/base/ids.hpp"
#include "core/crypto/keccak256.hpp"
#include "proto/edge/files.hpp"
#include "proto/edge/logging.hpp"

namespace vigil::node {
namespace fs = std::filesystem;
namespace {

[[noreturn]] void refuse(const fs::path& path, const std::string& why) {
    throw edge::Fatal{edge::exit_configuration, "E-DATADIR",
                      path.string() + ": " + why + "; choose another folder with --data-dir"};
}

std::string trimmed(std::string text) {
    const char* blanks = " \t\r\n";
    const std::size_t first = text.find_first_not_of(blanks);
    if (first == std::string::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

ByteSpan bytes_of(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

DataFolder::DataFolder(fs::path path) : path_{std::move(path)} {
    std::error_code failure;
    if (!fs::exists(path_, failure)) {
        fs::create_directories(path_, failure);
        if (failure) refuse(path_, "cannot be made (" + failure.message() + ")");
        fs::permissions(path_, fs::perms::owner_all, failure);
    }
    const fs::path lock = path_ / "lock";
    lock_ = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock_ < 0) refuse(path_, std::string{"cannot be written ("} + std::strerror(errno) + ")");
    if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
        ::close(lock_);
        refuse(path_,
               "another vigil-node is using this folder; stop it, or give this one a folder of its "
               "own");
    }
}

DataFolder::~DataFolder() { ::close(lock_); }

Identity load_identity(const fs::path& data_dir) {
    edge::LoadedKey loaded = edge::load_or_create_key(data_dir / "node.key");
    const NodeId id = node_id(loaded.key.public_key());
    return {std::move(loaded.key), id, loaded.created};
}

std::string machine_id(const fs::path& system_id, const fs::path& data_dir) {
    constexpr std::size_t digits = 32;
    std::string system;
    try {
        system = trimmed(edge::read_file_or_empty(system_id, 4096));
    } catch (const edge::Fatal&) {
        system.clear();  // unreadable in some containers: the same as absent
    }
    // Hashed, because machine-id(5) asks that the id itself be kept confidential. A container image
    // may ship the word instead of an id.
    if (!system.empty() && system != "uninitialized")
        return to_hex(Encoder{"vigil/machine/v1"}.bytes(keccak256(bytes_of(system))).hash())
            .substr(0, digits);

    const fs::path own = data_dir / "machine-id";
    const std::string kept = trimmed(edge::read_file_or_empty(own, 4096));
    if (kept.size() == digits && kept.find_first_not_of("0123456789abcdef") == std::string::npos)
        return kept;
    std::array<std::uint8_t, digits / 2> random{};
    edge::random_bytes(random);
    const std::string made = to_hex(random);
    edge::replace_file(own, made + "\n", 0600);
    return made;
}

std::optional<NetworkId> pinned_network(const fs::path& data_dir) {
    const fs::path file = data_dir / "network";
    const std::string text = edge::read_file_or_empty(file, 4096);
    if (text.empty()) return std::nullopt;
    auto id = from_hex<NetworkId>(text.substr(0, 64));
    if (!id)
        throw edge::Fatal{
            edge::exit_configuration, "E-FILE",
            file.string() + ": " + id.error() + "; remove the file to pin the network anew"};
    return *id;
}

void pin_network(const fs::path& data_dir, const NetworkId& network, std::string_view name,
                 std::string_view verifier_address) {
    const std::optional<NetworkId> pinned = pinned_network(data_dir);
    if (!pinned) {
        edge::replace_file(data_dir / "network",
                           to_hex(network) + " " + edge::for_log(name, 100) + "\n");
        return;
    }
    if (*pinned == network) return;
    throw edge::Fatal{edge::exit_refused, "E-NETWORK",
                      "the verifier at " + std::string{verifier_address} + " serves network " +
                          edge::for_log(name, 100) + " (" + to_hex(network).substr(0, 16) +
                          "…), but this node belongs to " + to_hex(*pinned).substr(0, 16) +
                          "…. Check verifier.address; to move this machine to the other network, "
                          "give it a new --data-dir"};
}

}  // namespace vigil::node
