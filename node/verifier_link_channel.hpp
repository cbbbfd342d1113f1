#pragma once

#include <memory>
#include <string>
#include <vector>

#include "node/certificate.hpp"
#include "node/verifier_link.hpp"

namespace grpc {
class Channel;
class ClientContext;
}  // namespace grpc

namespace vigil::node {

/// The same options for each verifier, in the order they were named.
std::vector<LinkOptions> ways_of(const LinkOptions& options);

/// A channel of its own (no connection is shared or remembered), with the certificate rules of the
/// options.
std::shared_ptr<grpc::Channel> open_channel(const LinkOptions& options);

/// PEM texts of the authorities that the options name, or of the system's.
std::string authorities(const LinkOptions& options);
/// Whether a session would accept this certificate, as fetch_certificate() saw it.
bool verifies(const LinkOptions& options, const PeerCertificate& shown);
/// What E-CERT says of one that it does not.
WrongCertificate why_not_accepted(const LinkOptions& options, const PeerCertificate& shown);

/// A failed RPC, without gRPC's types.
struct RpcFailure {
    int code{};
    std::string message;
    std::string details;  ///< serialised google.rpc.Status
};

/// What a failed RPC means for the connection.
struct Diagnosis {
    LinkTrouble trouble;
    int exit_code{};
    bool certificate = false;       ///< trying again does not help before somebody has acted
    bool refused_for_good = false;  ///< likewise
    bool unknown_node = false;      ///< enrol again
    bool stale_enrolment = false;   ///< enrol with a greater sequence
    Milliseconds retry_after{};
};
/// Asks the address itself where gRPC's words are of no use (takes up to 3 s).
Diagnosis diagnose(const LinkOptions& options, const RpcFailure& failure);

}  // namespace vigil::node
