#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include "node/agent.hpp"
#include "node/board.hpp"
#include "node/config.hpp"
#include "node/metrics.hpp"
#include "node/verifier_link.hpp"

namespace vigil::node {

/// Options of the link from the configuration; reads the CA file. Throws Fatal E-CERT when it holds
/// no certificate.
LinkOptions link_options(const Config& config, const std::string& version);

/// The link together with what owners see of it: board, metrics, log. `board` and `metrics` outlive
/// it.
class Connection {
public:
    Connection(LinkOptions options, LinkIdentity identity, std::function<Instant()> now,
               Board& board, Metrics& metrics);
    ~Connection();

    /// How answers leave; safe to call before start().
    AnswerWays ways();
    /// `agent` outlives the connection's thread: call stop() first.
    void start(Agent& agent);
    void stop();
    Milliseconds round_trip() const;
    /// Set once the link has ended for good.
    std::optional<edge::Fatal> fatal() const;

private:
    LinkEvents events();
    void show_trouble(const LinkTrouble& trouble);
    void warn_of_clock(Milliseconds offset);
    void warn_of_version(const VersionAdvice& advice);

    const std::string address_, version_;
    const std::function<Instant()> now_;
    Board& board_;
    Metrics& metrics_;
    Agent* agent_ = nullptr;  // set before the thread starts
    mutable std::mutex mutex_;
    std::optional<edge::Fatal> fatal_;  // guarded by mutex_
    // The link's thread only.
    std::string last_trouble_, last_advice_;
    bool warned_of_clock_ = false;
    std::unique_ptr<VerifierLink> link_;
};

}  // namespace vigil::node
