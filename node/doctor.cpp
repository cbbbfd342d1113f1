#include "node/doctor.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <iostream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>
#include <unistd.h>

#include "core/base/ids.hpp"
#include "node/identity.hpp"
#include "node/local_api.hpp"

namespace vigil::node {
namespace {

std::atomic<bool> one_left_behind{false};

/// The running node's port answers as one does.
bool running_here(const Config& config) {
    constexpr Milliseconds timeout{1000};
    if (config.http_port == 0) return false;
    const auto reply = http_get(config.http_address, static_cast<std::uint16_t>(config.http_port),
                                "/status", timeout);
    return reply && nlohmann::json::accept(reply->body) &&
           nlohmann::json::parse(reply->body).contains("node_id");
}

Finding wrong_setting(const edge::Fatal& fatal) {
    Finding finding = fail("config", fatal);
    if (finding.fix.starts_with("see "))
        finding.fix = "correct it; vigil-node config prints every setting with its source";
    return finding;
}

/// Settings that are judged together, put back to their defaults where they are wrong.
template <class... Value>
void check_alone(Config& config, const Tell& tell, Value Config::*... members) {
    Config alone;
    ((alone.*members = config.*members), ...);
    try {
        check(alone);
    } catch (const edge::Fatal& fatal) {
        tell(wrong_setting(fatal));
        ((config.*members = Config{}.*members), ...);
    }
}

}  // namespace

bool left_behind() { return one_left_behind; }

bool run_within(Milliseconds limit, std::function<void()> work) {
    struct State {
        std::mutex mutex;
        std::condition_variable changed;
        bool done = false;             // guarded by mutex
        std::exception_ptr failure{};  // guarded by mutex
    };
    const auto state = std::make_shared<State>();
    std::thread{[state, work = std::move(work)] {
        std::exception_ptr failure;
        try {
            work();
        } catch (...) {
            failure = std::current_exception();
        }
        const std::lock_guard lock{state->mutex};
        state->done = true;
        state->failure = failure;
        state->changed.notify_all();
    }}.detach();
    std::unique_lock lock{state->mutex};
    if (!state->changed.wait_for(lock, limit, [&] { return state->done; })) {
        one_left_behind = true;
        return false;
    }
    if (state->failure) std::rethrow_exception(state->failure);
    return true;
}

void look_at_config(Config& config, const std::vector<std::string>& troubles, const Tell& tell) {
    bool good = troubles.empty();
    const Tell judged = [&](Finding finding) {
        good = false;
        tell(std::move(finding));
    };
    for (const std::string& trouble : troubles) {
        constexpr std::string_view prefix = "E-CONFIG: ";
        judged(
            wrong_setting({edge::exit_configuration, "E-CONFIG",
                           trouble.starts_with(prefix) ? trouble.substr(prefix.size()) : trouble}));
    }
    check_alone(config, judged, &Config::backends);
    check_alone(config, judged, &Config::cpu_affinity);
    check_alone(config, judged, &Config::verifier_address);
    check_alone(config, judged, &Config::verifier_fingerprint);
    check_alone(config, judged, &Config::name);
    check_alone(config, judged, &Config::region);
    check_alone(config, judged, &Config::payout);
    check_alone(config, judged, &Config::keep_free_memory);
    check_alone(config, judged, &Config::temp_stop, &Config::temp_start);
    check_alone(config, judged, &Config::workloads);
    check_alone(config, judged, &Config::hooks);
    check_alone(config, judged, &Config::channels);
    for (const auto& channel : config.channels) {
        try {
            edge::load_channels({channel});
        } catch (const edge::Fatal& fatal) {  // the node runs without it
            Finding finding = fail("notify", fatal);
            finding.level = Finding::Level::warn;
            tell(std::move(finding));
        }
    }
    const std::string pin = config.verifier_fingerprint;
    check_alone(config, judged, &Config::verifier_ca, &Config::verifier_fingerprint);
    config.verifier_fingerprint = pin;  // good by itself, and the narrower of the two
    if (config.payout.empty() && good)
        tell(warn("config", "the settings are good, but name no payout address to run with",
                  "--payout 0x… (an EVM address)", "E-PAYOUT"));
    else if (good)
        tell(ok("config", "the settings are good"));
}

std::optional<NodeId> look_at_key(const Config& config, const Tell& tell) {
    namespace fs = std::filesystem;
    const fs::path folder{config.data_dir};
    const fs::path key = folder / "node.key";
    std::error_code failure;
    const bool there = fs::exists(key, failure);
    const bool folder_there = fs::exists(folder, failure);
    if (failure) {
        tell(fail("key", folder.string() + " cannot be looked into: " + failure.message(),
                  fmt::format("chown -R $(id -un) '{}', or choose another with --data-dir",
                              folder.string()),
                  "E-DATADIR"));
        return std::nullopt;
    }
    if (folder_there && ::access(folder.c_str(), W_OK) != 0)
        tell(fail("key", folder.string() + " cannot be written by this user",
                  fmt::format("run as its owner, or chown -R $(id -un) '{}'", folder.string()),
                  "E-DATADIR"));
    if (!there) {
        tell(ok("key", fmt::format("{} is made by the first run", key.string())));
        return std::nullopt;
    }
    try {
        edge::read_secret(key);
        const Identity identity = load_identity(folder);
        tell(ok("key", fmt::format("{} is readable by its owner only; node id {}", key.string(),
                                   to_hex(identity.id))));
        return identity.id;
    } catch (const edge::Fatal& fatal) {
        tell(fail("key", fatal));
        return std::nullopt;
    }
}

/// Once, as the running node looks again and again.
void look_at_workloads(const Config& config, const Tell& tell) {
    for (const Workload& workload : workloads_of(config)) {
        const std::string trouble = look_of(workload)([] { return false; });
        const std::string words = workload.name + " (" + way_words(workload) + ")";
        if (trouble.empty())
            tell(ok("workload", words + " is well"));
        else
            tell(warn("workload", words + ": " + trouble,
                      "start it, or correct [[workload]] in the node's file"));
    }
}

std::vector<Finding> look_at_all(Config& config, const DoctorAsked& asked, const Tell& told) {
    std::vector<Finding> all;
    const Tell tell = [&](Finding finding) {
        told(finding);
        all.push_back(std::move(finding));
    };
    look_at_config(config, asked.config_troubles, tell);
    const std::optional<NodeId> node = look_at_key(config, tell);
    const bool runs = running_here(config);
    if (runs)
        tell(ok("node", fmt::format("vigil-node runs here (port {}): see vigil-node status",
                                    config.http_port)));
    const std::vector<HashReading> hashing = look_at_devices(config, runs, tell);
    look_at_way(config, {node, runs, asked.now}, hashing, tell);
    look_at_workloads(config, tell);
    return all;
}

std::optional<bool> would_pass(const Config& config, const std::vector<Finding>& all) {
    if (config.verifier_address.empty()) return std::nullopt;
    return !any_fail(all);
}

int run_doctor(Config config, const DoctorAsked& asked) {
    const std::vector<Finding> all = look_at_all(config, asked, [&](const Finding& finding) {
        if (!asked.json) std::cout << finding_text(finding, asked.style) << std::flush;
    });
    const std::optional<bool> passes = would_pass(config, all);
    std::cout << (asked.json ? findings_json(all, passes) : summary(all, passes)) << std::flush;
    const int code = any_fail(all) ? edge::exit_check_failed : 0;
    if (left_behind()) std::_Exit(code);
    return code;
}

}  // namespace vigil::node
