#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/crypto/ed25519.hpp"
#include "node/terms.hpp"

namespace vigil::node {

/// How far a device has come with a check: what a restart needs to go on.
struct Progress {
    DeviceId device;
    Challenge challenge;
    std::uint32_t k{};  ///< how many are kept, spares included
    std::uint64_t next_nonce{};
    std::uint64_t hashes_tried{};
    std::vector<std::uint64_t> nonces;  ///< of the smallest hashes so far, at most 4,096
};

/// Progress of every device, one small file each, replaced as a whole. put() returns at once: a
/// thread of its own writes the newest state, so that a slow disk never holds a device up. Any
/// thread.
class ProgressFiles {
public:
    explicit ProgressFiles(std::filesystem::path data_dir);
    ~ProgressFiles();  ///< writes what is left

    /// Replaces what was kept of the device. Nothing is ever removed: a finished check's progress
    /// matches no other challenge and is overwritten by the next.
    void put(Progress progress);
    /// What was saved for this challenge; nothing for another one, or when the file is damaged.
    std::optional<Progress> find(const DeviceId& device, const Challenge& challenge) const;

private:
    std::filesystem::path file(const DeviceId& device) const;
    void write_until_stopped();

    const std::filesystem::path data_dir_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    // guarded by mutex_
    std::map<DeviceId, Progress> waiting_;
    bool stopping_ = false;
    std::thread writer_;
};

/// An answer on its way, as it is kept over a restart.
struct KeptAnswer {
    SignedAnswer answer;
    Instant deadline;  ///< the verifier's clock
};

/// Unreceipted answers and the challenges that need no further work.
struct OutboxState {
    std::vector<KeptAnswer> answers;
    std::vector<Challenge> answered;  ///< receipted or finally refused, oldest first
};
/// A damaged or missing file gives an empty state; the damage is logged.
OutboxState load_outbox(const std::filesystem::path& data_dir, const NetworkId& network,
                        const SigningKey& key);
void save_outbox(const std::filesystem::path& data_dir, const NetworkId& network,
                 const OutboxState& state);

/// Removes what a process that was killed left of the files it was replacing: `.progress-….XXXXXX`,
/// `.outbox.json.XXXXXX`, `.enrolment.XXXXXX`, `.kernels.json.XXXXXX`, `.retired.XXXXXX` and the
/// like of the network's and the machine's names. Only for who holds the folder's lock.
void remove_drafts(const std::filesystem::path& data_dir);

/// Whether a line is on the disk when append() returns, or when the system pleases.
enum class Durable : bool { no, yes };

/// Appends lines to a file and keeps it and one predecessor (NAME.1) under `limit` bytes each. A
/// failing disk is logged once and never stops the node: what could not be written waits for the
/// next time, at most 1,024 lines, of which the oldest give way. Any thread.
class LineFile {
public:
    LineFile(std::filesystem::path path, std::uintmax_t limit, Durable durable = Durable::no);
    ~LineFile();  ///< tries once more what waits

    void append(const std::string& line);
    void keep(std::string line);  ///< for the next write_kept(); waits for no disk
    void write_kept();

private:
    bool write(const std::string& line);

    const std::filesystem::path path_;
    const std::uintmax_t limit_;
    const Durable durable_;
    std::mutex file_mutex_;
    bool failed_ = false;  // guarded by file_mutex_
    std::mutex mutex_;     // taken after file_mutex_, never held while writing
    // guarded by mutex_
    std::deque<std::string> kept_;
    std::uint64_t dropped_ = 0;
};

/// One line of receipts.jsonl: everything needed to check the receipt without this node.
std::string receipt_line(const wire::Network& network, const Receipt& receipt,
                         const Answer& answer);
/// One line of answers.log: the proofs of an answer that was sent.
std::string answer_line(const SignedAnswer& answer);
/// The proofs of the last whole line of an answers.log; empty when there is none.
std::vector<Proof> last_answer(const std::filesystem::path& answers_log);

}  // namespace vigil::node
