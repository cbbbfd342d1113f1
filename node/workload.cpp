#include "node/workload.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <memory>

#include "node/outside_command.hpp"
#include "proto/edge/logging.hpp"
#include "proto/edge/version.hpp"

namespace vigil::node {
namespace {

constexpr std::size_t most_parts = 8;

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool digit(char c) { return c >= '0' && c <= '9'; }

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/// What the version's owner asked for, of what the workload said.
std::string version_trouble(const Workload& workload, std::string_view said) {
    if (!workload.version) return {};
    const std::string found = version_in(said);
    const auto numbers = edge::version_numbers(found);
    if (!numbers)
        return fmt::format("it names no version, and {} is asked for", workload.version_text);
    if (workload.version->allows(*numbers)) return {};
    return fmt::format("its version is {}, and {} is asked for", found, workload.version_text);
}

std::string look_by_http(const Workload& workload, const std::function<bool()>& abandon) {
    const auto answer =
        edge::http_call({.url = *workload.url, .deadline = workload.timeout}, abandon);
    if (!answer) return answer.error();
    if (answer->status < 200 || answer->status > 299)
        return fmt::format("{} answered {}", workload.url->place(), answer->status);
    return version_trouble(workload, answer->body);
}

std::string look_by_program(OutsideCommand& command, const Workload& workload,
                            const std::function<bool()>& abandon) {
    const auto ended = command.run({}, workload.timeout, abandon);
    const std::string name = file_name(workload.program.front());
    if (!ended) return fmt::format("{}: {}", name, ended.error());
    if (ended->code == 127) return name + " could not be started, or ended with 127";
    if (ended->code != 0) return fmt::format("{} ended with {}", name, ended->code);
    return version_trouble(workload, ended->output);
}

}  // namespace

Expected<VersionConstraint, std::string> VersionConstraint::from_text(std::string_view text) {
    static constexpr std::array<std::pair<std::string_view, Compare>, 6> signs{
        {{">=", Compare::at_least},
         {"<=", Compare::at_most},
         {"!=", Compare::other},
         {">", Compare::greater},
         {"<", Compare::less},
         {"=", Compare::equal}}};
    VersionConstraint constraint;
    for (bool more = true; more;) {
        const std::size_t comma = text.find(',');
        const std::string_view part = trimmed(text.substr(0, comma));
        more = comma != std::string_view::npos;
        if (more) text.remove_prefix(comma + 1);
        const auto sign = std::ranges::find_if(
            signs, [&](const auto& one) { return part.starts_with(one.first); });
        const auto version = sign == signs.end()
                                 ? std::nullopt
                                 : edge::version_numbers(trimmed(part.substr(sign->first.size())));
        if (!version || constraint.parts_.size() == most_parts)
            return tl::unexpected{
                fmt::format("\"{}\" is not one of =, !=, <, <=, >, >= and a version; write for "
                            "example \">=1.4, <2\" (at most {} parts)",
                            edge::for_log(part, 40), most_parts)};
        constraint.parts_.emplace_back(sign->second, *version);
    }
    return constraint;
}

bool VersionConstraint::allows(const Version& version) const {
    return std::ranges::all_of(parts_, [&](const auto& part) {
        const Version& bound = part.second;
        switch (part.first) {
            case Compare::equal:
                return version == bound;
            case Compare::other:
                return version != bound;
            case Compare::less:
                return version < bound;
            case Compare::at_most:
                return version <= bound;
            case Compare::greater:
                return version > bound;
            case Compare::at_least:
                return version >= bound;
        }
        return false;
    });
}

std::string version_in(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        if (!digit(text[at])) {
            ++at;
            continue;
        }
        std::size_t end = at;
        while (end < text.size() &&
               (digit(text[end]) ||
                (text[end] == '.' && end + 1 < text.size() && digit(text[end + 1]))))
            ++end;
        const std::string_view found = text.substr(at, end - at);
        // An address or a date has more or fewer parts, or numbers too large; a word goes before a
        // version only as "v".
        const bool begins = at == 0 ||
                            !(std::isalnum(static_cast<unsigned char>(text[at - 1])) != 0) ||
                            text[at - 1] == 'v' || text[at - 1] == 'V';
        if (begins && found.find('.') != std::string_view::npos && edge::version_numbers(found))
            return std::string{found};
        at = end;
    }
    return {};
}

Expected<Workload, std::string> workload_of(const std::string& name,
                                            const WorkloadSettings& asked) {
    const auto wrong = [&](const char* key, const std::string& why) {
        return tl::unexpected{
            fmt::format("workload.\"{}\".{}: {}", edge::for_log(name, 64), key, why)};
    };
    const auto good_in_names = [](char c) {
        return digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
    };
    if (name.empty() || name.size() > 32 || !std::ranges::all_of(name, good_in_names))
        return wrong("name", "letters, digits, - and _ only, at most 32");
    Workload workload;
    workload.name = name;
    workload.interval = Milliseconds{asked.interval * 1000};
    workload.timeout = Milliseconds{asked.timeout * 1000};
    workload.failures = static_cast<unsigned>(asked.failures);
    if (int(!asked.http.empty()) + int(!asked.tcp.empty()) + int(!asked.exec.empty()) != 1)
        return wrong("http", "exactly one of http, tcp and exec says how to look");
    if (!asked.http.empty()) {
        auto url = edge::url_from_text(asked.http);
        if (!url) return wrong("http", url.error());
        workload.url = std::move(*url);
    }
    if (!asked.tcp.empty()) {
        const auto place = edge::url_from_text("http://" + asked.tcp);
        if (!place || asked.tcp.find('/') != std::string::npos ||
            asked.tcp.find_last_of(":]") == std::string::npos || asked.tcp.ends_with(']'))
            return wrong("tcp", "write host:port, for example 127.0.0.1:1234");
        workload.host = place->host;
        workload.port = place->port;
    }
    if (!asked.exec.empty() && !asked.exec.front().starts_with('/'))
        return wrong("exec",
                     "the program's whole path comes first, for example "
                     "[\"/usr/bin/docker\", \"version\"]; no shell reads it");
    workload.program = asked.exec;
    if (!asked.version.empty()) {
        if (!asked.tcp.empty()) return wrong("version", "only http and exec can be asked for it");
        auto constraint = VersionConstraint::from_text(asked.version);
        if (!constraint) return wrong("version", constraint.error());
        workload.version = std::move(*constraint);
        workload.version_text = asked.version;
    }
    if (asked.on_failure != "report" && asked.on_failure != "pause")
        return wrong("on_failure", fmt::format("\"{}\" is neither report nor pause",
                                               edge::for_log(asked.on_failure, 40)));
    if (asked.on_failure == "pause") workload.on_failure = OnFailure::pause;
    return workload;
}

std::string way_words(const Workload& workload) {
    if (workload.url) return "http " + workload.url->place();
    if (!workload.program.empty())
        return "exec " + edge::for_log(file_name(workload.program.front()), 64);
    return fmt::format("tcp {}:{}", edge::for_log(workload.host, 120), workload.port);
}

std::string_view to_string(WorkloadState::Is is) {
    switch (is) {
        case WorkloadState::Is::unknown:
            return "not looked at yet";
        case WorkloadState::Is::good:
            return "good";
        case WorkloadState::Is::failing:
            return "failing";
    }
    return "not looked at yet";
}

WorkloadState step(WorkloadState state, unsigned failures, const std::string& trouble,
                   Instant now) {
    using Is = WorkloadState::Is;
    state.why = trouble;
    state.failures_in_row = trouble.empty() ? 0 : state.failures_in_row + 1;
    Is is = state.is;
    if (trouble.empty()) is = Is::good;
    if (state.failures_in_row >= failures) is = Is::failing;
    if (is != state.is) state.since = now;
    state.is = is;
    return state;
}

WorkloadLook look_of(const Workload& workload) {
    if (workload.url)
        return [workload](const auto& abandon) { return look_by_http(workload, abandon); };
    if (!workload.program.empty())
        return [workload, command = std::make_shared<OutsideCommand>(workload.program)](
                   const auto& abandon) { return look_by_program(*command, workload, abandon); };
    return [workload](const auto& abandon) {
        const auto reached =
            edge::tcp_reach(workload.host, workload.port, workload.timeout, abandon);
        return reached ? std::string{} : reached.error();
    };
}

}  // namespace vigil::node
