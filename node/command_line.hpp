#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>

#include "node/commands.hpp"
#include "node/running_node.hpp"
#include "proto/edge/command_tree.hpp"
#include "proto/edge/settings.hpp"

namespace vigil::node {

/// The settings file that is read when none is named and it exists.
constexpr const char* usual_settings_file = "/etc/vigil/node.toml";

/// What stood on the command line.
struct Given {
    std::string config_file;
    std::map<std::string, std::string> flags;
    std::string output = "table";
    BenchAsked bench;
    std::string device;
    bool undo = false;
    std::string archive;
    std::string address;
    std::string channel;
    std::string leave_out;
    bool doctor_json = false;
    bool retune = false;
    bool service = false;
    unsigned starts_anew = 0;
    Rehearsal rehearsal;
    std::string shell;
};

/// Defines every command and flag. `settings` has its defaults; both outlive `app`.
void add_commands(CLI::App& app, const edge::Settings& settings, Given& given);
/// What the manual page says besides.
edge::ManualNotes manual_notes();

}  // namespace vigil::node
