#include "node/enrolment_file.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sstream>

#include "core/base/encoder.hpp"
#include "core/crypto/keccak256.hpp"
#include "proto/edge/files.hpp"

namespace vigil::node {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t file_limit = 4096;

struct Kept {
    std::string digest;
    std::uint64_t sequence{};
};

/// Nothing when there is no such file or it cannot be read: then the node enrols anew, which costs
/// nothing, where not starting would cost its checks.
Kept kept(const fs::path& data_dir) {
    try {
        std::istringstream text{edge::read_file_or_empty(data_dir / "enrolment", file_limit)};
        Kept out;
        if (text >> out.digest >> out.sequence) return out;
    } catch (const edge::Fatal& failure) {
        spdlog::warn("what was enrolled before is not known: {}", failure.what());
    }
    return {};
}

void keep(const fs::path& data_dir, const std::string& digest, std::uint64_t sequence) {
    // Readable: `retire --undo` may be run by another user than the node, and nothing in it is
    // secret.
    edge::replace_file(data_dir / "enrolment", fmt::format("{} {}\n", digest, sequence), 0644);
}

/// Everything but key and sequence; texts by hash, so that their lengths cannot run together.
std::string digest(const NetworkId& network, const wire::Enrolment& claim) {
    Encoder all{"vigil/claim/v1"};
    const auto text = [&all](std::string_view value) {
        all.bytes(keccak256({reinterpret_cast<const std::uint8_t*>(value.data()), value.size()}));
    };
    all.bytes(network).bytes(claim.payout);
    text(claim.name);
    text(claim.region);
    text(claim.version);
    for (const wire::DeviceClaim& device : claim.devices) {
        text(device.uid);
        text(device.model);
        text(device.driver);
        all.u64(device.memory_bytes).u32(static_cast<std::uint32_t>(device.backend));
    }
    return to_hex(all.hash());
}

}  // namespace

bool enrolled_as(const fs::path& data_dir, const NetworkId& network, const wire::Enrolment& claim) {
    return kept(data_dir).digest == digest(network, claim);
}

std::uint64_t next_sequence(const fs::path& data_dir, std::uint64_t at_least) {
    return std::max(kept(data_dir).sequence + 1, at_least);
}

void save_enrolment(const fs::path& data_dir, const NetworkId& network,
                    const wire::Enrolment& claim) {
    keep(data_dir, digest(network, claim), claim.sequence);
}

void forget_enrolment(const fs::path& data_dir) {
    const Kept known = kept(data_dir);
    if (known.digest.empty()) return;
    keep(data_dir, "forgotten", known.sequence);
}

}  // namespace vigil::node
