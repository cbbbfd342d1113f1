#pragma once

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <thread>
#include <tuple>
#include <variant>
#include <vector>

#include "core/crypto/ed25519.hpp"
#include "node/disk_thread.hpp"
#include "node/journal.hpp"
#include "node/terms.hpp"
#include "node/timing.hpp"

namespace vigil::node {

using AnswerOutcome = std::variant<Receipt, Refusal>;

/// The two ways an answer can take. Called on the outbox's thread.
struct AnswerWays {
    /// Over the open stream; the outcome comes later through take(). False: no stream.
    std::function<bool(const SignedAnswer&)> stream;
    /// One call with a deadline, at most 16 answers: one outcome for each in order, or why nothing
    /// came back.
    std::function<Expected<std::vector<AnswerOutcome>, std::string>(std::span<const SignedAnswer>)>
        call;
};

/// Told once for each answer. Called on the thread that brought the news; must be quick: who writes
/// to a disk posts that to OutboxPlace::disk, where a receipt comes before the outbox's own file
/// forgets its answer.
struct OutboxEvents {
    std::function<void(const SignedAnswer&)> sent;  ///< first attempt
    std::function<void(const Receipt&, const SignedAnswer&)> receipted;
    std::function<void(const Refusal&, const SignedAnswer&)> refused;  ///< finally
    std::function<void(const SignedAnswer&)> undelivered;              ///< its deadline passed
    std::function<void(std::size_t)> unsent;                           ///< how many wait now
    /// In the disk's thread, before the outbox's own file forgets what was told.
    std::function<void()> saving{};
};

struct OutboxPlace {
    NetworkId network;
    PublicKey receipt_key;
    std::filesystem::path data_dir;
    Instant verifier_time;  ///< at `verifier_seen`: maps kept deadlines to this process's clock
    SteadyTime verifier_seen;
    DiskThread* disk{};  ///< outlives the outbox
};

/// Proofs become signed answers here, and answers leave: devices that finish a check within 100 ms
/// share one signature (4.3); an answer is sent at once, over the stream or by a call, again after
/// growing pauses until its deadline, and is kept on disk until its receipt or a final refusal
/// came. At most 256 answers wait; the oldest gives way. An answer is refused whole (5.2): when one
/// of several proofs was finally refused, each goes again in an answer of its own, and a device
/// refused alone shares no answer until it gets a receipt. Any thread.
class Outbox {
public:
    Outbox(OutboxPlace place, SigningKey key, AnswerWays ways, OutboxEvents events);
    ~Outbox();

    /// A device has begun with this check: its proof is waited for (at most 100 ms after
    /// another's).
    void expect(const OpenCheck& check, const DeviceId& device);
    /// The proof, or nothing when the device has none.
    void add(const OpenCheck& check, const DeviceId& device, SteadyTime deadline,
             std::optional<Proof> proof);
    /// A whole answer of its own.
    void post(const OpenCheck& check, Answer answer, SteadyTime until);

    void take(const Receipt& receipt);
    void take(const Refusal& refusal);  ///< over the session
    /// A connection was made: everything that waits is tried now, and receipts are read with this
    /// key.
    void connected(const PublicKey& receipt_key);

    /// Receipted, finally refused, or on its way.
    bool settled(const Challenge& challenge) const;
    bool empty() const;

private:
    struct Batch {
        OpenCheck check;
        std::set<DeviceId> expected;
        std::vector<Proof> proofs;
        SteadyTime ready;  ///< when it leaves at the latest; meaningful once there is a proof
        SteadyTime until;
    };
    struct Waiting {
        SignedAnswer answer;
        Instant deadline;
        SteadyTime until;
        SteadyTime next;
        Backoff pauses;
        unsigned attempts = 0;
        bool unheard = false;  ///< left over the session that there is, without a reply
    };
    using BatchKey = std::tuple<CheckKind, std::uint64_t, std::optional<DeviceId>>;

    void run();
    void sign_ready_batches(SteadyTime now);
    void enter(CheckKind kind, Instant deadline, Answer answer, SteadyTime until);
    void drop_overdue(std::unique_lock<std::mutex>& lock, SteadyTime now);
    void send_due(std::unique_lock<std::mutex>& lock, SteadyTime now);
    void save();
    SteadyTime next_wake(SteadyTime now) const;
    void refused(const Refusal& refusal, bool over_session);
    void settle(const Answer& answer);
    bool split(const SignedAnswer& answer, Instant deadline, SteadyTime until);
    void enter_apart(const OpenCheck& check, std::vector<Proof> proofs, SteadyTime until);

    const OutboxPlace place_;
    const SigningKey key_;
    const AnswerWays ways_;
    const OutboxEvents events_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    // guarded by mutex_
    PublicKey receipt_key_;
    std::map<BatchKey, Batch> batches_;
    std::map<AnswerId, Waiting> waiting_;
    std::deque<Challenge> settled_;
    std::set<DeviceId> alone_;  ///< refused the last time: one of these must not cost the others
    bool unsaved_ = false;
    SteadyTime save_from_{};  ///< after a failure, not at once
    bool given_up_ = false;   ///< could not be saved when all was over
    bool saving_ = false;     ///< a state is on its way to the disk
    int telling_ = 0;         ///< receipts that events_ is being told of
    bool stopping_ = false;
    bool save_failed_ = false;  // the disk's thread's: said once
    std::thread thread_;
};

}  // namespace vigil::node
