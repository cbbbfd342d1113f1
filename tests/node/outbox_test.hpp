#pragma once

#include <atomic>
#include <gtest/gtest.h>

#include "core/base/ids.hpp"
#include "node/outbox.hpp"
#include "tests/node/tiny_searcher.hpp"

/// What the tests of the outbox share.
namespace vigil::node::outbox_test {

using test::check_of;
using test::eventually;
using test::Folder;

inline const SigningKey node_key{KeySeed{{1}}};
inline const SigningKey verifier_key{KeySeed{{2}}};
inline const NetworkId network = network_id("test");

inline DeviceId device(std::uint8_t fill) {
    DeviceId id;
    id.bytes.fill(fill);
    return id;
}
inline Proof proof_of(std::uint8_t fill) {
    Challenge challenge;
    challenge.bytes.fill(fill);
    return {device(fill), challenge, {1, 2, 3}, 100};
}

/// A verifier that the test plays.
struct Played {
    std::mutex mutex;
    // guarded by mutex
    std::vector<SignedAnswer> streamed, called;
    std::vector<Receipt> receipts;
    std::vector<Refusal> refusals;
    int undelivered = 0;
    std::size_t largest_call = 0;  ///< bytes of nonces

    std::atomic<bool> stream_open{true};
    std::atomic<bool> reachable{true};
    std::atomic<bool> answering{true};  ///< calls bring receipts; else a refusal with retry

    static Receipt receipt_for(const AnswerId& id) {
        const Instant received = instant_from_ms(5);
        return {id, received, verifier_key.sign(receipt_bytes(network, id, received))};
    }

    AnswerWays ways() {
        return {.stream =
                    [this](const SignedAnswer& answer) {
                        if (!stream_open) return false;
                        const std::lock_guard lock{mutex};
                        streamed.push_back(answer);
                        return true;
                    },
                .call = [this](std::span<const SignedAnswer> answers)
                    -> Expected<std::vector<AnswerOutcome>, std::string> {
                    if (!reachable) return tl::unexpected{std::string{"no route"}};
                    const std::lock_guard lock{mutex};
                    std::vector<AnswerOutcome> outcomes;
                    std::size_t bytes = 0;
                    for (const SignedAnswer& answer : answers)
                        for (const Proof& proof : answer.answer.proofs)
                            bytes += 10 * proof.nonces.size();
                    largest_call = std::max(largest_call, bytes);
                    for (const SignedAnswer& answer : answers) {
                        called.push_back(answer);
                        if (answering)
                            outcomes.emplace_back(receipt_for(answer.id));
                        else
                            outcomes.emplace_back(Refusal{wire::RefusalReason::busy, "later",
                                                          answer.id, Milliseconds{50}});
                    }
                    return outcomes;
                }};
    }
    OutboxEvents events() {
        return {.sent = [](const SignedAnswer&) {},
                .receipted =
                    [this](const Receipt& receipt, const SignedAnswer&) {
                        const std::lock_guard lock{mutex};
                        receipts.push_back(receipt);
                    },
                .refused =
                    [this](const Refusal& refusal, const SignedAnswer&) {
                        const std::lock_guard lock{mutex};
                        refusals.push_back(refusal);
                    },
                .undelivered =
                    [this](const SignedAnswer&) {
                        const std::lock_guard lock{mutex};
                        ++undelivered;
                    },
                .unsent = [](std::size_t) {}};
    }
    template <class Member>
    std::size_t count(const Member& member) {
        const std::lock_guard lock{mutex};
        return member.size();
    }
    /// Copies: more may be sent meanwhile.
    SignedAnswer streamed_at(std::size_t index) {
        const std::lock_guard lock{mutex};
        return streamed.at(index);
    }
    SignedAnswer last_called() {
        const std::lock_guard lock{mutex};
        return called.back();
    }
};

struct OutboxTest : ::testing::Test {
    Folder folder;
    Played played;
    DiskThread disk;

    std::unique_ptr<Outbox> open() { return open(played.events()); }
    std::unique_ptr<Outbox> open(OutboxEvents events) {
        return std::make_unique<Outbox>(
            OutboxPlace{network, verifier_key.public_key(), folder.path(),
                        instant_from_ms(1'700'000'000'000), std::chrono::steady_clock::now(),
                        &disk},
            node_key, played.ways(), std::move(events));
    }
    std::size_t kept() { return load_outbox(folder.path(), network, node_key).answers.size(); }
};

inline SteadyTime in(Milliseconds time) { return std::chrono::steady_clock::now() + time; }

}  // namespace vigil::node::outbox_test
