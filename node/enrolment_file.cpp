#include "node/enrolment_file.hpp"

#include <algorithm>
#include <sstream>

#include "core/base/encoder.hpp"
#include "core/crypto/keccak256.hpp"
#include "proto/edge/files.hpp"

namespace vigil::node {
namespace fs = std::filesystem;
namespace {

struct Kept {
    std::string digest;
    std::uint64_t sequence{};
};

Kept kept(const fs::path& data_dir) {
    std::istringstream text{edge::read_file_or_empty(data_dir / "enrolment", 4096)};
    Kept out;
    if (!(text >> out.digest >> out.sequence)) return {};
    return out;
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
    edge::replace_file(data_dir / "enrolment",
                       digest(network, claim) + " " + std::to_string(claim.sequence) + "\n", 0600);
}

void forget_enrolment(const fs::path& data_dir) {
    const Kept known = kept(data_dir);
    if (known.digest.empty()) return;
    edge::replace_file(data_dir / "enrolment", "forgotten " + std::to_string(known.sequence) + "\n",
                       0600);
}

}  // namespace vigil::node
