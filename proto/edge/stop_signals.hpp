#pragma once

#include <stop_token>
#include <thread>

namespace vigil::edge {

/// Turns the first SIGINT or SIGTERM into a stop request; the second ends the process at once, with
/// 130. A handler, not a blocked mask: a mask would be inherited by the processes that this one
/// starts. SIGPIPE is ignored from then on. One at a time. Throws Fatal E-FILES.
class StopSignals {
public:
    StopSignals();
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;
    ~StopSignals();  ///< the two signals do again what they did by default

    std::stop_token token() const { return source_.get_token(); }

private:
    void wait();

    std::stop_source source_;
    std::thread waiter_;
};

}  // namespace vigil::edge
