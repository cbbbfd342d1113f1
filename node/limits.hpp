#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "health/monitor.hpp"

namespace vigil::node {

/// What an owner allows his devices (experience 1), besides duty. Rules only: LimitKeeper keeps
/// them.
struct Limits {
    std::optional<std::int64_t> temp_stop{};  ///< °C; with it goes temp_start, which is lower
    std::optional<std::int64_t> temp_start{};
    std::uint64_t keep_free_memory{};  ///< bytes; 0: off
    bool yield_to_others = false;      ///< to other processes that compute on the device

    bool any() const { return temp_stop || keep_free_memory > 0 || yield_to_others; }
};

/// Which limits a device is beyond: while there is one, it rests.
struct Beyond {
    bool temperature = false;
    bool memory = false;
    bool others = false;
    bool owner = false;     ///< paused by the owner's own hand
    bool workload = false;  ///< one of the owner's fails; like `owner` the keeper's to say

    bool any() const { return temperature || memory || others || owner || workload; }
    bool operator==(const Beyond&) const = default;
};

/// What a device must have free beyond keep_free_memory before it goes on: it is about to take some
/// for itself, and would stop again at once.
constexpr std::uint64_t memory_to_go_on = 256ull << 20;

/// What the latest reading makes of it. From temp_stop on a device rests until temp_start is
/// reached; a value that cannot be read changes nothing.
Beyond step(Beyond now, const Limits& limits, const health::Health& health);

/// "86 °C, temp_stop is 85 °C; goes on at 75 °C". For a device beyond some limit.
std::string why_paused(const Beyond& beyond, const Limits& limits, const health::Reading& reading);

/// The limits that this reading says nothing about, "temp_stop, yield_to_others"; empty: none.
std::string not_kept(const Limits& limits, const health::Reading& reading);

/// "2GiB", "512 MiB", "1000000" → bytes; nothing for anything else.
std::optional<std::uint64_t> bytes_from_text(const std::string& text);
/// "2.3 GiB", "512 MiB", "17 B": for people.
std::string bytes_words(std::uint64_t bytes);
/// "61 °C, 210 W, 1.2 of 24.0 GiB"; "–" where nothing is read.
std::string health_words(const health::Health& health);

}  // namespace vigil::node
