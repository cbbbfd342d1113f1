#include "node/retired_devices.hpp"

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

}  // namespace

std::set<DeviceId> retired_devices(const fs::path& data_dir) {
    std::set<DeviceId> devices;
    for (const std::string& line : lines_of(data_dir))
        if (const auto id = from_hex<DeviceId>(line.substr(0, line.find(' ')))) devices.insert(*id);
    return devices;
}

void note_retired(const fs::path& data_dir, const DeviceId& device, const std::string& words) {
    if (retired_devices(data_dir).contains(device)) return;
    auto lines = lines_of(data_dir);
    lines.push_back(to_hex(device) + " " + edge::for_log(words, 200));
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
