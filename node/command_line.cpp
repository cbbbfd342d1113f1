#include "node/command_line.hpp"

#include <algorithm>

#include "node/command_list.hpp"
#include "proto/edge/command_tree.hpp"

namespace vigil::node {
namespace {

constexpr const char* exit_codes =
    "Exit codes: 0 ok, 1 check failed, 2 usage, 3 configuration, 4 no usable device,\n"
    "            5 verifier or node unreachable, 6 refused\n";

void add_settings(CLI::App& app, const Command& command, const edge::Settings& settings,
                  Given& given) {
    app.add_option("--config", given.config_file,
                   std::string{"settings file, TOML (VIGIL_CONFIG; else "} + usual_settings_file +
                       " if it exists)")
        ->type_name("FILE");
    for (const edge::Settings::Effective& setting : settings.effective()) {
        std::string names = edge::flag_name(setting.key);
        if (setting.key == "verifier.address") names += ",--verifier";
        if (setting.key == "verifier.ca") names += ",--ca";
        std::string help = setting.help;
        if (setting.value != "\"\"" && setting.value != "[]" && setting.value.size() < 40)
            help += " [" + setting.value + "]";
        const auto keep = [&given, key = setting.key](const std::string& text) {
            given.flags[key] = text;
        };
        CLI::Option* option =
            setting.key == "poll" || setting.key == "yield_to_others"
                ? app.add_flag_callback(
                      names, [keep] { keep("true"); }, help)
                : app.add_option_function<std::string>(names, keep, help)->type_name("");
        const bool shown =
            std::any_of(command.settings.begin(), command.settings.end(),
                        [&](const std::string& prefix) { return setting.key.starts_with(prefix); });
        option->group(shown ? "Settings (environment: VIGIL_ and the name, e.g. VIGIL_HTTP_PORT)"
                            : "");
    }
}

/// "notify test" is the command test of the group notify.
CLI::App* add_named(CLI::App& app, const std::string& name, const std::string& what) {
    const std::size_t blank = name.find(' ');
    if (blank == std::string::npos) return app.add_subcommand(name, what);
    const std::string first = name.substr(0, blank);
    const auto known =
        app.get_subcommands([&](const CLI::App* one) { return one->get_name() == first; });
    CLI::App* group =
        known.empty() ? app.add_subcommand(first, "Try the channels of [[notify]]") : known.front();
    group->require_subcommand(1);
    return group->add_subcommand(name.substr(blank + 1), what);
}

void add_command(CLI::App& app, const Command& command, const edge::Settings& settings,
                 Given& given) {
    const std::string name = command.name;
    CLI::App* sub = add_named(app, name, command.what);
    if (name == "list-devices" || name == "bench" || name == "status" || name == "notify test")
        sub->add_option("-o,--output", given.output, "table or json [table]")
            ->check(CLI::IsMember({"table", "json"}))
            ->type_name("");
    // Between a running node and the processes it starts; no owner needs them.
    if (name == "list-devices")
        sub->add_option("--leave-out", given.leave_out, "uids, separated by commas")->group("");
    if (name == "run")
        sub->add_flag("--retune", given.retune,
                      "measure again which kernel is each device's fastest");
    if (name == "run")
        sub->add_flag("--service", given.service,
                      "for a service manager: no banner, no live line, log lines for the journal");
    if (name == "run")
        sub->add_option("--starts-anew", given.starts_anew, "how often in a row")->group("");
    if (name == "doctor")
        sub->add_flag("--json", given.doctor_json, "findings as JSON, for programs");
    if (name == "bench") {
        sub->add_option("--seconds", given.bench.seconds, "figures of one second a kernel [10]")
            ->check(CLI::Range(1u, 3600u))
            ->type_name("");
        sub->add_option("--kernel", given.bench.kernel, "only this one")->type_name("");
        sub->add_option("--device", given.bench.device, "only this one: label or uid")
            ->type_name("");
    }
    if (name == "retire") {
        sub->add_option("--device", given.device, "uid, device id, or the running node's label")
            ->required()
            ->type_name("");
        sub->add_flag("--undo", given.undo, "enrol it again at the next start of run");
    }
    if (name == "notify test")
        sub->add_option("--channel", given.channel, "only this one")->type_name("");
    if (name == "payout")
        sub->add_option("address", given.address, "the new one, 0x and 40 digits")->type_name("");
    if (name == "bundle")
        sub->add_option("--output", given.archive, "file to write; empty: a name with the time")
            ->type_name("FILE");
    if (name == "rehearse") {
        sub->add_option("--as", given.rehearsal.as, "lazy or replayer")
            ->required()
            ->check(CLI::IsMember({"lazy", "replayer"}))
            ->type_name("");
        sub->add_option("--steal-from", given.rehearsal.steal_from, "another node's answers.log")
            ->type_name("FILE");
    }
    add_settings(*sub, command, settings, given);
    sub->footer(std::string{command.examples} + exit_codes);
}

}  // namespace

void add_commands(CLI::App& app, const edge::Settings& settings, Given& given) {
    app.name("vigil-node");
    app.description(
        "vigil-node: proves to a Vigil network that this machine's GPUs are up and how fast they "
        "are.\n"
        "The key is made at the first run and never leaves this machine; all connections are "
        "outbound.");
    app.require_subcommand(1);
    app.set_version_flag("--version", std::string{"vigil-node "} + VIGIL_VERSION);
    app.get_formatter()->column_width(34);
    for (const Command& command : command_list()) add_command(app, command, settings, given);
    app.add_subcommand("version", "Print the version");
    edge::add_description_commands(app, given.shell);
    app.footer(std::string{"Examples:\n  vigil-node list-devices\n"
                           "  vigil-node run --verifier vigil.example.org:9464 --payout 0x…\n"} +
               exit_codes);
}

edge::ManualNotes manual_notes() {
    return {.version = VIGIL_VERSION,
            .files = {{usual_settings_file, "settings, read when it exists and no other is named"},
                      {"/var/lib/vigil-node",
                       "the data folder of a service: key, receipts, what "
                       "waits for one, the kernels chosen"},
                      {"~/.local/state/vigil-node", "the same of a user"}},
            .exit_codes = {"ok", "a check failed", "wrong usage", "wrong configuration",
                           "no usable device", "the verifier or the node cannot be reached",
                           "the verifier refused"}};
}

}  // namespace vigil::node
