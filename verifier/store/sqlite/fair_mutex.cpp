#include "verifier/store/sqlite/fair_mutex.hpp"

namespace vigil::verifier::sqlite {

void FairMutex::lock() {
    std::unique_lock lock{mutex_};
    const std::uint64_t ticket = next_ticket_++;
    handed_on_.wait(lock, [&] { return serving_ == ticket; });
}

void FairMutex::unlock() {
    {
        const std::scoped_lock lock{mutex_};
        ++serving_;
    }
    handed_on_.notify_all();
}

}  // namespace vigil::verifier::sqlite
