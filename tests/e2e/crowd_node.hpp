#pragma once

#include <atomic>
#include <condition_variable>
#include <grpcpp/grpcpp.h>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/crypto/ed25519.hpp"
#include "proto/signed_texts.hpp"
#include "proto/wire.hpp"
#include "vigil/v1/node.grpc.pb.h"

namespace vigil::e2e {

struct CrowdOptions {
    std::string address;
    std::string ca_pem;
    std::uint64_t hashes = 200;  ///< tried for each check
    std::size_t devices = 2;     ///< of a node
    unsigned delay_ms = 800;     ///< answers leave within this time after a check is learned
};

/// Receipts that a node holds, one JSON line each, on stable storage before they count. Any thread.
class ReceiptsFile {
public:
    explicit ReceiptsFile(const std::string& path);
    ~ReceiptsFile();
    void keep(const std::string& line);

private:
    std::mutex mutex_;
    int file_;
};

struct CrowdCounts {
    std::atomic<std::uint64_t> sent{0}, receipts{0}, repeated{0}, sessions{0}, expired{0};
    /// Receipts that are not the verifier's, or differ from the first for the same answer.
    std::atomic<std::uint64_t> wrong_receipts{0};
    std::mutex mutex;
    std::map<std::string, std::uint64_t> refusals;  // guarded by mutex
};

/// A node as small as the protocol allows, over its own TLS connection: real signatures, a little
/// real work, answers sent again until a receipt or the deadline. Comes back whenever the verifier
/// does.
class CrowdNode {
public:
    CrowdNode(const CrowdOptions& options, std::uint64_t seed, ReceiptsFile& file,
              CrowdCounts& counts);
    ~CrowdNode();  ///< stops

private:
    using Steady = std::chrono::steady_clock;
    using Stream = grpc::ClientReaderWriter<v1::SessionRequest, v1::SessionResponse>;
    struct Pending {
        wire::SignedAnswer answer;
        std::string places;  ///< JSON of the checks it answers
        Steady::time_point due, until;
        std::optional<Instant> received;  ///< once there is a receipt
        bool again = false;               ///< to be sent once more, to see the same receipt
    };

    void run();
    bool enrol();
    void hold_session();
    void take(const v1::SessionResponse& message);
    void take_receipt(const v1::Receipt& message);
    void take_refusal(const v1::Refusal& message);
    void learn(const v1::OpenCheck& message);
    std::vector<std::uint64_t> work(const Challenge& challenge, std::uint32_t k) const;
    void write_until(const std::atomic<bool>& ended);

    const CrowdOptions& options_;
    ReceiptsFile& file_;
    CrowdCounts& counts_;
    std::mt19937_64 random_;
    SigningKey key_;
    NodeId id_;
    std::vector<DeviceId> devices_;
    std::unique_ptr<v1::NodeService::Stub> stub_;
    NetworkId network_;
    std::optional<VerifyingKey> receipt_key_;

    std::mutex mutex_;
    std::condition_variable changed_;
    // guarded by mutex_
    std::map<AnswerId, Pending> pending_;
    std::set<Challenge> answered_;
    grpc::ClientContext* context_ = nullptr;
    std::shared_ptr<Stream> stream_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace vigil::e2e
