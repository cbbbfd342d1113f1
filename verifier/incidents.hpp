#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "core/uptime/incident.hpp"
#include "verifier/schedule.hpp"

namespace vigil::verifier {

/// A device that misses window after window, with what that has cost it so far.
struct DeviceIncident {
    DeviceRef device;
    DeviceId id;
    std::uint32_t windows{};  ///< missed, void ones between them left out
    Instant since;            ///< begin of the first of them
    bool or_longer{};         ///< it began before what was read
    Micro slashed;            ///< in days settled since, at most the last 100 of them
    std::uint32_t down_days{}, grace_days{};
};

/// What the windows closed since the last look changed. Named are the first few, in order of
/// device.
struct IncidentReport {
    WindowIndex window;  ///< the last of them
    std::size_t opened{}, recovered{}, open{}, devices{};
    std::vector<DeviceIncident> opened_named, recovered_named, open_named;
};

/// The incidents of all devices, folded from the closed windows in the store; so any verifier on it
/// knows the same, and a restart needs no file of its own. `store` and `schedule` outlive this. For
/// one thread.
class DeviceIncidents {
public:
    static constexpr std::size_t most_named = 10;
    static constexpr std::int64_t days_back = 2;  ///< read at first

    /// `open_after`: windows missed in a row.
    DeviceIncidents(Store& store, const Schedule& schedule, std::uint32_t open_after);

    /// Everything up to `closed`, which must be closed. The first time, what was before this window
    /// is learned without news: another told of it, or this did before a restart. Throws
    /// StoreFailed, and then has changed nothing. `first_own`: likewise without news before it,
    /// because another verifier closed those windows; nothing: all since the last time are news.
    IncidentReport follow(WindowIndex closed, std::optional<WindowIndex> first_own = {});
    /// The same report with the costs as they are now. Throws StoreFailed.
    IncidentReport open_now(IncidentReport report) const;

private:
    struct Known {
        Incident incident;
        bool or_longer{};
    };
    using ByDevice = std::map<DeviceRef, Known>;
    struct Folding {
        ByDevice known;  ///< those with a bad sign
        ByDevice told;   ///< open before the windows that are news
        ByDevice opened, recovered;
        std::size_t devices{};
        std::optional<WindowIndex> oldest{};  ///< the first that was ever read
    };
    void fold(Reader& reader, std::uint8_t bucket, WindowIndex from, WindowIndex to,
              Folding& folding) const;
    static ByDevice open_of(const ByDevice& known);
    std::vector<DeviceIncident> named(Reader& reader, const ByDevice& devices) const;

    Store& store_;
    const Schedule& schedule_;
    const std::uint32_t open_after_;
    std::optional<WindowIndex> as_of_;
    ByDevice known_;
};

}  // namespace vigil::verifier
