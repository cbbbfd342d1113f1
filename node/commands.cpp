#include "node/commands.hpp"

#include <filesystem>
#include <fmt/format.h>
#include <iostream>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "core/base/ids.hpp"
#include "node/connection.hpp"
#include "node/console_lines.hpp"
#include "node/devices.hpp"
#include "node/enrolment_file.hpp"
#include "node/identity.hpp"
#include "node/local_api.hpp"
#include "node/retired_devices.hpp"
#include "proto/edge/channel_trial.hpp"
#include "proto/edge/files.hpp"
#include "proto/edge/logging.hpp"

namespace vigil::node {
namespace {

constexpr Milliseconds local_timeout{3000};

/// Throws Fatal E-DATADIR where this user may not look.
bool has_key(const Config& config) {
    std::error_code failure;
    const bool there =
        std::filesystem::exists(std::filesystem::path{config.data_dir} / "node.key", failure);
    if (failure == std::errc::permission_denied)
        throw edge::Fatal{edge::exit_configuration, "E-DATADIR",
                          fmt::format("{} cannot be looked into by this user (uid {}); run this as "
                                      "root or as its owner, or name another with --data-dir",
                                      config.data_dir, ::geteuid())};
    return there;
}

[[noreturn]] void not_running(const Config& config, const std::string& why) {
    throw edge::Fatal{edge::exit_unreachable, "E-UNREACHABLE",
                      "no running node answers: " + why +
                          ". Start it with vigil-node run, or name its port (http.port is " +
                          std::to_string(config.http_port) + ")"};
}

HttpReply ask_own(const Config& config, const std::string& path) {
    if (config.http_port == 0) not_running(config, "http.port is 0, so the node has no local port");
    auto reply = http_get(config.http_address, static_cast<std::uint16_t>(config.http_port), path,
                          local_timeout);
    if (!reply) not_running(config, reply.error());
    return *reply;
}

/// What `run` goes on with although there is a GPU; nothing where the key is not to be read.
std::set<std::string> earning_here(const Config& config) {
    try {
        if (!has_key(config)) return {};
        return earning_uids(config.data_dir, load_identity(config.data_dir).key.public_key());
    } catch (const edge::Fatal&) {
        return {};
    }
}

/// A device as its owner may name it.
struct NamedDevice {
    DeviceId id;
    std::string label, uid, name;
};

/// As the running node with this key counts them; nothing when none answers.
std::vector<NamedDevice> devices_of_running(const Config& config, const NodeId& node) {
    std::vector<NamedDevice> devices;
    if (config.http_port == 0) return devices;
    const auto reply = http_get(config.http_address, static_cast<std::uint16_t>(config.http_port),
                                "/status", local_timeout);
    if (!reply) return devices;
    try {
        const auto status = nlohmann::json::parse(reply->body);
        if (status.at("node_id") != to_hex(node)) return devices;
        for (const auto& entry : status.at("devices"))
            if (const auto id = from_hex<DeviceId>(entry.at("device_id").get<std::string>()))
                devices.push_back({*id, entry.at("label"), entry.at("uid"), entry.at("name")});
    } catch (const nlohmann::json::exception&) {
        return {};  // somebody else's port
    }
    return devices;
}

NamedDevice device_named(const Config& config, const Identity& identity, const std::string& word) {
    std::vector<NamedDevice> devices = devices_of_running(config, identity.id);
    const bool running = !devices.empty();
    if (!running)
        for (const DeviceStatus& d :
             statuses(find_devices(config, machine_id("/etc/machine-id", config.data_dir)),
                      identity.key.public_key()))
            devices.push_back({d.id, d.label, d.description.uid, d.description.name});
    std::string known;
    for (const NamedDevice& device : devices) {
        // Labels are counted anew at every start, and a lost card moves them.
        if (device.uid == word || to_hex(device.id) == word || (running && device.label == word))
            return device;
        known += (running ? " " + device.label + "," : "") + " " + device.uid;
    }
    if (const auto id = from_hex<DeviceId>(word)) return {*id, "", "", "not in this machine now"};
    // A card that has left the machine: its uid is all that is needed.
    if (word.find(':') != std::string::npos || word.starts_with("GPU-"))
        return {device_id(identity.key.public_key(), word), "", word, "not in this machine now"};
    throw edge::Fatal{
        edge::exit_usage, "E-DEVICE",
        "no device \"" + word + "\" here; name one of" + known +
            ", or a device id of 64 hexadecimal digits" +
            (running ? "" : ". Labels are known only while the node runs (see http.port)")};
}

}  // namespace

int list_devices(const Config& config, bool json, std::set<std::string> leave_out) {
    check(config);
    const OwnDevices devices = find_devices(config, machine_id_without_writing(config.data_dir),
                                            std::move(leave_out), earning_here(config));
    if (json) {
        std::cout << devices_json(devices);
    } else {
        std::cout << device_table(statuses(devices, PublicKey{}));
        for (const std::string& note : devices.notes) std::cout << "note: " << note << "\n";
    }
    require_devices(devices);
    return 0;
}

int show_status(const Config& config, bool json) {
    std::cout << ask_own(config, json ? "/status" : "/status.txt").body;
    return 0;
}

int healthcheck(const Config& config) {
    const HttpReply reply = ask_own(config, "/healthz");
    std::cout << reply.body;
    return reply.status == 200 ? 0 : edge::exit_check_failed;
}

int keygen(const Config& config) {
    const DataFolder folder{config.data_dir};
    const Identity identity = load_identity(folder.path());
    std::cout << fmt::format("{} {}\nnode id {}\n", (folder.path() / "node.key").string(),
                             identity.created
                                 ? "was made; keep a copy: the node's standing belongs to it"
                                 : "exists already and was left as it is",
                             to_hex(identity.id));
    return 0;
}

int retire(const Config& config, const std::string& device, bool undo,
           const std::function<Instant()>& now) {
    check(config);
    if (!has_key(config))
        throw edge::Fatal{
            edge::exit_configuration, "E-CONFIG",
            config.data_dir + " holds no node key; name the node's folder with --data-dir"};
    if (!undo && config.verifier_address.empty())
        throw edge::Fatal{edge::exit_configuration, "E-CONFIG",
                          "verifier.address is not set; give what vigil-node run has: --config "
                          "FILE, or --verifier host:port with --ca FILE or "
                          "--verifier-fingerprint where the certificate is the operator's own"};
    // The key without the folder's lock: a device is retired while the node runs.
    const Identity identity = load_identity(config.data_dir);
    const NamedDevice named = device_named(config, identity, device);
    const std::string words = edge::for_log(named.uid.empty() ? to_hex(named.id) : named.uid, 128) +
                              " (" + edge::for_log(named.name, 64) + ")";
    if (undo) {
        forget_enrolment(config.data_dir);  // may be just that from before it was retired
        std::cout << (forget_retired(config.data_dir, named.id)
                          ? words + " is enrolled again when vigil-node run starts the next time\n"
                          : words + " was not retired from here\n");
        return 0;
    }
    std::cout << "retiring " << words << std::endl;
    const bool noted = retired_devices(config.data_dir).contains(named.id);
    note_retired(config.data_dir, named.id, words);
    try {
        const LinkIdentity own{identity.key, identity.id, config.data_dir, {}};
        const Retirement retired = retire_device(link_options(config, VIGIL_VERSION), own, named.id,
                                                 static_cast<std::uint64_t>(to_ms(now())));
        std::cout << fmt::format(
            "device {} is retired from day {} on{}; its balance stays. Leave the node running "
            "until then: the windows before it count. The node does not enrol it again until "
            "vigil-node retire --undo\n",
            to_hex(named.id), retired.day,
            retired.from ? fmt::format(", which begins {}", date_words(*retired.from)) : "");
        if (retired.from) note_retired(config.data_dir, named.id, words, retired.from);
    } catch (...) {
        if (!noted) forget_retired(config.data_dir, named.id);
        throw;
    }
    return 0;
}

int try_own_channels(const Config& config, const std::string& channel, bool json,
                     const std::function<Instant()>& now) {
    const std::string source = fmt::format("node {}", edge::for_log(config.name, 64));
    return edge::run_channel_trial(config.channels, {channel, source, now()}, json, std::cout);
}

int show_config(const edge::Settings& settings) {
    std::vector<std::vector<std::string>> rows{{"key", "value", "source"}};
    for (const auto& entry : settings.effective())
        rows.push_back({entry.key, entry.value, entry.source});
    std::cout << aligned(rows);
    return 0;
}

int check_config(const Config& config) {
    check_for_run(config);
    link_options(config, VIGIL_VERSION);
    std::vector<std::string> told = edge::look_at_channels(config.channels);
    try {
        if (has_key(config)) edge::read_secret(std::filesystem::path{config.data_dir} / "node.key");
    } catch (const edge::Fatal& fatal) {  // the service's user may be another than who asks
        if (fatal.code != "E-KEYOWNER" && fatal.code != "E-DATADIR") throw;
        told.push_back(std::string{"the key was not looked into: "} + fatal.what());
    }
    for (const std::string& one : told) std::cerr << "vigil-node: warning: " << one << "\n";
    std::cout << "the configuration is good\n";
    return 0;
}

}  // namespace vigil::node
