#include "node/retired_devices.hpp"

#include <algorithm>
#include <charconv>
#include <sstream>
#include <vector>

#include "proto/edge/files.hpp"
#include "proto/edge/logging.hpp"

namespace vigil::node {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t file_limit = 64 * 1024;

fs::path file_in(const fs::path& data_dir) { return data_dir / "retired"; }

std::vector<std::string> lines_of(const fs::path& data_dir) {
    std::istringstream text{edge::read_file_or_empty(file_in(data_dir), file_limit)};
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    return lines;
}

void save(const fs::path& data_dir, const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) text += line + "\n";
    // Readable: the command may be run by another user than the node.
    edge::replace_file(file_in(data_dir), text, 0644);
}

constexpr std::string_view from_key = "from_ms=";

/// The word after the id, if it is the moment.
std::optional<Instant> from_in(std::string_view line) {
    const std::size_t at = line.find(' ');
    if (at == std::string_view::npos) return std::nullopt;
    line.remove_prefix(at + 1);
    if (!line.starts_with(from_key)) return std::nullopt;
    line.remove_prefix(from_key.size());
    std::int64_t ms{};
    const auto read = std::from_chars(line.data(), line.data() + line.size(), ms);
    if (read.ec != std::errc{} || ms < 0) return std::nullopt;
    return instant_from_ms(ms);
}

}  // namespace

std::map<DeviceId, std::optional<Instant>> retirements(const fs::path& data_dir) {
    std::map<DeviceId, std::optional<Instant>> devices;
    for (const std::string& line : lines_of(data_dir))
        if (const auto id = from_hex<DeviceId>(line.substr(0, line.find(' '))))
            devices.emplace(*id, from_in(line));
    return devices;
}

std::set<DeviceId> retired_devices(const fs::path& data_dir) {
    std::set<DeviceId> devices;
    for (const auto& [id, from] : retirements(data_dir)) devices.insert(id);
    return devices;
}

void note_retired(const fs::path& data_dir, const DeviceId& device, const std::string& words,
                  std::optional<Instant> from) {
    auto lines = lines_of(data_dir);
    const auto noted = std::find_if(lines.begin(), lines.end(), [&](const std::string& line) {
        return line.starts_with(to_hex(device));
    });
    if (noted != lines.end() && !from) return;
    std::string line = to_hex(device) + " ";
    if (from) line.append(from_key).append(std::to_string(to_ms(*from))).append(" ");
    line += edge::for_log(words, 200);
    if (noted != lines.end())
        *noted = std::move(line);
    else
        lines.push_back(std::move(line));
    save(data_dir, lines);
}

bool forget_retired(const fs::path& data_dir, const DeviceId& device) {
    auto lines = lines_of(data_dir);
    const auto dropped = std::erase_if(
        lines, [&](const std::string& line) { return line.starts_with(to_hex(device)); });
    if (dropped > 0) save(data_dir, lines);
    return dropped > 0;
}

}  // namespace vigil::node
