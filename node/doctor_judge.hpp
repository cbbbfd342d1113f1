#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/policy/policy.hpp"
#include "health/cuda_driver.hpp"
#include "health/monitor.hpp"
#include "node/certificate.hpp"
#include "node/findings.hpp"
#include "node/limits.hpp"
#include "node/searchers.hpp"
#include "node/verifier_link_look.hpp"

/// What `doctor` makes of what it read, as pure functions: nothing here asks anybody.
namespace vigil::node {

struct DriverReading {
    unsigned cards_on_bus{};  ///< NVIDIA display controllers in /sys/bus/pci
    std::string driver;       ///< of NVML or the kernel's module, "580.65.06"; empty: none
    health::CudaDriver cuda;
    int toolkit{};                         ///< as cuda_toolkit_version()
    std::vector<std::string> opencl_uids;  ///< what OpenCL serves
};
/// The driver against the toolkit, and each card that this build has no code for.
std::vector<Finding> judge_driver(const DriverReading& reading);

struct GpuReading {
    std::string label;  ///< "cuda0", or "-" for one that is not used
    std::string uid, name;
    std::optional<health::CudaCard> card;
    std::uint64_t memory_bytes{};  ///< of the device's description; 0: unknown
    health::Health health;
    std::string pci_address{};  ///< of the device's description
};
/// What it is, in one line, and a line for each thing wrong with it.
std::vector<Finding> judge_gpu(const GpuReading& reading);

/// Whether it would rest now by its owner's limits, and which of those nothing can be read for.
std::vector<Finding> judge_limits(const GpuReading& reading, const Limits& limits);

std::vector<Finding> judge_opencl(const OpenclListing& listing);

/// Of a certificate that is to be trusted because of `trust`, in words. A pinned one is believed
/// whatever its dates.
Finding judge_certificate(const PeerCertificate& shown, bool pinned, const std::string& trust,
                          Instant now);

/// `offset`: this clock − the verifier's.
Finding judge_clock(Milliseconds offset);

/// `own`: this program's version.
Finding judge_versions(const std::string& own, const wire::Network& network);

/// One device, hashed for a second.
struct HashReading {
    std::string label, uid, name, kernel;
    std::string failure;  ///< of the reference check or the search
    double rate{};        ///< hashes a second
    std::string pci_address{};
};
Finding judge_hashing(const HashReading& reading, bool node_runs);

struct PassTerms {
    Policy policy;
    std::chrono::microseconds round_trip{};
    std::int64_t duty{};     ///< percent
    bool node_runs = false;  ///< a running node shares the devices, so that less was measured
    Instant verifier_time{};
};
/// `known`: what the verifier has of this device, nullptr where it was never enrolled.
Finding judge_rate(const HashReading& reading, const VerifierLook::Known* known,
                   const PassTerms& terms);
/// Whether an answer arrives before the deadline.
Finding judge_deadline(const PassTerms& terms);

/// Of the text of /proc/driver/nvidia/version, "580.65.06"; empty where it holds none.
std::string driver_version(std::string_view proc_text);

/// "CUDA 12.4".
std::string cuda_words(int version);

}  // namespace vigil::node
