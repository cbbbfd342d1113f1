#include <algorithm>
#include <filesystem>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <iostream>
#include <sys/utsname.h>

#include "node/commands.hpp"
#include "node/doctor.hpp"
#include "node/local_api.hpp"
#include "proto/edge/bundle.hpp"
#include "proto/edge/recent_log.hpp"

namespace vigil::node {
namespace {

constexpr Milliseconds local_timeout{3000};
constexpr std::size_t log_limit = 4 * 1024 * 1024;

/// Shorter arguments are words that stand everywhere.
constexpr std::size_t shortest_secret = 6;

std::string asked_of_running(const Config& config, const std::string& path) {
    if (config.http_port == 0) return "http.port is 0, so a running node could not be asked\n";
    const auto reply = http_get(config.http_address, static_cast<std::uint16_t>(config.http_port),
                                path, local_timeout);
    return reply ? reply->body : "no running node answers: " + reply.error() + "\n";
}

std::string versions(Instant now) {
    std::string text = fmt::format("vigil-node {}\ntime {:%FT%TZ}\n", VIGIL_VERSION,
                                   std::chrono::floor<std::chrono::seconds>(now));
    utsname system{};
    if (::uname(&system) == 0)
        text += fmt::format("{} {} {}\n", system.sysname, system.release, system.machine);
    for (const char* file : {"/etc/os-release", "/proc/driver/nvidia/version"}) try {
            text += edge::read_file_or_empty(file, log_limit);
        } catch (const edge::Fatal&) {
            continue;
        }
    return text;
}

std::string log_of(const std::filesystem::path& data_dir) {
    try {
        const std::string text =
            edge::read_file_or_empty(data_dir / edge::RecentLog::file_name, log_limit);
        return text.empty() ? "there is none: the node has not run here yet\n" : text;
    } catch (const edge::Fatal& failure) {
        return std::string{failure.what()} + "\n";
    }
}

}  // namespace

int write_bundle(Config config, const edge::Settings& settings, const BundleAsked& asked) {
    const Instant now = asked.now();
    const std::filesystem::path archive =
        asked.output.empty() ? edge::bundle_name("vigil-node", now) : asked.output;
    std::cerr << "looking at everything, as vigil-node doctor does" << std::endl;
    std::vector<std::string> secrets =
        edge::secrets_in(std::filesystem::path{config.data_dir} / "node.key");
    for (const std::filesystem::path& file : edge::secret_files_of(config.channels))
        for (std::string& secret : edge::secrets_in(file)) secrets.push_back(std::move(secret));
    const auto add_arguments = [&](const std::vector<std::string>& words) {
        for (std::size_t i = 1; i < words.size(); ++i)
            if (words[i].size() >= shortest_secret) secrets.push_back(words[i]);
    };
    for (const auto& [name, workload] : config.workloads) add_arguments(workload.exec);
    for (const auto& [name, hook] : config.hooks) add_arguments(hook.run);
    const std::string effective = edge::settings_without_secrets(settings);
    std::string table;
    const std::vector<Finding> findings = look_at_all(
        config,
        {.json = false, .config_troubles = asked.config_troubles, .now = asked.now, .style = {}},
        [&](const Finding& finding) { table += finding_text(finding, {}); });
    const std::vector<edge::BundledFile> files{
        {"versions.txt", versions(now)},
        {"config.toml", effective},
        {"doctor.txt", table},
        {"doctor.json", findings_json(findings, would_pass(config, findings))},
        {"status.json", asked_of_running(config, "/status")},
        {"metrics.txt", asked_of_running(config, "/metrics")},
        {"log.txt", log_of(config.data_dir)}};
    edge::write_bundle(archive, files, secrets, now);
    std::cout << fmt::format(
        "{} (mode 0600) holds\n{}"
        "No key, password or path of a URL is in it; names of this machine's devices, addresses of "
        "node and verifier, and the payout address are. Look before you send it: tar xf '{}'\n",
        archive.string(), edge::contents_of(files), archive.string());
    return 0;
}

}  // namespace vigil::node
