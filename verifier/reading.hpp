#pragma once

#include <memory>
#include <optional>
#include <string>

#include "verifier/schedule.hpp"
#include "verifier/store/store.hpp"

namespace vigil::verifier {

/// What the commands share that read a store beside a verifier. They throw edge::Fatal.
std::unique_ptr<Store> open_for_reading(const std::string& place);
/// The only device whose id begins so.
DeviceRecord find_device(Reader& reader, const std::string& beginning);

struct NetworkDays {
    Calendar calendar;
    DayIndex first;   ///< of the network
    DayIndex newest;  ///< of the window to be closed next: the one in progress
    DayIndex closed;  ///< of the last closed window; before one, the first
};
NetworkDays network_days(Reader& reader, const Schedule& schedule);
/// What --day names, from the first day to `ahead` days after the newest; nothing where it is
/// empty.
std::optional<DayIndex> day_asked(const std::string& text, const NetworkDays& network,
                                  std::int64_t ahead);

}  // namespace vigil::verifier
