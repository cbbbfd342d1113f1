#include <algorithm>
#include <fmt/format.h>
#include <map>

#include "core/base/ids.hpp"
#include "core/base/readable.hpp"
#include "core/rewards/settlement.hpp"
#include "proto/edge/files.hpp"
#include "proto/edge/progress_bar.hpp"
#include "verifier/commands.hpp"
#include "verifier/config.hpp"
#include "verifier/store/copy.hpp"

namespace vigil::verifier {
namespace {

std::string count(std::int64_t rows) { return grouped(static_cast<u128>(rows)); }

/// Throws StoreFailed unless the settlements there give the state_hash that was recorded for each
/// day. How many days.
std::int64_t prove_days(Reader& reader) {
    const NetworkId network = network_id(reader.genesis().value().network_name);
    std::map<DeviceRef, DeviceId> ids;
    for (const DeviceRecord& device : reader.devices()) ids[device.ref] = device.id;
    const auto last = reader.last_settled_day();
    std::int64_t days = 0;
    if (!last) return days;
    for (DayIndex day = last->day;; day = day - 1, ++days) {
        const auto settled = reader.settled_day(day);
        if (!settled) return days;  // the first one is the day after
        std::vector<DeviceState> states;
        for (const DayRecord& record : reader.days_of(day))
            states.push_back({.device = ids.at(record.device),
                              .standing = record.after,
                              .baseline = record.baseline});
        std::sort(states.begin(), states.end(),
                  [](const DeviceState& a, const DeviceState& b) { return a.device < b.device; });
        const Hash found = state_hash(network, day, states);
        if (found != settled->state_hash)
            throw StoreFailed{fmt::format(
                "day {}: its {} settlements give the state_hash {}, the record says {}: the source "
                "was changed or is damaged; run audit on it",
                day.value, states.size(), to_hex(found), to_hex(settled->state_hash))};
    }
}

}  // namespace

int migrate_store(const std::string& from, const std::string& to, bool shown) {
    check_store(from);
    check_store(to);
    std::int64_t days = 0;
    try {
        const auto tables = [&] {
            edge::ProgressBar bar{"migrate", shown};
            return copy_store(
                from, to, [&](Reader& target) { days = prove_days(target); },
                [&](const CopyProgress& at) {
                    bar.show(static_cast<std::uint64_t>(at.rows),
                             static_cast<std::uint64_t>(at.of_rows));
                });
        }();
        std::int64_t rows = 0;
        for (const auto& [table, in_it] : tables) {
            rows += in_it;
            fmt::print("{:<20} {:>16} rows\n", table, count(in_it));
        }
        fmt::print("{} rows copied; the state_hash of {} settled days follows from the copy\n",
                   count(rows), days);
        return 0;
    } catch (const StoreLocked& failure) {
        throw edge::Fatal{edge::exit_configuration, "E-LOCK", failure.what()};
    } catch (const StoreTooNew& failure) {
        throw edge::Fatal{edge::exit_configuration, "E-STORE-NEWER", failure.what()};
    } catch (const StoreFailed& failure) {
        throw edge::Fatal{edge::exit_configuration, "E-STORE", failure.what()};
    }
}

}  // namespace vigil::verifier
