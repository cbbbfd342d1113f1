#include "node/findings.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "proto/edge/logging.hpp"

namespace vigil::node {
namespace {

constexpr std::size_t level_width = 6, area_width = 9;
constexpr std::size_t hanging = level_width + area_width;
constexpr std::size_t narrowest = 40;
constexpr std::size_t longest = 1'000;

std::size_t columns(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    }));
}

/// Words in lines of at most `width` columns; a longer word has a line of its own, uncut, so that
/// it can be copied.
std::vector<std::string> folded(std::string_view text, std::size_t width) {
    std::vector<std::string> lines(1);
    while (!text.empty()) {
        const std::string_view word = text.substr(0, text.find(' '));
        text.remove_prefix(std::min(text.size(), word.size() + 1));
        if (!lines.back().empty() && columns(lines.back()) + 1 + columns(word) > width)
            lines.emplace_back();
        if (!lines.back().empty()) lines.back() += ' ';
        lines.back() += word;
    }
    return lines;
}

const char* colour_of(Finding::Level level) {
    switch (level) {
        case Finding::Level::ok:
            return "\x1b[32m";
        case Finding::Level::warn:
            return "\x1b[33m";
        case Finding::Level::fail:
            return "\x1b[31m";
    }
    return "";
}

std::size_t count(const std::vector<Finding>& all, Finding::Level level) {
    return static_cast<std::size_t>(std::count_if(
        all.begin(), all.end(), [level](const Finding& f) { return f.level == level; }));
}

std::string counted(std::size_t number, std::string_view word) {
    return fmt::format("{} {}{}", number, word, number == 1 ? "" : "s");
}

}  // namespace

std::string_view to_string(Finding::Level level) {
    switch (level) {
        case Finding::Level::ok:
            return "ok";
        case Finding::Level::warn:
            return "warn";
        case Finding::Level::fail:
            return "fail";
    }
    return "";
}

Finding ok(std::string area, std::string what) {
    return {Finding::Level::ok, std::move(area), std::move(what), {}, {}};
}
Finding warn(std::string area, std::string what, std::string fix, std::string code) {
    return {Finding::Level::warn, std::move(area), std::move(what), std::move(fix),
            std::move(code)};
}
Finding fail(std::string area, std::string what, std::string fix, std::string code) {
    return {Finding::Level::fail, std::move(area), std::move(what), std::move(fix),
            std::move(code)};
}

Finding fail(std::string area, const edge::Fatal& fatal) {
    std::string what = fatal.what();
    if (what.starts_with(fatal.code + ": ")) what = what.substr(fatal.code.size() + 2);
    std::string fix;
    for (const std::string_view before : {". Run: ", "; ", ". "}) {
        const std::size_t at = what.rfind(before);
        if (at == std::string::npos) continue;
        fix = what.substr(at + before.size());
        what.resize(at);
        break;
    }
    if (fix.empty()) fix = "see " + fatal.code + " in docs/troubleshooting.md";
    return fail(std::move(area), std::move(what), std::move(fix), fatal.code);
}

std::string finding_text(const Finding& f, const FindingStyle& style) {
    const std::string what =
        edge::for_log(f.code.empty() ? f.what : fmt::format("{}: {}", f.code, f.what), longest);
    const std::string fix = edge::for_log(f.fix, longest);
    std::string head = fmt::format("{:<{}}", to_string(f.level), level_width);
    if (style.colour) head = colour_of(f.level) + head + "\x1b[0m";
    head += fmt::format("{:<{}}", f.area, area_width);
    if (style.width == 0)
        return fmt::format("{}{}{}{}\n", head, what, fix.empty() ? "" : " -> fix: ", fix);
    const std::size_t width = std::max(style.width, narrowest) - hanging;
    const std::string indent(hanging, ' ');
    std::string text;
    for (const std::string& line : folded(what, width))
        text += fmt::format("{}{}\n", text.empty() ? head : indent, line);
    if (fix.empty()) return text;
    for (const std::string& line : folded("fix: " + fix, width))
        text += fmt::format("{}{}\n", indent, line);
    return text;
}

std::string summary(const std::vector<Finding>& all, std::optional<bool> would_pass) {
    const std::string counts = counted(count(all, Finding::Level::fail), "failure") + ", " +
                               counted(count(all, Finding::Level::warn), "warning");
    if (!would_pass) return counts + "; whether a check would pass is known with a verifier\n";
    return fmt::format("{}; a check now would {}\n", counts,
                       *would_pass ? "pass" : "not pass (see fail)");
}

std::string findings_json(const std::vector<Finding>& all, std::optional<bool> would_pass) {
    using nlohmann::ordered_json;
    const auto or_null = [](const std::string& text) {
        return text.empty() ? ordered_json(nullptr) : ordered_json(text);
    };
    ordered_json list = ordered_json::array();
    for (const Finding& f : all)
        list.push_back({{"level", to_string(f.level)},
                        {"area", f.area},
                        {"what", f.what},
                        {"fix", or_null(f.fix)},
                        {"code", or_null(f.code)}});
    const ordered_json out{
        {"would_pass", would_pass ? ordered_json(*would_pass) : ordered_json(nullptr)},
        {"findings", list}};
    return out.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

bool any_fail(const std::vector<Finding>& all) { return count(all, Finding::Level::fail) > 0; }

}  // namespace vigil::node
