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

constexpr std::size_t file_limit = 256 * 1024;
constexpr std::size_t most_uids = 256;

struct Kept {
    std::string digest;
    std::uint64_t sequence{};
    std::set<std::string> uids;
};

/// Nothing when there is no such file or it cannot be read: then the node enrols anew, which costs
/// nothing, where not starting would cost its checks.
Kept kept(const fs::path& data_dir) {
    try {
        std::istringstream text{edge::read_file_or_empty(data_dir / "enrolment", file_limit)};
        Kept out;
        if (!(text >> out.digest >> out.sequence)) return {};
        std::string line;
        std::getline(text, line);
        while (std::getline(text, line)) out.uids.insert(line);
        return out;
    } catch (const edge::Fatal& failure) {
        spdlog::warn("what was enrolled before is not known: {}", failure.what());
    }
    return {};
}

void keep(const fs::path& data_dir, const Kept& now) {
    std::string text = fmt::format("{} {}\n", now.digest, now.sequence);
    for (const std::string& uid : now.uids) text += uid + "\n";
    // Readable: `retire --undo` may be run by another user than the node, and nothing in it is
    // secret.
    edge::replace_file(data_dir / "enrolment", text, 0644);
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

std::set<std::string> enrolled_uids(const fs::path& data_dir) { return kept(data_dir).uids; }

void save_enrolment(const fs::path& data_dir, const NetworkId& network,
                    const wire::Enrolment& claim) {
    Kept now{digest(network, claim), claim.sequence, {}};
    for (const wire::DeviceClaim& device : claim.devices) now.uids.insert(device.uid);
    for (const std::string& uid : kept(data_dir).uids)
        if (now.uids.size() < most_uids) now.uids.insert(uid);
    keep(data_dir, now);
}

void forget_enrolment(const fs::path& data_dir) {
    Kept known = kept(data_dir);
    if (known.digest.empty()) return;
    known.digest = "forgotten";
    keep(data_dir, known);
}

}  // namespace vigil::node
