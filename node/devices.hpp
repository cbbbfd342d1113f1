#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "core/crypto/ed25519.hpp"
#include "node/agent.hpp"
#include "node/config.hpp"

namespace vigil::node {

struct OwnDevices {
    std::vector<std::unique_ptr<Searcher>> searchers;
    std::vector<std::string> labels;  ///< "cuda0", "cuda1", "cpu0", in the same order
    std::vector<std::string> notes;   ///< what is used, what is not, and why
};

/// Every device the configuration allows but those to be left out, by uid; processors of `keep`
/// also beside a GPU. Narrows this process to cpu.affinity first. Throws Fatal E-CONFIG when none
/// of those processors exists; an empty result is the caller's to judge.
OwnDevices find_devices(const Config& config, const std::string& machine,
                        std::set<std::string> leave_out = {}, std::set<std::string> keep = {});

/// Whose checks somebody waits for: what has been enrolled from this folder and was not retired.
std::set<std::string> earning_uids(const std::filesystem::path& data_dir, const PublicKey& key);

/// For commands that must not make a data folder: the machine id where one can be had without
/// writing, else "none".
std::string machine_id_without_writing(const std::string& data_dir);

/// Throws Fatal E-DEVICE, exit 4, with the notes and what to do.
void require_devices(const OwnDevices& devices);

/// At most the 64 a node may enrol (protocol 4.3, limits of vigil.v1); more are left out with a
/// note.
std::vector<DeviceStatus> statuses(const OwnDevices& devices, const PublicKey& key);

/// {"devices": […], "notes": […]}, stable.
std::string devices_json(const OwnDevices& devices);

}  // namespace vigil::node
