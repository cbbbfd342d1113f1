#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/work/best_k.hpp"
#include "core/work/sieve.hpp"

namespace vigil {

enum class Backend : std::uint8_t { cpu, opencl, cuda };
std::string_view to_string(Backend backend);

/// What a device says of itself: claimed, never verified (protocol 10).
struct DeviceDescription {
    std::string uid;   ///< stable across restarts (protocol 1.8)
    std::string name;  ///< model, as the driver prints it
    Backend backend{};
    std::string driver;
    std::string kernel;  ///< the code path in use, e.g. "avx512", "ulong8"
    std::uint64_t memory_bytes{};
    std::uint32_t compute_units{};  ///< threads, compute units or SMs
    std::string pci_address{};      ///< "0000:03:00.0" where known; of this machine, never sent
};

/// Both ends inclusive, so that a range can end at the last nonce, 2⁶⁴−1.
struct NonceRange {
    std::uint64_t first{};
    std::uint64_t last{};
};

struct SearchJob {
    Challenge challenge;
    std::uint32_t k{};
    NonceRange range;
};

struct SearchProgress {
    std::uint64_t hashes_tried{};  ///< of completed launches only
    std::chrono::steady_clock::duration elapsed{};
};

/// Asked between launches (every 20 to 100 ms, from one thread at a time); false ends the search.
/// May sleep: that is how an owner's duty limit works.
using KeepSearching = std::function<bool(const SearchProgress&)>;

struct SearchResult {
    std::vector<Found> best;  ///< at most k, ascending by (hash, nonce)
    std::uint64_t
        hashes_tried{};  ///< exactly the nonces first … first + hashes_tried − 1, each once
    std::chrono::steady_clock::duration elapsed{};
    bool range_exhausted{};
    /// Nonces the device reported that the host's own hash does not confirm; none is in `best`. An
    /// honest device has none.
    std::uint64_t mismatches{};
    Sieve sieve;  ///< of devices that are driven by launches
};

/// One device that searches (protocol 4.2). Three implementations: cpu, opencl, cuda.
///
/// Contract, held by tests/searchers: the result is exactly the k smallest hashes of the nonces
/// tried, the nonces tried are a prefix of the range, nothing is lost when hits are dense. k is 1
/// to 4,096. A search runs in the calling thread (and those it starts); one search at a time per
/// object. Throws SearchFailed when the device is lost or its driver reports an error; the object
/// may be used again.
class Searcher {
public:
    virtual ~Searcher() = default;
    virtual const DeviceDescription& device() const = 0;
    virtual SearchResult search(const SearchJob& job, const KeepSearching& keep_searching) = 0;

    /// The ways in which it can compute, what is expected to be fastest first. device().kernel is
    /// the one in use; all give the same results.
    virtual std::vector<std::string> kernels() const { return {device().kernel}; }
    /// Computes in this way from the next search on; may compile it, which takes seconds. Throws
    /// SearchFailed when the device cannot: then what was in use still is.
    virtual void use_kernel(std::string_view name);

    /// There will be no search for a while: what the device holds may be given back. The next
    /// search takes it again.
    virtual void rest() {}
};

struct SearchFailed : std::runtime_error {
    using std::runtime_error::runtime_error;
};

}  // namespace vigil
