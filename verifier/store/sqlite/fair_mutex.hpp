#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace vigil::verifier::sqlite {

/// A mutex that is handed on in the order in which it was asked for. A std::mutex may be taken
/// again at once by who has just let go of it, so that a long row of short transactions, such as
/// closing a window, would keep the committer of answers waiting. For few waiting threads: each is
/// woken whenever it is handed on.
class FairMutex {
public:
    void lock();
    void unlock();

private:
    std::mutex mutex_;
    std::condition_variable handed_on_;
    // guarded by mutex_
    std::uint64_t next_ticket_{};
    std::uint64_t serving_{};
};

}  // namespace vigil::verifier::sqlite
