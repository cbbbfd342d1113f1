#pragma once

#include <atomic>
#include <memory>

#include "node/verifier_link_calls.hpp"

namespace vigil::node {

/// The live stream of a node: hello, opening, then whatever comes (vigil.v1.NodeService.Session).
/// One at a time; the same object serves one session after another.
class Session {
public:
    /// All references outlive the session. Events are told on the thread that holds it.
    Session(const LinkIdentity& identity, const LinkEvents& events,
            const std::function<Instant()>& now);
    ~Session();

    struct End {
        bool opened{};
        Milliseconds lasted{};
        std::optional<Milliseconds> come_back_after;  ///< as the verifier said
        bool unknown_node{};                          ///< an answer was refused so: enrol again
        std::optional<LinkTrouble> trouble;
    };
    /// Opens and reads until the stream ends or line.context is cancelled. Gives a silent session
    /// up. Throws AttemptFailed when it could not be opened or is refused for good, Fatal
    /// E-NETWORK.
    End hold(const Line& line, const NetworkId& network);

    /// Any thread. False: none is open.
    bool send(const SignedAnswer& answer);
    /// Asks for a sign of life: is there one, heard_since() says so soon. Any thread.
    void ask();
    /// Something came over an open session since then. Any thread.
    bool heard_since(SteadyTime then) const;

private:
    struct Open;
    const LinkIdentity& identity_;
    const LinkEvents& events_;
    const std::function<Instant()>& now_;
    std::unique_ptr<Open> open_;
};

}  // namespace vigil::node
