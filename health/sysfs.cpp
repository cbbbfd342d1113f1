#include "health/sysfs.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>

namespace vigil::health {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest_file = 4096;
constexpr std::size_t most_entries = 4096;

/// The beginning of a file, without the last line's end; empty where it cannot be read.
std::string text_of(const fs::path& file) {
    std::ifstream in{file, std::ios::binary};
    std::string text(longest_file, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, in.gcount())));
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
    return text;
}

std::optional<std::int64_t> number_in(std::string_view text) {
    std::int64_t value{};
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failure != std::errc{} || end == text.data()) return std::nullopt;
    return value;
}
std::optional<std::int64_t> number_of(const fs::path& file) { return number_in(text_of(file)); }

/// Readings that cannot be below zero; a driver's nonsense is no reading.
std::optional<std::uint64_t> count_of(const fs::path& file, std::int64_t divisor = 1) {
    const auto value = number_of(file);
    if (!value || *value < 0) return std::nullopt;
    return static_cast<std::uint64_t>(*value / divisor);
}

std::vector<fs::path> entries(const fs::path& folder) {
    std::vector<fs::path> out;
    std::error_code failure;
    for (fs::directory_iterator at{folder, failure}, end;
         !failure && at != end && out.size() < most_entries; at.increment(failure))
        out.push_back(at->path());
    std::sort(out.begin(), out.end());
    return out;
}

std::optional<std::int64_t> degrees(const fs::path& file) {
    const auto milli = number_of(file);
    if (!milli || *milli < -100'000 || *milli > 250'000) return std::nullopt;
    return *milli / 1000;
}

/// The die's temperature: "edge" where it is given, since that is what other tools show; else the
/// hottest spot, else the first sensor.
std::optional<std::int64_t> temperature_in(const fs::path& hwmon) {
    std::optional<std::int64_t> edge;
    std::optional<std::int64_t> junction;
    std::optional<std::int64_t> first;
    for (int i = 1; i <= 8; ++i) {
        const std::string sensor = "temp" + std::to_string(i);
        const auto value = degrees(hwmon / (sensor + "_input"));
        if (!value) continue;
        const std::string label = text_of(hwmon / (sensor + "_label"));
        if (label == "edge") edge = value;
        if (label == "junction") junction = value;
        if (!first) first = value;
    }
    return edge ? edge : junction ? junction : first;
}

/// "0: 500Mhz\n1: 2100Mhz *" → 2100: the level with the star is the one in use.
std::optional<std::uint32_t> starred_mhz(const std::string& levels) {
    const std::size_t star = levels.find('*');
    if (star == std::string::npos) return std::nullopt;
    std::size_t begin = levels.rfind('\n', star);
    begin = begin == std::string::npos ? 0 : begin + 1;
    const std::size_t colon = levels.find(": ", begin);
    if (colon == std::string::npos || colon > star) return std::nullopt;
    const auto value = number_in(std::string_view{levels}.substr(colon + 2));
    if (!value || *value < 0 || *value > 1'000'000) return std::nullopt;
    return static_cast<std::uint32_t>(*value);
}

/// "ue: 0\nce: 12" of amdgpu's error counters.
std::optional<std::uint64_t> uncorrected_in(const fs::path& file) {
    const std::string text = text_of(file);
    if (!text.starts_with("ue: ")) return std::nullopt;
    const auto value = number_in(std::string_view{text}.substr(4));
    if (!value || *value < 0) return std::nullopt;
    return static_cast<std::uint64_t>(*value);
}

void read_hwmon(const fs::path& device, Reading& r) {
    for (const fs::path& hwmon : entries(device / "hwmon")) {
        if (!r.temperature_celsius) r.temperature_celsius = temperature_in(hwmon);
        if (!r.power_milliwatts) r.power_milliwatts = count_of(hwmon / "power1_average", 1000);
        if (!r.power_milliwatts) r.power_milliwatts = count_of(hwmon / "power1_input", 1000);
        if (!r.energy_millijoules) r.energy_millijoules = count_of(hwmon / "energy1_input", 1000);
    }
}

void read_memory(const fs::path& device, Reading& r) {
    r.memory_total_bytes = count_of(device / "mem_info_vram_total");
    r.memory_used_bytes = count_of(device / "mem_info_vram_used");
    if (r.memory_total_bytes && r.memory_used_bytes)
        r.memory_free_bytes =
            *r.memory_total_bytes - std::min(*r.memory_total_bytes, *r.memory_used_bytes);
}

/// "location_id 768" of a properties file.
std::optional<std::int64_t> property(const std::string& text, const std::string& name) {
    const std::size_t at = ("\n" + text).find("\n" + name + " ");
    if (at == std::string::npos) return std::nullopt;
    return number_in(std::string_view{text}.substr(at + name.size() + 1));
}

}  // namespace

Look Sysfs::look(const std::string& uid, const std::string& pci_address) const {
    if (uid.starts_with("cpu:")) return processor();
    // "0000:03:00.0"; computing_on() takes it apart.
    constexpr std::string_view digits = "0123456789abcdef";
    constexpr std::string_view pattern = "dddd:dd:dd.d";
    if (pci_address.size() != pattern.size()) return {};
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        const bool digit = digits.find(pci_address[i]) != std::string_view::npos;
        if (pattern[i] == 'd' ? !digit : pci_address[i] != pattern[i]) return {};
    }
    return card(pci_address);
}

Look Sysfs::card(const std::string& address) const {
    for (const fs::path& entry : entries(root_ / "class" / "drm")) {
        const std::string name = entry.filename().string();
        if (!name.starts_with("card") || name.find('-') != std::string::npos) continue;
        const fs::path device = entry / "device";
        if (text_of(device / "uevent").find("PCI_SLOT_NAME=" + address) == std::string::npos)
            continue;
        Look out;
        out.presence = Presence::present;
        Reading& r = out.reading;
        r.pci_address = address;
        read_hwmon(device, r);
        read_memory(device, r);
        if (const auto busy = count_of(device / "gpu_busy_percent"); busy && *busy <= 100)
            r.utilisation_percent = static_cast<std::uint32_t>(*busy);
        r.clock_mhz = starred_mhz(text_of(device / "pp_dpm_sclk"));
        r.memory_clock_mhz = starred_mhz(text_of(device / "pp_dpm_mclk"));
        r.uncorrected_errors = uncorrected_in(device / "ras" / "umc_err_count");
        if (r.uncorrected_errors) r.ecc = true;
        if (const std::string driver = text_of(root_ / "module" / "amdgpu" / "version");
            !driver.empty())
            r.driver = driver;
        r.other_processes = computing_on(address);
        return out;
    }
    return {};
}

/// Of the ROCm driver's list: a folder a process, with the memory it has on each device.
std::optional<std::vector<std::uint32_t>> Sysfs::computing_on(const std::string& address) const {
    const fs::path kfd = root_ / "class" / "kfd" / "kfd";
    const auto part = [&address](std::size_t at, std::size_t size) {
        std::int64_t value{};
        std::from_chars(address.data() + at, address.data() + at + size, value, 16);
        return value;
    };
    const std::int64_t location = part(5, 2) << 8 | part(8, 2) << 3 | part(11, 1);
    std::optional<std::int64_t> gpu;
    for (const fs::path& node : entries(kfd / "topology" / "nodes")) {
        const std::string properties = text_of(node / "properties");
        if (property(properties, "location_id") == location &&
            property(properties, "domain").value_or(0) == part(0, 4))
            gpu = number_of(node / "gpu_id");
    }
    if (!gpu || *gpu == 0) return std::nullopt;
    std::vector<std::uint32_t> pids;
    for (const fs::path& process : entries(kfd / "proc")) {
        const auto pid = number_in(process.filename().string());
        const auto held = count_of(process / ("vram_" + std::to_string(*gpu)));
        if (!pid || held.value_or(0) == 0) continue;
        if (pids.size() < most_processes) pids.push_back(static_cast<std::uint32_t>(*pid));
    }
    return without(self_, std::move(pids));
}

Look Sysfs::processor() const {
    Look out;
    for (const fs::path& hwmon : entries(root_ / "class" / "hwmon")) {
        const std::string name = text_of(hwmon / "name");
        if (name != "coretemp" && name != "k10temp" && name != "zenpower" && name != "cpu_thermal")
            continue;
        const auto value = temperature_in(hwmon);
        if (!value) continue;
        out.presence = Presence::present;
        // Of several sockets the hottest counts.
        out.reading.temperature_celsius =
            std::max(*value, out.reading.temperature_celsius.value_or(*value));
    }
    return out;
}

}  // namespace vigil::health
