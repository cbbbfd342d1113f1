#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "proto/edge/kernel_watch.hpp"

struct addrinfo;

namespace vigil::verifier {

struct DoorOptions {
    std::string address;
    std::uint16_t port = 0;  ///< 0: a free one
    int per_second = 800;    ///< connections that may come in
    int burst = 400;         ///< that many at once
    edge::KernelWatch watch{std::chrono::seconds{30}, std::chrono::seconds{30}};  ///< of peers
};

/// The port that nodes connect to. A TLS handshake costs the network threads as much as fifteen
/// answers, and a call can be refused only after it; so where many come at once, as after a
/// restart, they wait in the kernel's queue (4,096 at most, the rest in their own kernel's
/// repetitions), where they cost nothing, and those that are inside are served meanwhile.
class Door {
public:
    using Take = std::function<void(int listener, int connection)>;  ///< owns the connection

    /// Listens, and lets nobody in yet. Throws edge::Fatal E-PORT.
    explicit Door(const DoorOptions& options);
    ~Door();  ///< closes
    Door(const Door&) = delete;
    Door& operator=(const Door&) = delete;

    std::uint16_t port() const { return port_; }
    void open(Take take);  ///< on a thread of its own; once
    void close();          ///< who waits is turned away, and may go elsewhere at once

private:
    using SteadyTime = std::chrono::steady_clock::time_point;

    bool listen_at(const addrinfo& at, std::string& why);
    void serve(const Take& take);
    void let_in(int listener, const Take& take);
    bool closing_within(std::chrono::milliseconds time) const;

    const std::chrono::nanoseconds apart_, burst_;
    const edge::KernelWatch watch_;
    std::vector<int> listeners_;
    int wake_ = -1;  ///< an eventfd: closing
    std::uint16_t port_ = 0;
    std::thread thread_;
    SteadyTime next_{};  ///< the thread's: when the next one may come in
};

}  // namespace vigil::verifier
