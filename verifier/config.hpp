#pragma once

#include <string>
#include <string_view>

#include "proto/edge/command_tree.hpp"
#include "proto/edge/settings.hpp"
#include "verifier/run.hpp"

namespace vigil::verifier {

/// Everything an operator can set. Rules that decide money are the network's policy, not this.
struct Config {
    std::string data_dir;
    std::string store;
    std::string store_transactions = "whole";
    std::string network;
    std::string policy;
    std::string address = "0.0.0.0";
    std::int64_t port = 9464;
    bool tls = true;
    std::string certificate, key;
    std::vector<std::string> names;
    bool limits_per_address = true;
    std::int64_t max_sessions = 50'000;
    std::int64_t max_nodes = 300'000;
    std::int64_t connections_per_second = 800;
    std::int64_t enrolments_per_second = 100;
    std::string http_address = "127.0.0.1";
    std::int64_t http_port = 9463;
    bool all_device_metrics = false;
    std::int64_t judging_threads = 1;
    std::int64_t network_threads = 1;
    edge::ChannelsByName channels;  ///< by name: [[notify]]
    std::int64_t incident_windows = 2;
    NodeVersions node_versions;
    bool reflection = false;
    std::string log_format = "text";
    std::string log_level = "info";
};

/// Declares every setting with its help. `config` must outlive `settings` and holds the defaults.
void declare(edge::Settings& settings, Config& config);

/// Whether this names a setting that only vigil-node has: where both programs run with one
/// environment, it is no mistake here.
bool is_setting_of_node(std::string_view environment_name);

/// What can be said about values without asking the disk or the network; `settings` hold `config`
/// and say where each came from. Throws Fatal E-CONFIG, E-POLICY.
void check(const Config& config, const edge::Settings& settings);
/// Throws Fatal E-STORE for a place that can be no store (check_place), above all for a password in
/// its URI; the message holds no part of it. To be called before a setting is printed.
void check_store(const std::string& place);
/// The part of it that asking a running verifier needs.
void check_http(const Config& config, const edge::Settings& settings);

VerifierOptions options_from(const Config& config, Clock clock);

/// Where a verifier keeps its state when nothing is said: /var/lib/vigil-verifier for root, else
/// under XDG_STATE_HOME or the home directory. Null: not set.
std::string default_data_dir(bool root, const char* xdg_state_home, const char* home);

/// What the manual page says besides commands and settings.
edge::ManualNotes manual_notes(const std::string& version);

}  // namespace vigil::verifier
