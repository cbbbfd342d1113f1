#pragma once

#include <deque>
#include <functional>
#include <map>
#include <vector>

#include "verifier/schedule.hpp"
#include "verifier/window_closer.hpp"

namespace vigil::verifier {

/// What the settlement of a day came to; outcomes and amounts as far as this process wrote it.
struct DaySettlement {
    SettledDay day;
    std::map<DayOutcome, std::int64_t> outcomes;
    Micro credited, slashed;
};

/// Settles a day (protocol 7, 8) for every device enrolled before its end, step by step like
/// WindowCloser: each bucket's records in short transactions, a device whole or not at all; then
/// state_hash over what is written, and in one last transaction the settled day and its key
/// (protocol 3.1). All windows of the day must be closed and no closing after them have begun: so
/// the baselines are those of the day's end.
///
/// May be begun again after a crash anywhere, and by several verifiers at once: a standing moves
/// with its record of the day, once, and every state_hash is the same.
class DaySettler {
public:
    using Written = std::function<void(std::span<const DayRecord>)>;

    /// `written`: told after each part's commit; may be empty.
    DaySettler(Store& store, const Schedule& schedule, DayIndex day, Instant now,
               BooksOptions options, Written written);

    /// Does a part; false: the day is settled. Throws StoreFailed, and what the guard throws; then
    /// take another DaySettler.
    bool step();
    const DaySettlement& settlement() const { return settlement_; }

private:
    using Step = bool (DaySettler::*)();
    bool begin();
    bool settle_bucket();
    bool write_part();
    bool add_up();
    bool finish();
    void cut_part();
    DayRecord record_of(Reader& reader, const BooksDevice& device,
                        std::span<const WindowOfDay> windows, const Standing& before) const;

    Store& store_;
    const Schedule& schedule_;
    const Calendar calendar_;
    const DayIndex day_;
    const Instant now_;
    const BooksOptions options_;
    const Written written_;
    const bool across_buckets_;
    const std::shared_ptr<const Policy> policy_;
    DaySettlement settlement_;
    Step next_ = &DaySettler::begin;
    std::vector<std::uint8_t> buckets_;
    std::size_t at_{};  ///< of buckets_
    std::vector<DayRecord> part_;
    std::deque<std::vector<DayRecord>> parts_;  ///< to be written
    std::vector<DeviceState> states_;
};

/// All steps. Repeating it is harmless.
DaySettlement settle_day(Store& store, const Schedule& schedule, DayIndex day, Instant now);

}  // namespace vigil::verifier
