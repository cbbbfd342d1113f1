#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/instant.hpp"
#include "core/schedule/calendar.hpp"
#include "core/uptime/judge.hpp"
#include "core/work/searcher.hpp"

/// What travels between node and verifier, in core's types: no generated code here. wire.hpp
/// translates. Limits are those of the .proto files; whatever comes from outside is held to them.
namespace vigil::wire {

constexpr std::size_t max_devices = 64;           ///< of a node; also proofs of an answer
constexpr std::size_t max_nonces = 4'096;         ///< of a proof
constexpr std::size_t max_answers = 16;           ///< in one SubmitAnswers
constexpr std::size_t max_enrolment = 64 * 1024;  ///< bytes
constexpr std::size_t max_message = 1024 * 1024;  ///< bytes the verifier takes at once

/// Why something was refused. The numbers are those of vigil.v1.RefusalReason.
enum class RefusalReason : std::uint8_t {
    malformed = 1,
    too_large = 2,
    wrong_signature = 3,
    unknown_node = 4,
    unknown_device = 5,
    unknown_challenge = 6,
    foreign_challenge = 7,
    check_closed = 8,
    bad_payout_address = 9,
    stale_enrolment = 10,
    wrong_network = 11,
    version_too_old = 12,
    busy = 13,
    too_often = 14,
    unavailable = 15,
    not_opened = 16,
    not_found = 17
};
constexpr unsigned refusal_reasons = 17;           ///< they count from 1 without a gap
std::string_view to_string(RefusalReason reason);  ///< "wrong_signature": metric label and log word

struct Refusal {
    RefusalReason reason{};
    std::string message;         ///< what was compared and what to do
    AnswerId answer;             ///< where it could be computed; else zero
    Milliseconds retry_after{};  ///< zero: never again with the same bytes
};

struct Receipt {
    AnswerId answer;
    Instant received;
    Signature signature;  ///< protocol 9.3
    friend bool operator==(const Receipt&, const Receipt&) = default;
};

struct SignedAnswer {
    Answer answer;
    Signature signature;
};

struct DeviceClaim {
    std::string uid;  ///< 1 to 128 bytes
    Backend backend{};
    std::string model, driver;  ///< at most 128 bytes each
    std::uint64_t memory_bytes{};
    friend bool operator==(const DeviceClaim&, const DeviceClaim&) = default;
};

/// What a node says of itself. Texts that came from outside hold no control characters.
struct Enrolment {
    PublicKey key;
    PayoutAddress payout;
    std::string name;     ///< at most 64 bytes
    std::string region;   ///< at most 32 bytes
    std::string version;  ///< at most 32 bytes
    std::vector<DeviceClaim> devices;
    std::uint64_t sequence{};
};

/// A check that may be answered. Without a device: every device of the node (protocol 3.3).
struct OpenCheck {
    CheckKind kind{};
    std::uint64_t ref{};
    Beacon beacon;
    std::optional<DeviceId> device;
    std::uint32_t k{};
    Milliseconds work{};
    Milliseconds spread{};
    Instant start;
    Instant deadline;
    Milliseconds remaining{};  ///< deadline − the verifier's clock when the message was made
    PolicyHash policy;
    friend bool operator==(const OpenCheck&, const OpenCheck&) = default;
};

struct JudgedCheck {
    DeviceId device;
    CheckKind kind{};
    std::uint64_t ref{};
    Verdict verdict{};
    std::uint64_t rate{};
    std::uint64_t baseline{};
    std::string reason;
};

struct Network {
    std::string name;
    NetworkId id;
    std::string policy_text;
    PolicyHash policy_hash;
    PublicKey receipt_key;
    DayIndex programme_start_day;
    Instant time;
    std::string verifier_version;
    std::string minimum_node_version;
    std::string recommended_node_version;
    std::string recommended_by;  ///< "2026-12-01"; empty: no date
};

}  // namespace vigil::wire
