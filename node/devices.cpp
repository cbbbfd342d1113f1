#include "node/devices.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <sched.h>

#include "core/base/ids.hpp"
#include "node/enrolment_file.hpp"
#include "node/identity.hpp"
#include "node/retired_devices.hpp"
#include "node/searchers.hpp"
#include "proto/edge/files.hpp"

namespace vigil::node {
namespace {

constexpr const char* system_machine_id = "/etc/machine-id";

/// Processors this process may use, after narrowing it.
unsigned narrow_to(const std::vector<unsigned>& cpus) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const unsigned cpu : cpus)
        if (cpu < CPU_SETSIZE) CPU_SET(cpu, &set);
    if (!cpus.empty() && ::sched_setaffinity(0, sizeof set, &set) != 0)
        throw edge::Fatal{edge::exit_configuration, "E-CONFIG",
                          "cpu.affinity: none of these processors may be used here; see nproc and "
                          "the container's cpuset"};
    CPU_ZERO(&set);
    if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    return static_cast<unsigned>(std::max(1, CPU_COUNT(&set)));
}

Backend backend_of(const std::string& word) {
    if (word == "cuda") return Backend::cuda;
    if (word == "opencl") return Backend::opencl;
    return Backend::cpu;
}

}  // namespace

OwnDevices find_devices(const Config& config, const std::string& machine,
                        std::set<std::string> leave_out, std::set<std::string> keep) {
    SearcherOptions options;
    options.leave_out = std::move(leave_out);
    options.keep = std::move(keep);
    const unsigned processors = narrow_to(cpu_list(config.cpu_affinity));
    options.cpu_threads =
        config.cpu_threads > 0 ? static_cast<unsigned>(config.cpu_threads) : processors;
    options.machine_id = machine;
    for (const std::string& word : config.backends) options.backends.push_back(backend_of(word));
    FoundSearchers found = find_searchers(options);

    OwnDevices devices{std::move(found.searchers), {}, std::move(found.notes)};
    if (devices.searchers.size() > wire::max_devices) {
        devices.notes.push_back(
            std::to_string(devices.searchers.size() - wire::max_devices) +
            " devices are left out: a node has at most 64; start a second node for them");
        devices.searchers.resize(wire::max_devices);
    }
    std::map<Backend, unsigned> counts;
    for (const auto& searcher : devices.searchers) {
        const Backend backend = searcher->device().backend;
        devices.labels.push_back(std::string{to_string(backend)} +
                                 std::to_string(counts[backend]++));
    }
    return devices;
}

std::set<std::string> earning_uids(const std::filesystem::path& data_dir, const PublicKey& key) {
    const std::set<DeviceId> retired = retired_devices(data_dir);
    std::set<std::string> uids = enrolled_uids(data_dir);
    std::erase_if(uids,
                  [&](const std::string& uid) { return retired.contains(device_id(key, uid)); });
    return uids;
}

std::string machine_id_without_writing(const std::string& data_dir) {
    std::error_code ignored;
    const bool folder =
        std::filesystem::exists(std::filesystem::path{data_dir} / "machine-id", ignored);
    const bool system = std::filesystem::file_size(system_machine_id, ignored) > 1 && !ignored;
    if (!folder && !system) return "none";
    return machine_id(system_machine_id, data_dir);
}

void require_devices(const OwnDevices& devices) {
    if (!devices.searchers.empty()) return;
    std::string why = "no device to work with was found";
    for (const std::string& note : devices.notes) why += "; " + note;
    throw edge::Fatal{
        edge::exit_no_device, "E-DEVICE",
        why + ". See vigil-node list-devices; --backends cpu tries the whole way without a GPU"};
}

std::vector<DeviceStatus> statuses(const OwnDevices& devices, const PublicKey& key) {
    std::vector<DeviceStatus> all;
    for (std::size_t i = 0; i < devices.searchers.size(); ++i) {
        DeviceStatus status;
        status.label = devices.labels[i];
        status.description = devices.searchers[i]->device();
        status.id = device_id(key, status.description.uid);
        all.push_back(std::move(status));
    }
    return all;
}

std::string devices_json(const OwnDevices& devices) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (std::size_t i = 0; i < devices.searchers.size(); ++i) {
        const DeviceDescription& d = devices.searchers[i]->device();
        // OpenCL offers processors as well: those run the eight-lane kernel.
        const bool processor =
            d.backend == Backend::cpu || (d.backend == Backend::opencl && d.kernel == "ulong8");
        list.push_back({{"label", devices.labels[i]},
                        {"uid", d.uid},
                        {"name", d.name},
                        {"backend", to_string(d.backend)},
                        {"is_processor", processor},
                        {"driver", d.driver},
                        {"kernel", d.kernel},
                        {"memory_bytes", d.memory_bytes},
                        {"compute_units", d.compute_units}});
    }
    const nlohmann::ordered_json all{{"devices", list}, {"notes", devices.notes}};
    return all.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace vigil::node
