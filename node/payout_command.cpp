#include <cctype>
#include <charconv>
#include <filesystem>
#include <fmt/format.h>
#include <iostream>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

#include "core/crypto/payout_address.hpp"
#include "node/commands.hpp"
#include "proto/edge/files.hpp"
#include "proto/edge/logging.hpp"

namespace vigil::node {
namespace {

constexpr std::size_t file_limit = 1024 * 1024;

[[noreturn]] void refuse(const std::string& why) {
    throw edge::Fatal{edge::exit_configuration, "E-PAYOUT", why};
}

struct Place {
    std::string file;
    std::size_t line{};
};
/// "file /etc/vigil/node.toml:12" → both; nothing for another source.
std::optional<Place> place_of(const std::string& source) {
    const std::size_t colon = source.rfind(':');
    if (!source.starts_with("file ") || colon == std::string::npos) return std::nullopt;
    Place place{source.substr(5, colon - 5), 0};
    const char* const end = source.data() + source.size();
    const auto read = std::from_chars(source.data() + colon + 1, end, place.line);
    if (read.ec != std::errc{} || read.ptr != end || place.line == 0) return std::nullopt;
    return place;
}

/// Where the text in quotes after `payout =` stands in a line; nothing when it is written
/// otherwise.
std::optional<std::pair<std::size_t, std::size_t>> value_in(std::string_view line) {
    const auto blanks = [&](std::size_t at) {
        while (at < line.size() && (line[at] == ' ' || line[at] == '\t')) ++at;
        return at;
    };
    std::size_t at = blanks(0);
    if (!line.substr(at).starts_with("payout")) return std::nullopt;
    at = blanks(at + 6);
    if (at == line.size() || line[at] != '=') return std::nullopt;
    at = blanks(at + 1);
    if (at == line.size() || (line[at] != '"' && line[at] != '\'')) return std::nullopt;
    const std::size_t end = line.find(line[at], at + 1);
    // Nothing between the quotes may be the beginning of three of them.
    if (end == std::string_view::npos || end == at + 1) return std::nullopt;
    return std::pair{at + 1, end - at - 1};
}

/// The file with another address in that line; comments and everything else as they were.
std::string with_address(std::string text, const Place& place, const std::string& address) {
    std::size_t begin = 0;
    for (std::size_t line = 1; line < place.line && begin != std::string::npos; ++line) {
        begin = text.find('\n', begin);
        if (begin != std::string::npos) ++begin;
    }
    const std::size_t end = begin == std::string::npos ? begin : text.find('\n', begin);
    const auto value = begin == std::string::npos
                           ? std::nullopt
                           : value_in(std::string_view{text}.substr(
                                 begin, end == std::string::npos ? end : end - begin));
    if (!value)
        refuse(fmt::format("{}:{} is not written as payout = \"0x…\"; change it there by hand",
                           place.file, place.line));
    return text.replace(begin + value->first, value->second, address);
}

}  // namespace

int change_payout(const Config& config, const edge::Settings& settings,
                  const std::string& address) {
    std::string source;
    for (const auto& one : settings.effective())
        if (one.key == "payout") source = one.source;
    if (address.empty()) {
        if (config.payout.empty()) refuse("no payout address is set; see vigil-node payout --help");
        std::cout << fmt::format("{}  ({})\n", to_checksum_text(payout_address(config)), source);
        return 0;
    }
    Config changed;
    changed.payout = address;
    const std::string wanted = to_checksum_text(payout_address(changed));
    const auto place = place_of(source);
    if (!place)
        refuse(fmt::format("payout is set by {}, so it cannot be changed in a file: change it {}",
                           source,
                           source == "default" ? "by adding payout = \"0x…\" to the settings file, "
                                                 "above its first [table]"
                                               : "there"));
    std::error_code missing;
    // The file, not a link to it.
    const std::filesystem::path file = std::filesystem::canonical(place->file, missing);
    struct stat before {};
    if (missing || ::stat(file.c_str(), &before) != 0) refuse("cannot read " + place->file);
    edge::replace_file(file,
                       with_address(edge::read_file_or_empty(file, file_limit), *place, wanted),
                       before.st_mode & 0777U);
    // A file of another user stays theirs; where that is not allowed it was not theirs to change.
    if (::chown(file.c_str(), before.st_uid, before.st_gid) != 0)
        std::cerr << fmt::format("note: {} belongs to this user now\n", place->file);
    std::cout << fmt::format(
        "{}:{}: payout was {}, is {}\nThe node enrols with it at its next start: restart it. From "
        "then on the devices of this node, with their balance and standing, are shown under the "
        "new address\n",
        place->file, place->line, edge::for_log(config.payout, 60), wanted);
    return 0;
}

}  // namespace vigil::node
