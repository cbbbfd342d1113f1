#pragma once

#include <atomic>
#include <thread>

#include "tests/load/byte_stream.hpp"

namespace vigil::load {

/// Somebody reads the whole time: pages of devices and of their checks, one call after the other
/// on each thread.
class Queries {
public:
    Queries(const Target& target, std::size_t threads);

    struct Figures {
        double a_second{};
        std::uint64_t failed{};
        std::vector<std::uint32_t> times_us;
    };
    Figures stop();

private:
    void ask(const Target& target, Figures& figures) const;

    std::atomic<bool> stopping_{false};
    const Steady::time_point begun_ = Steady::now();
    std::vector<Figures> figures_;
    std::vector<std::jthread> threads_;
};

}  // namespace vigil::load
