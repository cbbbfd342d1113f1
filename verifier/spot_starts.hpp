#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "verifier/schedule.hpp"

namespace vigil::verifier {

/// Devices of a bucket, as Roster::devices_after() hands them out.
using DevicesAfter = std::function<std::vector<std::shared_ptr<const RosterDevice>>(
    std::uint8_t bucket, std::int64_t after, std::size_t most)>;

/// When the spot checks of a window start, of a whole fleet: 16 bytes a check. Devices are added in
/// parts, each kept as a run in order of time; what is next is the first of all runs. For one
/// thread.
class SpotStarts {
public:
    struct Start {
        Instant at;
        DeviceRef device;
        std::uint32_t j{};
    };

    /// Of a window with a key.
    explicit SpotStarts(std::shared_ptr<const WindowPlan> plan) : plan_{std::move(plan)} {}

    const WindowPlan& plan() const { return *plan_; }

    /// Adds devices that were not there yet, at most `most`; how many. Those of a bucket come in
    /// the order of their numbers, so a count tells which are known.
    std::size_t add_from(const DevicesAfter& devices_after, std::size_t most);

    /// The first that is not taken yet; nothing: none is left.
    std::optional<Start> next() const;
    void take();

private:
    struct Entry {
        std::int64_t at_ms{};
        std::uint64_t place{};  ///< bucket, number, j: 8, 48 and 8 bits
    };
    struct Run {
        std::vector<Entry> entries;
        std::size_t taken{};
        const Entry& first() const { return entries[taken]; }
    };

    static bool later(const Run& a, const Run& b) { return a.first().at_ms > b.first().at_ms; }

    std::shared_ptr<const WindowPlan> plan_;
    std::array<std::int64_t, 256> known_{};  ///< numbers up to here, by bucket
    std::vector<Run> runs_;                  ///< a heap, the earliest first
};

}  // namespace vigil::verifier
