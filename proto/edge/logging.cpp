#include "proto/edge/logging.hpp"

#include <array>
#include <fmt/chrono.h>
#include <memory>
#include <spdlog/formatter.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <utility>

#include "proto/edge/files.hpp"

namespace vigil::edge {

namespace {

constexpr char hex_digit(unsigned nibble) { return "0123456789abcdef"[nibble & 15U]; }

/// Length of the well-formed UTF-8 sequence (RFC 3629) that starts `text`; 0 when there is none.
std::size_t utf8_length(std::string_view text) {
    const auto at = [&](std::size_t i) {
        return i < text.size() ? static_cast<unsigned>(static_cast<unsigned char>(text[i])) : 0U;
    };
    const auto follows = [&](std::size_t i) { return (at(i) & 0xC0U) == 0x80U; };
    const unsigned first = at(0), second = at(1);
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) {
        const bool overlong = first == 0xE0 && second < 0xA0;
        const bool surrogate = first == 0xED && second > 0x9F;
        return !overlong && !surrogate && follows(1) && follows(2) ? 3 : 0;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        const bool overlong = first == 0xF0 && second < 0x90;
        const bool beyond = first == 0xF4 && second > 0x8F;
        return !overlong && !beyond && follows(1) && follows(2) && follows(3) ? 4 : 0;
    }
    return 0;
}

bool is_control(std::string_view sequence) {
    const auto first = static_cast<unsigned char>(sequence[0]);
    if (sequence.size() == 1) return first < 0x20 || first == 0x7F;
    // U+0080…U+009F: terminals take them as escape sequences.
    return first == 0xC2 && static_cast<unsigned char>(sequence[1]) < 0xA0;
}

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        const std::string_view piece = text.substr(0, length == 0 ? 1 : length);
        text.remove_prefix(piece.size());
        if (length == 0) {
            out += "\\ufffd";
        } else if (piece == "\"" || piece == "\\") {
            (out += '\\') += piece;
        } else if (piece == "\n") {
            out += "\\n";
        } else if (is_control(piece)) {
            const unsigned code = static_cast<unsigned char>(piece.back());
            ((out += "\\u00") += hex_digit(code >> 4U)) += hex_digit(code);
        } else {
            out += piece;
        }
    }
    out += '"';
}

class JsonLines : public spdlog::formatter {
public:
    void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
        const auto since = message.time.time_since_epoch();
        const auto milliseconds =
            std::chrono::duration_cast<std::chrono::milliseconds>(since).count() % 1000;
        std::string line = fmt::format(
            "{{\"time\":\"{:%Y-%m-%dT%H:%M:%S}.{:03}Z\",\"level\":\"",
            fmt::gmtime(std::chrono::system_clock::to_time_t(message.time)), milliseconds);
        const auto level = spdlog::level::to_string_view(message.level);
        line.append(level.data(), level.size());
        line += "\",\"message\":";
        append_json_string(line, {message.payload.data(), message.payload.size()});
        line += "}\n";
        out.append(line.data(), line.data() + line.size());
    }
    std::unique_ptr<spdlog::formatter> clone() const override {
        return std::make_unique<JsonLines>();
    }
};

/// What sd-daemon(3) reads: the priority in front of each line of a message, no time, since the
/// journal has its own.
class JournalLines : public spdlog::formatter {
public:
    void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
        const char priority = message.level >= spdlog::level::err    ? '3'
                              : message.level == spdlog::level::warn ? '4'
                              : message.level == spdlog::level::info ? '6'
                                                                     : '7';
        const std::string start{'<', priority, '>'};
        std::string text = start;
        for (const char c : std::string_view{message.payload.data(), message.payload.size()})
            c == '\n' ? text.append(1, c).append(start) : text.append(1, c);
        text += '\n';
        out.append(text.data(), text.data() + text.size());
    }
    std::unique_ptr<spdlog::formatter> clone() const override {
        return std::make_unique<JournalLines>();
    }
};

spdlog::level::level_enum level_of(const std::string& word) {
    using spdlog::level::level_enum;
    constexpr std::array<std::pair<std::string_view, level_enum>, 6> words{
        {{"trace", level_enum::trace},
         {"debug", level_enum::debug},
         {"info", level_enum::info},
         {"warn", level_enum::warn},
         {"warning", level_enum::warn},
         {"error", level_enum::err}}};
    for (const auto& [name, level] : words)
        if (name == word) return level;
    throw Fatal{
        exit_configuration, "E-CONFIG",
        "log level \"" + for_log(word) + "\" is none of trace, debug, info, warn and error"};
}

}  // namespace

void start_logging(const std::string& format, const std::string& level) {
    const auto lowest = level_of(level);
    auto logger = std::make_shared<spdlog::logger>(
        "vigil", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    if (format == "json") {
        logger->set_formatter(std::make_unique<JsonLines>());
    } else if (format == "text") {
        logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(
            "%Y-%m-%dT%H:%M:%S.%eZ %-7l %v", spdlog::pattern_time_type::utc));
    } else if (format == "journal") {
        logger->set_formatter(std::make_unique<JournalLines>());
    } else {
        throw Fatal{exit_configuration, "E-CONFIG",
                    "log format \"" + for_log(format) + "\" is none of text, json and journal"};
    }
    logger->set_level(lowest);
    spdlog::set_default_logger(std::move(logger));
}

std::string for_log(std::string_view text, std::size_t limit) {
    constexpr std::string_view cut = "...";
    std::string out;
    std::size_t whole = 0;  // bytes of `out` after which there is room for `cut`
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        const std::string_view piece = text.substr(0, length == 0 ? 1 : length);
        text.remove_prefix(piece.size());
        std::string shown{piece};
        if (length == 0 || is_control(piece)) {
            shown.clear();
            for (const char c : piece) {
                const unsigned byte = static_cast<unsigned char>(c);
                ((shown += "\\x") += hex_digit(byte >> 4U)) += hex_digit(byte);
            }
        }
        if (out.size() + shown.size() > limit) {
            out.resize(whole);
            return out.size() + cut.size() <= limit ? out.append(cut) : out;
        }
        out += shown;
        if (out.size() + cut.size() <= limit) whole = out.size();
    }
    return out;
}

}  // namespace vigil::edge
