#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "verifier/store/store.hpp"

namespace vigil::verifier {

/// How far a replay has come: at most once a window.
struct ReplayProgress {
    std::int64_t windows{}, of_windows{};
    std::int64_t answers{};
};

struct ReplayOptions {
    /// Where the second store is built: ":memory:", or a path that does not exist yet. It grows as
    /// large as the record; the process itself holds no more than a day's rows and some 24,000
    /// answers.
    std::string scratch = ":memory:";
    std::function<void(const ReplayProgress&)> progress;  ///< may be empty
};

struct ReplayedDay {
    DayIndex day;
    std::optional<Hash> recorded;  ///< nothing: the record does not hold the day as settled
    Hash replayed;
};

struct ReplayReport {
    std::string network;
    std::int64_t policies{}, day_keys{}, requests{}, calibrations{}, answers{}, proofs{};
    std::int64_t windows{};  ///< closed
    std::int64_t verdicts{}, voids{}, outcomes{}, day_rows{};
    std::optional<WindowIndex> through;  ///< last closed window
    std::vector<ReplayedDay> days;

    std::uint64_t differences{};
    static constexpr std::size_t sentences_kept = 20;
    std::vector<std::string> sentences;  ///< of the first differences, in order of time

    bool agrees() const { return differences == 0; }
    std::uint64_t notes{};  ///< of what was recorded late; no differences
    std::vector<std::string> note_sentences;
    template <class Sentence>
    void note(const Sentence& sentence) {
        if (note_sentences.size() < sentences_kept) note_sentences.push_back(sentence());
        ++notes;
    }
    template <class Sentence>
    void differ(const Sentence& sentence) {
        if (sentences.size() < sentences_kept) sentences.push_back(sentence());
        ++differences;
    }
};

/// Rebuilds everything from the append-only record of a store (protocol 9.2): genesis, policies,
/// day keys, heartbeats, requests as signed, calibrations, answers as signed with their receive
/// times and the times of closing; through the very functions that decided (Judging, close_window,
/// settle_day), in order of time, into a second store. Compares every verdict, void, window
/// outcome, day, state_hash, node and device with the record, and verifies every commit, every
/// signature and, by deriving it, every challenge. Reasons in words are not compared.
///
/// A verifier may go on writing to `source`. It is read in parts, a snapshot for each closed window
/// and one for what came after the last, because a snapshot that stays open keeps the write-ahead
/// log from being reused. That is sound because the record is append-only and ordered by its
/// commits:
///  - A snapshot that holds the closing of a window holds whatever decided it, since the same
///    commit, or one before it, wrote that; an answer is refused once its window is closed, so
///    nothing of the window comes later.
///  - A later snapshot holds all of an earlier one. What it adds is taken when it is found, also
///    where it was received before a window that was replayed already: it counts for a later one,
///    and the report notes it.
///  - What may grow at any time (verdicts of calibrations) and what is changed in place (nodes and
///    devices) is compared in the last snapshot, in which everything was replayed.
///
/// Throws StoreFailed when either store fails or the record cannot be read at all.
ReplayReport replay(Store& source, const ReplayOptions& options);

enum class AuditFormat : std::uint8_t { text, json };

/// `vigil-verifier audit`: replays the store in this file and prints the report. Returns the exit
/// code: 0 the record agrees, 1 it does not. Throws Fatal E-STORE, E-STORE-NEWER.
int audit_command(const std::string& store, AuditFormat format, std::ostream& out,
                  const std::function<void(const ReplayProgress&)>& progress);

}  // namespace vigil::verifier
