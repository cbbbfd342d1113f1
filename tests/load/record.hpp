#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/instant.hpp"

namespace vigil::load {

/// A receipt as it came, kept to be compared with the store.
struct KeptReceipt {
    AnswerId answer;
    Instant received;
    Signature signature;
};

/// What happened on one loop: written by its thread, read by others while it is at rest.
struct Record {
    std::uint64_t sent = 0;     ///< answers, each once however often it was sent again
    std::uint64_t again = 0;    ///< sent once more, after a refusal that said when
    std::uint64_t replied = 0;  ///< receipts and final refusals
    std::uint64_t unasked = 0;  ///< replies to what was not sent, or was replied to before
    std::uint64_t broken = 0;   ///< streams that ended without being asked to
    std::map<std::string, std::uint64_t> refusals;
    std::map<std::string, std::uint64_t> verdicts;
    std::map<std::string, std::uint64_t> pushed;  ///< checks and pongs that came over streams
    std::vector<std::uint32_t> latencies_us;      ///< from when an answer was due to its receipt
    std::vector<std::uint32_t> lags_us;  ///< from when it was due until it was handed to gRPC
    std::vector<KeptReceipt> receipts;

    void add(const Record& other);
    void clear_times();
};

/// The value that `per_mille` of all values do not exceed; 0 of none. Sorts nothing outside.
std::uint32_t quantile(std::vector<std::uint32_t> values, double per_mille);

}  // namespace vigil::load
