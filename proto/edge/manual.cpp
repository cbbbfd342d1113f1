#include <algorithm>
#include <cstdint>
#include <fmt/format.h>
#include <map>

#include "proto/edge/command_tree.hpp"
#include "proto/edge/settings.hpp"

namespace vigil::edge {
namespace {

/// Bytes of the UTF-8 character that `text` begins with, and its code; 1 and '?' where there is
/// none.
std::pair<std::size_t, std::uint32_t> character(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
    const std::uint8_t first = byte(0);
    if (first < 0x80) return {1, first};
    const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || text.size() < length) return {1, '?'};
    std::uint32_t code = first & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) code = (code << 6U) | (byte(i) & 0x3FU);
    return {length, code};
}

/// A text as troff prints it: nothing in it is a request or an escape.
std::string plain(std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    bool line_begins = true;
    while (!text.empty()) {
        const auto [length, code] = character(text);
        text.remove_prefix(length);
        if (line_begins && (code == '.' || code == '\'')) out += "\\&";
        line_begins = code == '\n';
        if (code == '\\') {
            out += "\\e";
        } else if (code == '-') {
            out += "\\-";
        } else if (code < 0x80) {
            out += static_cast<char>(code);
        } else {
            out += "\\[u";
            for (int shift = code > 0xFFFF ? 16 : 12; shift >= 0; shift -= 4)
                out += digits[(code >> static_cast<unsigned>(shift)) & 15U];
            out += ']';
        }
    }
    return out;
}

std::string bold(std::string_view text) { return fmt::format("\\fB{}\\fR", plain(text)); }

std::string one_line(std::string text) {
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
}

std::string verbatim(std::string text) {
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text.empty() ? "" : fmt::format(".PP\n.nf\n{}\n.fi\n", plain(text));
}

/// Examples and remarks without the exit codes, which have a section.
std::string footer_of(const CommandDefinition& command) {
    return verbatim(command.footer.substr(0, command.footer.find("Exit codes:")));
}

std::string value_name(const FlagDefinition& flag) {
    if (!flag.takes_value) return "";
    const std::string choices = fmt::format("{}", fmt::join(flag.choices, "|"));
    return fmt::format(" \\fI{}\\fR", choices.empty() ? "value" : plain(choices));
}

std::string flag_entry(const FlagDefinition& flag) {
    std::vector<std::string> names;
    for (const std::string& name : flag.names) names.push_back(bold(name));
    return fmt::format(".TP\n{}{}\n{}{}\n", fmt::join(names, ", "), value_name(flag),
                       plain(one_line(flag.what)), flag.required ? " (required)" : "");
}

void append_command(const CommandDefinition& command, const std::string& path, std::string& out) {
    const std::string name = fmt::format("{} {}", path, command.name);
    std::string usage = name;
    for (const std::string& word : command.words) usage.append(1, ' ').append(word);
    out += fmt::format(".SS {}\n{}.\n", plain(usage), plain(one_line(command.what)));
    for (const FlagDefinition& flag : command.flags)
        if (!flag.is_setting && flag.names.front() != "--help" && flag.names.front() != "--config")
            out += flag_entry(flag);
    out += footer_of(command);
    for (const CommandDefinition& below : command.commands) append_command(below, name, out);
}

void gather_settings(const CommandDefinition& command,
                     std::map<std::string, FlagDefinition>& settings) {
    for (const FlagDefinition& flag : command.flags)
        if (flag.is_setting) settings.emplace(flag.names.front(), flag);
    for (const CommandDefinition& below : command.commands) gather_settings(below, settings);
}

/// "--http-port" → "VIGIL_HTTP_PORT"
std::string environment_of(std::string flag) {
    flag.erase(0, flag.find_first_not_of('-'));
    std::replace(flag.begin(), flag.end(), '-', '_');
    return environment_name(flag);
}

}  // namespace

std::string manual(const CommandDefinition& program, const ManualNotes& notes) {
    std::string upper = program.name;
    std::transform(upper.begin(), upper.end(), upper.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    const std::string first = program.what.substr(0, program.what.find('\n'));
    const std::size_t colon = first.find(": ");
    const std::string summary = first.substr(colon == std::string::npos ? 0 : colon + 2);
    std::string out =
        fmt::format(".\\\" Written by `{} man`.\n.TH {} 1 \"\" \"{}\" \"Vigil\"\n", program.name,
                    plain(upper), plain(fmt::format("{} {}", program.name, notes.version)));
    out += fmt::format(".SH NAME\n{} \\- {}\n", plain(program.name),
                       plain(summary.substr(0, summary.find_last_not_of('.') + 1)));
    out += fmt::format(
        ".SH SYNOPSIS\n{0} \\fIcommand\\fR [\\fIoptions\\fR]\n.br\n{0} \\fIcommand\\fR "
        "\\fB\\-\\-help\\fR\n",
        bold(program.name));
    out += fmt::format(".SH DESCRIPTION\n{}\n{}", plain(program.what), footer_of(program));
    out += ".SH COMMANDS\n";
    for (const CommandDefinition& command : program.commands)
        append_command(command, program.name, out);
    std::map<std::string, FlagDefinition> settings;
    gather_settings(program, settings);
    out +=
        ".SH SETTINGS\nEach is a flag, a key of the TOML file that \\fB\\-\\-config\\fR "
        "\\fIfile\\fR or \\fBVIGIL_CONFIG\\fR names, and a name of the environment. The flag "
        "wins, then the environment, then the file.\n";
    for (const auto& [name, flag] : settings)
        out += fmt::format("{}Environment: {}.\n", flag_entry(flag), bold(environment_of(name)));
    out += ".SH EXIT STATUS\n";
    for (std::size_t code = 0; code < notes.exit_codes.size(); ++code)
        if (!notes.exit_codes[code].empty())
            out += fmt::format(".TP\n\\fB{}\\fR\n{}\n", code, plain(notes.exit_codes[code]));
    out += ".SH FILES\n";
    for (const auto& [path, what] : notes.files)
        out += fmt::format(".TP\n\\fI{}\\fR\n{}\n", plain(path), plain(what));
    out += fmt::format(".SH SEE ALSO\n{}, README and docs of the source\n",
                       plain(program.name == "vigil-node" ? "vigil-verifier(1)" : "vigil-node(1)"));
    return out;
}

}  // namespace vigil::edge
