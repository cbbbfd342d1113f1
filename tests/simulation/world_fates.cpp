#include <algorithm>
#include <utility>

#include "tests/simulation/world.hpp"

namespace vigil::verifier::simulation {

void World::shut_down(std::size_t verifier) { verifiers_.at(verifier) = {}; }

void World::stop(std::size_t verifier) {
    verifiers_.at(verifier).timeline->leave();
    shut_down(verifier);
}

void World::pause(std::size_t verifier) { verifiers_.at(verifier).paused = true; }
void World::cut_off(std::size_t verifier) { verifiers_.at(verifier).cut_off = true; }

void World::go_on(std::size_t verifier) {
    Verifier& one = verifiers_.at(verifier);
    one.paused = one.cut_off = false;
    for (const AnswerRecord& answer : std::exchange(one.in_hand, {})) commit(one, answer);
}

bool World::running() const {
    return std::any_of(verifiers_.begin(), verifiers_.end(),
                       [](const Verifier& verifier) { return verifier.awake(); });
}

Store& World::store_of(Verifier& verifier) {
    return verifier.own_store ? *verifier.own_store : *store_;
}

World::Verifier& World::somebody(std::uint64_t salt) {
    for (std::uint64_t at = dice(++asked_, salt, 9);; ++at)
        if (Verifier& one = verifiers_[at % verifiers_.size()]; one.awake()) return one;
}

/// One that is cut off takes what is an answer to something it knows.
World::Verifier& World::taker(const Sent& sent) {
    const auto knows = [&](const Verifier& one, const Proof& proof) {
        const auto device = one.roster->device(proof.device);
        return device && one.schedule->find(*device, proof.challenge, now_);
    };
    for (std::uint64_t at = dice(++asked_, 4, 9);; ++at) {
        Verifier& one = verifiers_[at % verifiers_.size()];
        if (one.awake()) return one;
        if (one.reachable() && std::ranges::all_of(sent.answer.proofs, [&](const Proof& proof) {
                return knows(one, proof);
            }))
            return one;
    }
}

}  // namespace vigil::verifier::simulation
