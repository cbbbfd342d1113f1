#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/crypto/ed25519.hpp"
#include "node/outbox.hpp"
#include "node/terms.hpp"
#include "proto/edge/files.hpp"
#include "proto/edge/kernel_watch.hpp"

namespace vigil::node {

struct LinkOptions {
    std::string address;              ///< host:port
    std::vector<std::string> others;  ///< further verifiers of the same network
    std::string ca_pem;               ///< empty: the system's authorities
    std::string ca_origin;            ///< file it came from, for messages
    std::string fingerprint;          ///< SHA-256 in hexadecimal; decides alone when set
    bool poll = false;
    std::string version;
    Milliseconds first_pause{500};
    Milliseconds longest_pause{60'000};
    Milliseconds call_timeout{10'000};
    /// The kernel ends a session whose way is dead: what a node is not told of meanwhile, it
    /// misses.
    edge::KernelWatch watch{std::chrono::seconds{10}, std::chrono::seconds{9}};
    /// Pings measure the way, and find a verifier that is there and says nothing, or gone behind a
    /// proxy. They cost it some 0.1 ms each, so that they are rare.
    Milliseconds ping_every{420'000};
    Milliseconds ping_soon{3'000};      ///< between the first three, and while the way is slow
    Milliseconds silence_limit{8'000};  ///< nothing at all after a ping: the session is given up
};

/// Why there is no connection now, for people: "E-UNREACHABLE: …".
struct LinkTrouble {
    std::string code;
    std::string message;
};

/// Told on the link's thread, verdicts that came with a call on the caller's; must be quick.
struct LinkEvents {
    /// A session is open, or polling works. `seen` is when network.time was the verifier's time.
    std::function<void(const std::string& address, const wire::Network&, SteadyTime seen,
                       bool polling)>
        connected;
    std::function<void(const LinkTrouble&)> disconnected;  ///< also for every attempt that failed
    std::function<void(const OpenCheck&, SteadyTime learned)> check;
    std::function<void(const Receipt&)> receipt;
    std::function<void(const Refusal&)> refusal;
    std::function<void(const JudgedCheck&)> judged;
    std::function<void(Milliseconds round_trip, Milliseconds clock_offset)>
        ping;  ///< offset: node − verifier
    std::function<void(const edge::Fatal&)>
        fatal;  ///< the link has ended: trying again cannot help
};

/// Who the node says it is.
struct LinkIdentity {
    SigningKey key;
    NodeId node;
    std::filesystem::path data_dir;  ///< keeps the pinned network and the last enrolment
    wire::Enrolment claim;           ///< key and sequence are filled in here
};

/// The node's one connection: keeps a session open, enrols when needed, polls while no session can
/// be had, comes back after growing, jittered pauses (0.5 s to 60 s) or when the verifier says.
/// Several verifiers it tries in an order of its own, and goes to the next whenever it comes back,
/// after a first pause only until all have been tried.
/// Unreachable is never the end; a certificate that does not verify before the data folder knows a
/// network, another network, a refused enrolment or a version too old is. A call that got no answer
/// in time condemns its connection: session and channel are given up, and the next call takes a new
/// one.
class VerifierLink {
public:
    VerifierLink(LinkOptions options, LinkIdentity identity, std::function<Instant()> now,
                 LinkEvents events);
    ~VerifierLink();  ///< stops

    void start();
    void stop();  ///< ends the session; returns when the thread has ended

    // Any thread.
    /// Over the open session. False: there is none; nothing was sent.
    bool send(const SignedAnswer& answer);
    /// By SubmitAnswers, at most 16. The error says why nothing came back.
    Expected<std::vector<AnswerOutcome>, std::string> call(std::span<const SignedAnswer> answers);
    Milliseconds round_trip() const;

private:
    struct Running;
    std::unique_ptr<Running> running_;
};

/// The first day on which a device is no longer checked (protocol 8.5), and when it begins; nothing
/// where the network's policy cannot be read.
struct Retirement {
    std::int64_t day{};
    std::optional<Instant> from;
};
/// Retires a device. Of several verifiers the first that can be reached decides. Throws Fatal
/// E-UNREACHABLE, E-CERT, E-NETWORK or E-REFUSED.
Retirement retire_device(const LinkOptions& options, const LinkIdentity& identity,
                         const DeviceId& device, std::uint64_t sequence);

/// The network a verifier serves; throws like retire_device. For one-shot commands.
wire::Network ask_network(const LinkOptions& options);

}  // namespace vigil::node
