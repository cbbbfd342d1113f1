#pragma once

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace vigil::node::test {

/// Listens on a port of this machine and misbehaves below TLS.
class TcpPeer {
public:
    enum class Manner { hangs_up, speaks_http, relays };

    /// `target`: the local port it relays to.
    explicit TcpPeer(Manner manner, int target = 0);
    ~TcpPeer();
    TcpPeer(const TcpPeer&) = delete;
    TcpPeer& operator=(const TcpPeer&) = delete;

    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
    int port() const { return port_; }
    /// What is connected now carries nothing any more and stays open; new connections work.
    /// The kernel goes on acknowledging what is sent: so it looks where a proxy stands in between.
    void swallow();
    /// The same, and nothing is acknowledged: as when a machine loses power.
    void vanish();

private:
    struct Pair {
        int ends[2];
        bool open = true;
    };
    enum class Loss { none, swallowed, vanished };

    void lose(Loss how);
    void serve();
    void accept_one();
    void carry(Pair& pair, int from);

    const Manner manner_;
    const int target_;
    int listening_ = -1;
    int port_ = 0;
    std::vector<Pair> pairs_;             // the thread's only
    std::atomic<Loss> loss_{Loss::none};  // wanted of the thread
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

}  // namespace vigil::node::test
