#include "proto/edge/bundle.hpp"

#include <algorithm>
#include <array>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sstream>

#include "proto/edge/files.hpp"
#include "proto/edge/http_client.hpp"

namespace vigil::edge {
namespace {

constexpr std::size_t block = 512;
constexpr std::size_t secret_limit = 64 * 1024;
constexpr std::size_t shortest_secret = 8;

/// A field of a tar header: octal digits and NUL.
void put_octal(std::string& header, std::size_t at, std::size_t width, std::uint64_t value) {
    const std::string digits = fmt::format("{:0{}o}", value, width - 1);
    header.replace(at, digits.size(), digits);
}

void append_file(std::string& tar, const std::string& name, const std::string& content,
                 Instant now) {
    constexpr std::size_t name_limit = 100;
    std::string header(block, '\0');
    header.replace(0, std::min(name.size(), name_limit), name.substr(0, name_limit));
    put_octal(header, 100, 8, 0600);
    put_octal(header, 108, 8, 0);  // nobody's in particular
    put_octal(header, 116, 8, 0);
    put_octal(header, 124, 12, content.size());
    put_octal(header, 136, 12,
              static_cast<std::uint64_t>(std::max<std::int64_t>(0, to_ms(now))) / 1000);
    header.replace(148, 8, 8, ' ');
    header[156] = '0';
    header.replace(257, 8,
                   std::string{"ustar\0"
                               "00",
                               8});
    std::uint64_t sum = 0;
    for (const char c : header) sum += static_cast<unsigned char>(c);
    put_octal(header, 148, 7, sum);
    tar += header;
    tar += content;
    tar.append((block - content.size() % block) % block, '\0');
}

bool ends_with_any(const std::string& key, std::initializer_list<std::string_view> ends) {
    return std::ranges::any_of(ends, [&](std::string_view end) { return key.ends_with(end); });
}

/// A list's first entry, and how many more there were.
std::string first_of(const std::string& list) {
    const std::size_t end = list.find("\", ");
    if (end == std::string::npos) return list;
    const auto more = std::count(list.begin(), list.end(), ',');
    return list.substr(0, end + 1) + fmt::format(", and {} more, left out]", more);
}

std::string shown(const Settings::Effective& setting) {
    if (ends_with_any(setting.key, {".exec", ".run"})) return first_of(setting.value);
    const std::size_t scheme = setting.value.find("://");
    if (scheme == std::string::npos) return setting.value;
    // Of "user:password@host/path?token" the host alone.
    std::string place = setting.value.substr(scheme + 3);
    place = place.substr(0, place.find_first_of("/?#\""));
    if (const auto at = place.rfind('@'); at != std::string::npos) place = place.substr(at + 1);
    return setting.value.substr(0, scheme + 3) + place + "/… (path left out)\"";
}

}  // namespace

std::string settings_without_secrets(const Settings& settings) {
    std::string text;
    for (const Settings::Effective& one : settings.effective())
        text += fmt::format("{} = {}    # {}\n", one.key, shown(one), one.source);
    return text;
}

std::vector<std::string> secrets_in(const std::filesystem::path& file) {
    std::vector<std::string> secrets;
    try {
        std::istringstream text{read_file_or_empty(file, secret_limit)};
        for (std::string line; std::getline(text, line);) {
            const auto first = line.find_first_not_of(" \t\r");
            if (first == std::string::npos) continue;
            line = line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
            if (line.size() >= shortest_secret && !line.starts_with("-----"))
                secrets.push_back(line);
        }
    } catch (const Fatal&) {
        return {};
    }
    return secrets;
}

std::string without_secrets(std::string text, const std::vector<std::string>& secrets) {
    constexpr std::string_view instead = "[a secret was here]";
    for (const std::string& secret : secrets)
        for (std::size_t at = text.find(secret); at != std::string::npos;
             at = text.find(secret, at + instead.size()))
            text.replace(at, secret.size(), instead);
    return text;
}

void write_bundle(const std::filesystem::path& archive, std::vector<BundledFile> files,
                  const std::vector<std::string>& secrets, Instant now) {
    const std::string folder = archive.stem().string();
    std::string tar;
    for (const BundledFile& file : files)
        append_file(tar, folder + "/" + file.name, without_secrets(file.content, secrets), now);
    tar.append(2 * block, '\0');
    write_new_secret(archive, tar);
}

std::string bundle_name(const std::string& program, Instant now) {
    return fmt::format("{}-bundle-{:%Y%m%dT%H%M%SZ}.tar", program,
                       std::chrono::floor<std::chrono::seconds>(now));
}

std::string contents_of(const std::vector<BundledFile>& files) {
    std::string text;
    for (const BundledFile& file : files)
        text += fmt::format("  {:<14} {:>8} bytes\n", file.name, file.content.size());
    return text;
}

}  // namespace vigil::edge
