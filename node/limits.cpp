#include "node/limits.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>

namespace vigil::node {

Beyond step(Beyond now, const Limits& limits, const health::Health& health) {
    const health::Reading& r = health.reading;
    if (!limits.temp_stop) now.temperature = false;
    if (limits.temp_stop && r.temperature_celsius) {
        const std::int64_t go_on = limits.temp_start.value_or(*limits.temp_stop - 1);
        now.temperature = *r.temperature_celsius >= *limits.temp_stop ||
                          (now.temperature && *r.temperature_celsius > go_on);
    }
    if (limits.keep_free_memory == 0) now.memory = false;
    if (limits.keep_free_memory > 0 && r.memory_free_bytes) {
        const std::uint64_t more = now.memory ? memory_to_go_on : 0;
        now.memory = *r.memory_free_bytes < limits.keep_free_memory + more;
    }
    if (!limits.yield_to_others) now.others = false;
    if (limits.yield_to_others && r.other_processes) now.others = !r.other_processes->empty();
    return now;
}

std::string why_paused(const Beyond& beyond, const Limits& limits, const health::Reading& r) {
    std::string words;
    const auto add = [&words](const std::string& more) {
        words += (words.empty() ? "" : "; ") + more;
    };
    if (beyond.owner) add("by its owner; goes on with the key p, or at the next start");
    if (beyond.temperature && limits.temp_stop)
        add(fmt::format("{}temp_stop is {} °C; goes on at {} °C",
                        r.temperature_celsius ? fmt::format("{} °C, ", *r.temperature_celsius)
                                              : "no reading now, ",
                        *limits.temp_stop, limits.temp_start.value_or(*limits.temp_stop - 1)));
    if (beyond.memory)
        add(fmt::format("{}keep_free_memory is {}; goes on with {} free",
                        r.memory_free_bytes ? bytes_words(*r.memory_free_bytes) + " free, "
                                            : "no reading now, ",
                        bytes_words(limits.keep_free_memory),
                        bytes_words(limits.keep_free_memory + memory_to_go_on)));
    if (beyond.others) {
        constexpr std::size_t most_named = 3;
        std::string named;
        std::size_t count = 0;
        if (r.other_processes) {
            count = r.other_processes->size();
            for (std::size_t i = 0; i < std::min(count, most_named); ++i)
                if (const auto pid = r.other_processes->at(i); pid != 0)
                    named += fmt::format("{}{}", named.empty() ? "" : ", ", pid);
        }
        add(fmt::format("{} other {} on it{}, yield_to_others is on; goes on when it is alone",
                        count == 0 ? "an" : std::to_string(count),
                        count > 1 ? "processes compute" : "process computes",
                        named.empty() ? "" : fmt::format(" ({})", named)));
    }
    return words;
}

std::string not_kept(const Limits& limits, const health::Reading& r) {
    std::string words;
    const auto add = [&words](const char* name) {
        words += fmt::format("{}{}", words.empty() ? "" : ", ", name);
    };
    if (limits.temp_stop && !r.temperature_celsius) add("temp_stop");
    if (limits.keep_free_memory > 0 && !r.memory_free_bytes) add("keep_free_memory");
    if (limits.yield_to_others && !r.other_processes) add("yield_to_others");
    return words;
}

std::optional<std::uint64_t> bytes_from_text(const std::string& text) {
    constexpr std::array<std::pair<std::string_view, std::uint64_t>, 10> units{{
        {"", 1},
        {"B", 1},
        {"KiB", 1ull << 10},
        {"MiB", 1ull << 20},
        {"GiB", 1ull << 30},
        {"TiB", 1ull << 40},
        {"kB", 1'000ull},
        {"MB", 1'000'000ull},
        {"GB", 1'000'000'000ull},
        {"TB", 1'000'000'000'000ull},
    }};
    constexpr std::uint64_t most = 1ull << 50;
    std::uint64_t value{};
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, value);
    if (read.ec != std::errc{}) return std::nullopt;
    std::string_view unit{read.ptr, static_cast<std::size_t>(end - read.ptr)};
    if (unit.starts_with(' ')) unit.remove_prefix(1);
    for (const auto& [name, size] : units)
        if (unit == name && value <= most / size) return value * size;
    return std::nullopt;
}

std::string bytes_words(std::uint64_t bytes) {
    constexpr std::array<std::pair<std::uint64_t, const char*>, 3> units{
        {{1ull << 40, "TiB"}, {1ull << 30, "GiB"}, {1ull << 20, "MiB"}}};
    for (const auto& [size, unit] : units)
        if (bytes >= size)
            return fmt::format("{:.1f} {}", static_cast<double>(bytes) / static_cast<double>(size),
                               unit);
    return fmt::format("{} B", bytes);
}

std::string health_words(const health::Health& health) {
    if (health.presence == health::Presence::lost) return "lost";
    const health::Reading& r = health.reading;
    std::string words;
    const auto add = [&words](const std::string& more) {
        words += (words.empty() ? "" : ", ") + more;
    };
    if (r.temperature_celsius) add(fmt::format("{} °C", *r.temperature_celsius));
    if (r.power_milliwatts) add(fmt::format("{} W", (*r.power_milliwatts + 500) / 1000));
    if (r.memory_used_bytes && r.memory_total_bytes)
        add(bytes_words(*r.memory_used_bytes) + " of " + bytes_words(*r.memory_total_bytes));
    if (r.uncorrected_errors.value_or(0) > 0)
        add(fmt::format("{} memory errors", *r.uncorrected_errors));
    if (r.throttled_by && !r.throttled_by->empty())
        add("slowed by " + fmt::format("{}", r.throttled_by->front()));
    return words.empty() ? "–" : words;
}

}  // namespace vigil::node
