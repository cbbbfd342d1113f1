#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "proto/edge/channel_trial.hpp"
#include "proto/edge/command_tree.hpp"
#include "proto/edge/files.hpp"
#include "proto/edge/logging.hpp"
#include "proto/edge/progress_bar.hpp"
#include "proto/edge/stop_signals.hpp"
#include "verifier/bundle_command.hpp"
#include "verifier/commands.hpp"
#include "verifier/config.hpp"
#include "verifier/demo/demo.hpp"
#include "verifier/premises.hpp"
#include "verifier/replay.hpp"
#include "verifier/version.hpp"
#include "verifier/what_if.hpp"

extern "C" char** environ;

namespace vigil::verifier {
namespace {

Instant system_now() { return std::chrono::floor<Milliseconds>(std::chrono::system_clock::now()); }

/// The command line: what every command shares, and the commands.
class Program {
public:
    Program() {
        // What the library would say is said again in our words.
        setenv("GRPC_VERBOSITY", "NONE", 0);
        config_.data_dir =
            default_data_dir(geteuid() == 0, std::getenv("XDG_STATE_HOME"), std::getenv("HOME"));
        declare(settings_, config_);
        app_.name("vigil-verifier");
        app_.require_subcommand(1);
        app_.get_formatter()->column_width(34);
        app_.footer(
            "Every setting is a flag, a key of the TOML file, or an environment name:\n"
            "--http-port, http.port, VIGIL_HTTP_PORT. The flag wins, then the environment.\n"
            "Exit codes: 0 ok, 1 check failed, 2 usage, 3 configuration, 5 unreachable.");
        add_run();
        add_demo();
        add_config();
        add_policy();
        add_reading();
        add_audit();
        add_migrate();
        add_bundle();
        add_notify();
        edge::add_description_commands(app_, shell_);
        app_.add_subcommand("version", "Print the version")->callback([this] {
            action_ = [] {
                std::printf("vigil-verifier %s\n", version);
                return 0;
            };
        });
    }

    int run(int argc, char** argv) {
        try {
            own_program_ = argv[0];
            app_.parse(argc, argv);
        } catch (const CLI::ParseError& failure) {
            if (failure.get_exit_code() == 0) return app_.exit(failure);
            std::fputs(edge::usage_error(app_, failure).c_str(), stderr);
            return edge::exit_usage;
        }
        if (const auto text = edge::description_asked(app_, shell_, manual_notes(version))) {
            std::fputs(text->c_str(), stdout);
            return 0;
        }
        return action_();
    }

private:
    void add_settings(CLI::App& command) {
        command.add_option("--config", file_, "TOML file [VIGIL_CONFIG]")->type_name("FILE");
        for (const edge::Setting& setting : settings_.declared()) {
            command
                .add_option_function<std::string>(
                    edge::flag_name(setting.key),
                    [this, key = setting.key](const std::string& text) {
                        settings_.set_flag(key, text);
                    },
                    setting.help)
                ->type_name("")
                ->group("Settings");
        }
    }

    void add_format(CLI::App& command) {
        command.add_option("-o,--output", format_, "table (default) or json")
            ->transform(CLI::CheckedTransformer(
                std::map<std::string, OutputFormat>{{"table", OutputFormat::table},
                                                    {"json", OutputFormat::json}},
                CLI::ignore_case))
            ->type_name("");
    }

    void load() {
        const char* named = std::getenv("VIGIL_CONFIG");
        if (file_.empty() && named != nullptr) file_ = named;
        std::vector<std::string> names;
        for (char** entry = environ; *entry != nullptr; ++entry) {
            const std::string text{*entry};
            std::string name = text.substr(0, text.find('='));
            if (!is_setting_of_node(name)) names.push_back(std::move(name));
        }
        settings_.load(
            file_, [](const char* name) { return std::getenv(name); }, names);
        check_store(config_.store);
    }

    void load_and_check() {
        load();
        check(config_, settings_);
    }

    std::string store() const { return premises_of(options_from(config_, system_now)).store; }

    void add_run() {
        CLI::App* command = app_.add_subcommand("run", "Serve a network until SIGTERM");
        add_settings(*command);
        command->footer(
            "Examples:\n  vigil-verifier run --network mynet --policy incentivenet-2024-10\n"
            "  vigil-verifier run --config /etc/vigil/verifier.toml --log-format json");
        command->callback([this] {
            action_ = [this] {
                load_and_check();
                edge::start_logging(config_.log_format, config_.log_level);
                const edge::StopSignals signals;
                run_verifier(options_from(config_, system_now), signals.token(),
                             [](const VerifierView&) { spdlog::info("ready"); });
                spdlog::info("stopped");
                return 0;
            };
        });
    }

    void add_demo() {
        CLI::App* command = app_.add_subcommand(
            "demo", "Watch a whole network work on this machine, with a day of two minutes");
        command->add_option("--days", demo_.days, "end after so many days; 0: go on until Ctrl-C")
            ->check(CLI::Range(0, 1'000));
        command->add_option("--http-port", demo_.http_port, "port of /metrics; 0: a free one");
        command->add_option("--node-program", demo_.node_program, "vigil-node; empty: looked for");
        command->add_option("--log-level", demo_log_level_, "trace, debug, info, warning, error");
        command->footer(
            "Examples:\n  vigil-verifier demo\n  vigil-verifier demo --days 3   # exit 0 when the "
            "verdicts are as expected");
        command->callback([this] {
            action_ = [this] {
                edge::start_logging("text", demo_log_level_);
                demo_.own_program = own_program_;
                demo_.clock = system_now;
                demo_.search_path = std::getenv("PATH");
                const edge::StopSignals signals;
                return demo::run_demo(demo_, signals.token());
            };
        });
    }

    void add_config() {
        CLI::App* print =
            app_.add_subcommand("config", "Print every setting with its value and source");
        CLI::App* check_only =
            app_.add_subcommand("check-config", "Say whether the configuration is usable");
        for (CLI::App* command : {print, check_only}) add_settings(*command);
        add_format(*print);
        print->footer(
            "Examples:\n  vigil-verifier config --config /etc/vigil/verifier.toml\n"
            "  vigil-verifier config -o json");
        print->callback([this] {
            action_ = [this] {
                load();
                return print_config(settings_, format_);
            };
        });
        check_only->footer("Example:\n  vigil-verifier check-config --config verifier.toml");
        check_only->callback([this] {
            action_ = [this] {
                load_and_check();
                for (const std::string& told : look_at_files(options_from(config_, system_now)))
                    std::fprintf(stderr, "vigil-verifier: warning: %s\n", told.c_str());
                std::puts("the configuration is usable");
                return 0;
            };
        });
    }

    void add_policy() {
        CLI::App* group = app_.add_subcommand("policy", "Read policies: presets or TOML files");
        group->require_subcommand(1);
        group->footer(
            "Examples:\n  vigil-verifier policy show incentivenet-2024-10\n"
            "  vigil-verifier policy lint mypolicy.toml");
        const auto add = [&](const char* name, const char* help, auto act, bool formatted) {
            CLI::App* command = group->add_subcommand(name, help);
            command->add_option("policy", policy_, "preset or file")->required();
            if (formatted) add_format(*command);
            command->callback([this, act] { action_ = [this, act] { return act(); }; });
        };
        add(
            "lint", "Say whether a policy is usable, or the first thing that is wrong",
            [this] { return lint_policy(policy_, format_); }, true);
        add(
            "show", "Print every rule of a policy, in canonical form",
            [this] { return show_policy(policy_, format_); }, true);
        add(
            "hash", "Print a policy's hash", [this] { return print_policy_hash(policy_); }, false);
    }

    void add_reading() {
        CLI::App* devices = app_.add_subcommand("devices", "List devices with their standing");
        CLI::App* explain =
            app_.add_subcommand("explain", "Show the arithmetic of a device's day, line by line");
        CLI::App* what_if =
            app_.add_subcommand("whatif", "Show what a downtime of a device would cost");
        CLI::App* health =
            app_.add_subcommand("healthcheck", "Ask a running verifier whether it is ready");
        for (CLI::App* command : {devices, explain, what_if, health}) add_settings(*command);
        for (CLI::App* command : {devices, explain, what_if}) add_format(*command);
        for (CLI::App* command : {explain, what_if}) {
            command->add_option("--device", what_if_.device, "device id, or the beginning of it")
                ->required();
            command
                ->add_option("--day", what_if_.day,
                             "day number, or date where a day has 24 hours; without it, the latest")
                ->type_name("");
        }
        what_if
            ->add_option("--offline", what_if_.offline,
                         "from when to when, since the begin of the day (UTC): 14:00-20:00")
            ->required();
        what_if
            ->add_option("--days", what_if_.days,
                         "for a longer one: it ends at that time on the last of so many days")
            ->check(CLI::Range(std::int64_t{1}, most_days_away))
            ->type_name("");
        what_if->footer(
            "Checks come at moments that nobody knows, so there is a best and a worst case.\n"
            "Examples:\n  vigil-verifier whatif --device 3fa9c1 --offline 14:00-20:00\n"
            "  vigil-verifier whatif --device 3fa9c1 --offline 18:00-09:00 --days 14\n"
            "  vigil-verifier whatif --device 3fa9c1 --offline 00:00-24:00 --days 14\n"
            "  vigil-verifier whatif --device 3fa9c1 --offline 22:00-04:00 --day 2026-01-01");
        explain->footer("Example:\n  vigil-verifier explain --device 3fa9c1 --day 2026-01-01");
        devices->footer("Example:\n  vigil-verifier devices --data-dir /var/lib/vigil-verifier");
        health->footer("Example:\n  vigil-verifier healthcheck --http-port 9463");
        devices->callback([this] {
            action_ = [this] {
                load_and_check();
                return list_devices(store(), format_);
            };
        });
        explain->callback([this] {
            action_ = [this] {
                load_and_check();
                return explain_day(store(), what_if_.device, what_if_.day, format_);
            };
        });
        what_if->callback([this] {
            action_ = [this] {
                load_and_check();
                return print_what_if(store(), what_if_, format_);
            };
        });
        health->callback([this] {
            action_ = [this] {
                load();
                check_http(config_, settings_);
                return check_health(config_.http_address,
                                    static_cast<std::uint16_t>(config_.http_port));
            };
        });
    }

    void add_audit() {
        CLI::App* command =
            app_.add_subcommand("audit", "Recompute everything from the record and compare");
        add_settings(*command);
        add_format(*command);
        command->footer(
            "Every signature, commit, challenge, verdict, window, day and state_hash. Exit 0: the "
            "record\nagrees, 1: it does not. The verifier may be running.\n"
            "Examples:\n  vigil-verifier audit --data-dir /var/lib/vigil-verifier\n"
            "  vigil-verifier audit --store copy/vigil.db -o json");
        command->callback([this] {
            action_ = [this] {
                load_and_check();
                const bool json = format_ == OutputFormat::json;
                edge::ProgressBar bar{"audit", isatty(STDERR_FILENO) == 1};
                return audit_command(store(), json ? AuditFormat::json : AuditFormat::text,
                                     std::cout, [&bar](const ReplayProgress& progress) {
                                         bar.show(static_cast<std::uint64_t>(progress.windows),
                                                  static_cast<std::uint64_t>(progress.of_windows));
                                     });
            };
        });
    }

    void add_bundle() {
        CLI::App* command = app_.add_subcommand(
            "bundle", "Write what whoever helps needs into one file, without secrets");
        add_settings(*command);
        command->add_option("--output", archive_, "file to write; empty: a name with the time");
        command->callback([this] {
            action_ = [this] {
                load();
                return write_bundle(options_from(config_, system_now), settings_, archive_);
            };
        });
    }

    void add_notify() {
        CLI::App* group = app_.add_subcommand("notify", "Try the channels of [[notify]]");
        group->require_subcommand(1);
        CLI::App* command = group->add_subcommand(
            "test", "Send a test notice by each channel; says what came back");
        command->add_option("--channel", channel_, "only this one");
        add_settings(*command);
        add_format(*command);
        command->footer(
            "One attempt each; a ping is one that says that all is well. Exit 1 when one failed.\n"
            "Example:\n  vigil-verifier notify test --config /etc/vigil/verifier.toml --channel "
            "ops");
        command->callback([this] {
            action_ = [this] {
                load();
                return edge::run_channel_trial(config_.channels,
                                               {channel_, "verifier", system_now()},
                                               format_ == OutputFormat::json, std::cout);
            };
        });
    }

    void add_migrate() {
        CLI::App* command =
            app_.add_subcommand("migrate", "Copy a store into another, of either engine");
        command->add_option("--from", from_, "sqlite:PATH or postgresql://USER@HOST/DB")
            ->required();
        command->add_option("--to", to_, "an empty one")->required();
        command->footer(
            "No verifier may run on either. Ended at any point, it goes on when it is run again. "
            "At the\nend every settled day's state_hash is proved from the copy.\n"
            "Example:\n  vigil-verifier migrate --from sqlite:/var/lib/vigil-verifier/vigil.db \\\n"
            "    --to postgresql://vigil@db1,db2/vigil");
        command->callback([this] {
            action_ = [this] { return migrate_store(from_, to_, isatty(STDERR_FILENO) == 1); };
        });
    }

    CLI::App app_{
        "The verifier of a Vigil network: challenges GPUs, judges their work, keeps the "
        "books."};
    Config config_;
    edge::Settings settings_;
    std::string file_, policy_, from_, to_, own_program_, shell_, archive_, channel_;
    WhatIfAsked what_if_;
    std::string demo_log_level_ = "warning";
    OutputFormat format_ = OutputFormat::table;
    demo::DemoOptions demo_;
    std::function<int()> action_;
};

}  // namespace
}  // namespace vigil::verifier

int main(int argc, char** argv) try {
    return vigil::verifier::Program{}.run(argc, argv);
} catch (const vigil::edge::Fatal& fatal) {
    std::fprintf(stderr, "vigil-verifier: %s\n", fatal.what());
    return fatal.exit_code;
} catch (const std::exception& failure) {
    return vigil::edge::report_internal("vigil-verifier", failure);
}
