#include "node/outbox.hpp"

#include <algorithm>
#include <spdlog/spdlog.h>

#include "node/console_lines.hpp"
#include "proto/edge/logging.hpp"

namespace vigil::node {
namespace {

using std::chrono::steady_clock;

constexpr Milliseconds batch_wait{100};
constexpr Milliseconds receipt_wait{3000};  // for a receipt over the stream, before a call is tried
constexpr Milliseconds receipt_grace{2000};  // after the deadline, for a receipt on its way
constexpr Milliseconds last_try{500};        // before the deadline
constexpr Milliseconds first_pause{500};
constexpr Milliseconds longest_pause{8000};
constexpr Milliseconds save_pause{1000};  // after a save that failed
constexpr std::size_t waiting_limit = 256;
constexpr std::size_t settled_limit = 1024;
constexpr std::size_t batch_limit = 256;
constexpr std::size_t call_limit = wire::max_answers;
// Below the 1 MiB a message may have (vigil.v1), with room for what is around the answers.
constexpr std::size_t call_bytes = 960 * 1024;
constexpr std::size_t answer_bytes = 512 * 1024;

/// No encoding of it is longer.
std::size_t longest_encoding(const Proof& proof) { return 128 + 10 * proof.nonces.size(); }
std::size_t longest_encoding(const Answer& answer) {
    std::size_t bytes = 128;
    for (const Proof& proof : answer.proofs) bytes += longest_encoding(proof);
    return bytes;
}

}  // namespace

Outbox::Outbox(OutboxPlace place, SigningKey key, AnswerWays ways, OutboxEvents events)
    : place_{std::move(place)},
      key_{std::move(key)},
      ways_{std::move(ways)},
      events_{std::move(events)},
      receipt_key_{place_.receipt_key} {
    const OutboxState kept = load_outbox(place_.data_dir, place_.network, key_);
    settled_.assign(kept.answered.begin(), kept.answered.end());
    for (const KeptAnswer& entry : kept.answers) {
        const SteadyTime until = place_.verifier_seen + (entry.deadline - place_.verifier_time);
        spdlog::info("an answer of the run before has no receipt yet; sending it again");
        waiting_.emplace(entry.answer.id,
                         Waiting{entry.answer, entry.deadline, until, steady_clock::now(),
                                 Backoff{first_pause, longest_pause, random_u64()}});
    }
    thread_ = std::thread{[this] { run(); }};
}

Outbox::~Outbox() {
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
        changed_.notify_all();
    }
    thread_.join();
}

void Outbox::expect(const OpenCheck& check, const DeviceId& device) {
    const std::lock_guard lock{mutex_};
    const BatchKey key{check.kind, check.ref, check.device};
    if (!batches_.contains(key) && batches_.size() >= batch_limit) return;
    Batch& batch = batches_[key];
    batch.check = check;
    batch.expected.insert(device);
}

void Outbox::add(const OpenCheck& check, const DeviceId& device, SteadyTime deadline,
                 std::optional<Proof> proof) {
    const std::lock_guard lock{mutex_};
    const BatchKey key{check.kind, check.ref, check.device};
    Batch& batch = batches_[key];
    batch.check = check;
    batch.expected.erase(device);
    if (proof) {
        if (batch.proofs.empty()) {
            batch.ready = steady_clock::now() + batch_wait;
            batch.until = deadline;
        }
        batch.until = std::min(batch.until, deadline);
        batch.proofs.push_back(std::move(*proof));
    }
    if (batch.expected.empty() && batch.proofs.empty()) batches_.erase(key);
    changed_.notify_all();
}

void Outbox::post(const OpenCheck& check, Answer answer, SteadyTime until) {
    const std::lock_guard lock{mutex_};
    enter(check.kind, check.deadline, std::move(answer), until);
    changed_.notify_all();
}

void Outbox::enter(CheckKind kind, Instant deadline, Answer answer, SteadyTime until) {
    const ByteVector bytes = signed_bytes(place_.network, answer);
    const SignedAnswer made{kind, std::move(answer), answer_id(bytes), key_.sign(bytes)};
    if (waiting_.size() >= waiting_limit) {
        const auto oldest = std::min_element(
            waiting_.begin(), waiting_.end(),
            [](const auto& a, const auto& b) { return a.second.until < b.second.until; });
        spdlog::error("over {} answers wait for a receipt; the oldest is given up", waiting_limit);
        waiting_.erase(oldest);
    }
    waiting_.insert_or_assign(made.id, Waiting{made, deadline, until, steady_clock::now(),
                                               Backoff{first_pause, longest_pause, random_u64()}});
    unsaved_ = true;
}

void Outbox::enter_apart(const OpenCheck& check, std::vector<Proof> proofs, SteadyTime until) {
    Answer together;
    const auto enter_those = [&](Answer answer) {
        if (!answer.proofs.empty()) enter(check.kind, check.deadline, std::move(answer), until);
    };
    for (Proof& proof : proofs) {
        if (alone_.contains(proof.device)) {
            enter_those(Answer{{std::move(proof)}});
            continue;
        }
        if (longest_encoding(together) + longest_encoding(proof) > answer_bytes ||
            together.proofs.size() == wire::max_devices)
            enter_those(std::exchange(together, {}));
        together.proofs.push_back(std::move(proof));
    }
    enter_those(std::move(together));
}

/// One proof that the verifier does not take must not cost its neighbours: each goes again, signed
/// anew. False when there is nothing to divide or no time.
bool Outbox::split(const SignedAnswer& answer, Instant deadline, SteadyTime until) {
    if (answer.answer.proofs.size() < 2 || steady_clock::now() >= until) return false;
    for (const Proof& proof : answer.answer.proofs)
        enter(answer.kind, deadline, Answer{{proof}}, until);
    return true;
}

void Outbox::settle(const Answer& answer) {
    for (const Proof& proof : answer.proofs) {
        settled_.push_back(proof.challenge);
        if (settled_.size() > settled_limit) settled_.pop_front();
    }
    unsaved_ = true;
}

void Outbox::take(const Receipt& receipt) {
    std::unique_lock lock{mutex_};
    const auto found = waiting_.find(receipt.answer);
    if (found == waiting_.end()) return;  // receipted before: a repeat gets the same receipt
    if (!VerifyingKey{receipt_key_}.verifies(
            receipt_bytes(place_.network, receipt.answer, receipt.received), receipt.signature)) {
        spdlog::error("a receipt for {} has a wrong signature and proves nothing; asking again",
                      to_hex(receipt.answer).substr(0, 16));
        return;
    }
    const SignedAnswer answer = std::move(found->second.answer);
    waiting_.erase(found);
    settle(answer.answer);
    for (const Proof& proof : answer.answer.proofs) alone_.erase(proof.device);
    const std::size_t left = waiting_.size();
    ++telling_;
    lock.unlock();
    events_.receipted(receipt, answer);
    events_.unsent(left);
    lock.lock();
    --telling_;
    changed_.notify_all();
}

void Outbox::take(const Refusal& refusal) { refused(refusal, true); }

void Outbox::refused(const Refusal& refusal, bool over_session) {
    std::unique_lock lock{mutex_};
    const auto found = waiting_.find(refusal.answer);
    if (found == waiting_.end()) return;
    // A node the verifier does not know is enrolled again by the link: the answer may then be
    // taken.
    const bool again =
        refusal.retry_after.count() > 0 || refusal.reason == wire::RefusalReason::unknown_node;
    if (again) {
        // Not all of a fleet in the same moment.
        const Milliseconds pause = refusal.retry_after + found->second.pauses.next();
        const auto now = steady_clock::now();
        // Nor beyond the last moment that can help.
        found->second.next = std::min(
            now + pause, std::max(now + refusal.retry_after, found->second.until - last_try));
        // It lives, and what comes over a session is served before what calls bring.
        if (over_session) found->second.unheard = false;
        spdlog::info("the verifier asks to send an answer again in {} ms: {}", pause.count(),
                     edge::for_log(refusal.message));
        changed_.notify_all();
        return;
    }
    const SignedAnswer answer = std::move(found->second.answer);
    const Instant deadline = found->second.deadline;
    const SteadyTime until = found->second.until;
    waiting_.erase(found);
    if (split(answer, deadline, until)) {
        spdlog::warn("an answer with {} proofs was refused, {}: each goes again by itself",
                     answer.answer.proofs.size(), wire::to_string(refusal.reason));
        changed_.notify_all();
        return;
    }
    settle(answer.answer);
    if (answer.answer.proofs.size() == 1 && alone_.size() < wire::max_devices)
        alone_.insert(answer.answer.proofs.front().device);
    const std::size_t left = waiting_.size();
    changed_.notify_all();
    lock.unlock();
    events_.refused(refusal, answer);
    events_.unsent(left);
}

void Outbox::connected(const PublicKey& receipt_key) {
    const std::lock_guard lock{mutex_};
    if (receipt_key != receipt_key_)
        spdlog::error(
            "the verifier signs receipts with another key now, {} instead of {}: ask the operator "
            "whether it was changed on purpose",
            to_hex(receipt_key).substr(0, 16), to_hex(receipt_key_).substr(0, 16));
    receipt_key_ = receipt_key;
    for (auto& [id, entry] : waiting_) {
        entry.next = steady_clock::now();
        entry.unheard = false;
    }
    changed_.notify_all();
}

bool Outbox::settled(const Challenge& challenge) const {
    const std::lock_guard lock{mutex_};
    if (std::find(settled_.begin(), settled_.end(), challenge) != settled_.end()) return true;
    return std::any_of(waiting_.begin(), waiting_.end(), [&](const auto& entry) {
        const auto& proofs = entry.second.answer.answer.proofs;
        return std::any_of(proofs.begin(), proofs.end(),
                           [&](const Proof& p) { return p.challenge == challenge; });
    });
}

bool Outbox::empty() const {
    const std::lock_guard lock{mutex_};
    return batches_.empty() && waiting_.empty();
}

void Outbox::sign_ready_batches(SteadyTime now) {
    for (auto entry = batches_.begin(); entry != batches_.end();) {
        Batch& batch = entry->second;
        if (batch.proofs.empty() || (!batch.expected.empty() && now < batch.ready)) {
            ++entry;
            continue;
        }
        enter_apart(batch.check, std::exchange(batch.proofs, {}), batch.until);
        entry = batch.expected.empty() ? batches_.erase(entry) : std::next(entry);
    }
}

void Outbox::drop_overdue(std::unique_lock<std::mutex>& lock, SteadyTime now) {
    std::vector<SignedAnswer> overdue;
    for (auto entry = waiting_.begin(); entry != waiting_.end();) {
        if (now < entry->second.until + receipt_grace) {
            ++entry;
            continue;
        }
        overdue.push_back(std::move(entry->second.answer));
        entry = waiting_.erase(entry);
    }
    if (overdue.empty()) return;
    unsaved_ = true;
    const std::size_t left = waiting_.size();
    lock.unlock();
    for (const SignedAnswer& answer : overdue) events_.undelivered(answer);
    events_.unsent(left);
    lock.lock();
}

void Outbox::send_due(std::unique_lock<std::mutex>& lock, SteadyTime now) {
    std::vector<SignedAnswer> due;
    std::vector<bool> first, stream;
    std::size_t bytes = 0;
    for (auto& [id, entry] : waiting_) {
        if (entry.next > now || due.size() == call_limit) continue;
        const std::size_t longest = longest_encoding(entry.answer.answer);
        if (!due.empty() && bytes + longest > call_bytes) continue;
        bytes += longest;
        due.push_back(entry.answer);
        first.push_back(entry.attempts++ == 0);
        stream.push_back(!entry.unheard);
        entry.unheard = true;
        entry.next = now + receipt_wait;
    }
    if (due.empty()) return;
    const std::size_t left = waiting_.size();
    lock.unlock();
    events_.unsent(left);
    std::vector<SignedAnswer> by_call;
    for (std::size_t i = 0; i < due.size(); ++i) {
        if (first[i]) events_.sent(due[i]);
        // A stream that left an answer without a receipt may be dead without knowing it: the next
        // try is a call.
        if (!stream[i] || !ways_.stream(due[i])) by_call.push_back(due[i]);
    }
    if (by_call.empty()) {
        lock.lock();
        return;
    }
    const auto outcomes = ways_.call(by_call);
    for (std::size_t i = 0; outcomes && i < std::min(outcomes->size(), by_call.size()); ++i)
        std::visit(
            [&](auto outcome) {
                outcome.answer = by_call[i].id;
                if constexpr (std::is_same_v<decltype(outcome), Refusal>)
                    refused(outcome, false);
                else
                    take(outcome);
            },
            (*outcomes)[i]);
    lock.lock();
    if (outcomes) return;
    spdlog::debug("{} answers not delivered: {}", by_call.size(), outcomes.error());
    for (const SignedAnswer& answer : by_call)
        if (const auto entry = waiting_.find(answer.id); entry != waiting_.end())
            entry->second.next = steady_clock::now() + entry->second.pauses.next();
}

/// In the disk's thread, and not before what is done there for a receipt that was just told.
void Outbox::save() {
    if (!unsaved_ || saving_ || telling_ > 0) return;
    if (!stopping_ && steady_clock::now() < save_from_) return;
    OutboxState state;
    for (const auto& [id, entry] : waiting_)
        state.answers.push_back({entry.answer, entry.deadline});
    state.answered.assign(settled_.begin(), settled_.end());
    const auto write = [this, state = std::move(state), last = stopping_] {
        bool saved = false;
        try {
            if (events_.saving) events_.saving();
            save_outbox(place_.data_dir, place_.network, state);
            saved = true;
        } catch (const std::exception& failure) {
            if (!std::exchange(save_failed_, true))
                spdlog::warn("unsent answers cannot be saved, so a restart would lose them: {}",
                             failure.what());
        }
        const std::lock_guard lock{mutex_};
        if (saved) {
            save_failed_ = false;
        } else {
            unsaved_ = true;
            save_from_ = steady_clock::now() + save_pause;
            given_up_ = last;
        }
        saving_ = false;
        changed_.notify_all();
    };
    saving_ = place_.disk->post(write);
    unsaved_ = !saving_;
}

SteadyTime Outbox::next_wake(SteadyTime now) const {
    SteadyTime wake = now + std::chrono::seconds{1};
    for (const auto& [key, batch] : batches_)
        if (!batch.proofs.empty())
            wake = std::min(wake, batch.expected.empty() ? now : batch.ready);
    for (const auto& [id, entry] : waiting_) wake = std::min(wake, entry.next);
    return wake;
}

void Outbox::run() {
    std::unique_lock lock{mutex_};
    while (!stopping_) {
        const SteadyTime now = steady_clock::now();
        sign_ready_batches(now);
        drop_overdue(lock, now);
        send_due(lock, now);
        save();
        const SteadyTime wake = next_wake(steady_clock::now());
        if (!stopping_ && wake > steady_clock::now()) changed_.wait_until(lock, wake);
    }
    while (saving_ || (unsaved_ && telling_ == 0 && !given_up_)) {
        save();
        changed_.wait_for(lock, Milliseconds{100});
    }
}

}  // namespace vigil::node
