#include <CLI/CLI.hpp>
#include <absl/synchronization/mutex.h>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <iostream>
#include <map>
#include <set>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sstream>
#include <sys/ioctl.h>
#include <unistd.h>

#include "node/command_list.hpp"
#include "node/commands.hpp"
#include "node/doctor.hpp"
#include "node/outside_command.hpp"
#include "node/running_node.hpp"
#include "proto/edge/files.hpp"
#include "proto/edge/logging.hpp"

extern char** environ;

namespace {

using namespace vigil;
using namespace vigil::node;

constexpr const char* usual_file = "/etc/vigil/node.toml";

constexpr const char* exit_codes =
    "Exit codes: 0 ok, 1 check failed, 2 usage, 3 configuration, 4 no usable device,\n"
    "            5 verifier or node unreachable, 6 refused\n";

struct Given {
    std::string config_file;
    std::map<std::string, std::string> flags;
    std::string output = "table";
    BenchAsked bench;
    std::string device;
    bool undo = false;
    std::string leave_out;
    bool doctor_json = false;
    bool retune = false;
    unsigned starts_anew = 0;
    Rehearsal rehearsal;
};

std::string flag_of(std::string key) {
    for (char& c : key)
        if (c == '.' || c == '_') c = '-';
    return "--" + key;
}

void add_settings(CLI::App& app, const Command& command, const edge::Settings& settings,
                  Given& given) {
    app.add_option(
           "--config", given.config_file,
           std::string{"settings file, TOML (VIGIL_CONFIG; else "} + usual_file + " if it exists)")
        ->type_name("FILE");
    for (const edge::Settings::Effective& setting : settings.effective()) {
        std::string names = flag_of(setting.key);
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

CLI::App* add_command(CLI::App& app, const Command& command, const edge::Settings& settings,
                      Given& given) {
    CLI::App* sub = app.add_subcommand(command.name, command.what);
    const std::string name = command.name;
    if (name == "list-devices" || name == "bench" || name == "status")
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
    return sub;
}

std::vector<std::string> environment_names() {
    std::vector<std::string> names;
    for (char** entry = environ; *entry; ++entry) {
        const std::string_view text{*entry};
        names.emplace_back(text.substr(0, text.find('=')));
    }
    return names;
}

/// What commands need that only ask the running node: a slip elsewhere in the file is the business
/// of check-config, and must not make a container unhealthy.
const std::vector<std::string> asking_needs{"http.address", "http.port"};

std::string settings_file(const Given& given) {
    if (!given.config_file.empty()) return given.config_file;
    if (const char* named = std::getenv("VIGIL_CONFIG")) return named;
    return ::access(usual_file, F_OK) == 0 ? usual_file : "";
}

const char* from_environment(const char* name) { return std::getenv(name); }

void load(edge::Settings& settings, const Given& given, bool only_asks) {
    const std::string file = settings_file(given);
    if (!only_asks) return settings.load(file, from_environment, environment_names());
    for (const std::string& told :
         settings.load_only(asking_needs, file, from_environment, environment_names()))
        std::cerr << "vigil-node: warning: " << told << "\n";
}

/// What is wrong with file and environment, in sentences; a flag's mistake is the caller's.
std::vector<std::string> load_for_doctor(edge::Settings& settings, const Given& given,
                                         Config& config) {
    std::vector<std::string> troubles;
    const auto load_from = [&](const std::string& file) {
        for (const std::string& told :
             settings.load_only({}, file, from_environment, environment_names()))
            troubles.push_back(told);
    };
    const std::string file = settings_file(given);
    try {
        load_from(file);
    } catch (const edge::Fatal& fatal) {
        if (file.empty()) throw;
        load_from("");  // throws where it was a flag
        troubles.insert(troubles.begin(), fatal.what());
    }
    try {
        edge::start_logging(config.log_format, config.log_level);
    } catch (const edge::Fatal& fatal) {
        edge::start_logging("text", "error");
        troubles.emplace_back(fatal.what());
    }
    return troubles;
}

/// Columns of the terminal; 0 where there is none.
std::size_t terminal_width() {
    winsize size{};
    if (::isatty(STDOUT_FILENO) != 1 || ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return 0;
    return size.ws_col == 0 ? 80 : size.ws_col;
}

bool colour_wanted() {
    const char* refused = std::getenv("NO_COLOR");
    return !refused || !*refused;
}

Instant now() { return std::chrono::floor<Milliseconds>(std::chrono::system_clock::now()); }

/// SIGTERM and SIGINT, blocked in every thread and taken here.
sigset_t stop_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
}

bool signalled(Milliseconds wait) {
    static const sigset_t set = stop_signals();
    const timespec time{wait.count() / 1000, wait.count() % 1000 * 1'000'000};
    return ::sigtimedwait(&set, nullptr, &time) > 0;
}

constexpr const char* own_program = "/proc/self/exe";  // the same one, also when it was replaced

/// The words after the command's name without what only `run` takes: settings, which every command
/// takes.
std::vector<std::string> settings_given(int argc, char** argv) {
    std::vector<std::string> words;
    for (int i = 2; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == "--starts-anew")
            ++i;
        else if (word != "--retune" && !word.starts_with("--retune=") &&
                 !word.starts_with("--starts-anew="))
            words.emplace_back(word);
    }
    return words;
}

/// This process becomes a fresh one of the same program. Returns only to throw.
[[noreturn]] void become_anew(const std::vector<std::string>& settings, unsigned starts_anew) {
    std::vector<std::string> words{"vigil-node", "run", "--starts-anew",
                                   std::to_string(starts_anew)};
    words.insert(words.end(), settings.begin(), settings.end());
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    close_when_executing();
    ::execv(own_program, arguments.data());
    throw edge::Fatal{edge::exit_no_device, "E-DEVICE",
                      std::string{"cannot start anew for a device that came: "} +
                          std::strerror(errno) + ". Start vigil-node run again"};
}

int run_or_rehearse(const Config& config, const Given& given,
                    const std::vector<std::string>& settings) {
    const Rehearsal& rehearsal = given.rehearsal;
    if (rehearsal.as == "replayer" && rehearsal.steal_from.empty())
        throw edge::Fatal{edge::exit_usage, "E-CONFIG",
                          "--as replayer needs --steal-from FILE (an answers.log)"};
    const sigset_t set = stop_signals();
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    const bool terminal = ::isatty(STDERR_FILENO) == 1 && config.log_format == "text";
    std::vector<std::string> listing{own_program, "list-devices", "-o", "json"};
    listing.insert(listing.end(), settings.begin(), settings.end());
    listing.emplace_back("--leave-out");
    const auto begun = std::chrono::steady_clock::now();
    const int code = run_node(config, rehearsal,
                              {.now = now,
                               .signalled = signalled,
                               .terminal = terminal,
                               .colour = colour_wanted(),
                               .listing = listing,
                               .retune = given.retune,
                               .starts_anew = given.starts_anew});
    if (code != start_anew) return code;
    const bool at_once = std::chrono::steady_clock::now() - begun < std::chrono::hours{1};
    become_anew(settings, at_once ? given.starts_anew + 1 : 1);
}

std::set<std::string> uids(const std::string& list) {
    std::set<std::string> out;
    std::istringstream words{list};
    for (std::string word; std::getline(words, word, ',');) out.insert(word);
    return out;
}

int dispatch(const std::string& command, const Config& config, const edge::Settings& settings,
             const Given& given, const std::vector<std::string>& words) {
    const bool json = given.output == "json";
    if (command == "run" || command == "rehearse") return run_or_rehearse(config, given, words);
    if (command == "list-devices") return list_devices(config, json, uids(given.leave_out));
    if (command == "bench") {
        BenchAsked asked = given.bench;
        asked.json = json;
        return run_bench(config, asked);
    }
    if (command == "status") return show_status(config, json);
    if (command == "healthcheck") return healthcheck(config);
    if (command == "keygen") return keygen(config);
    if (command == "retire") return retire(config, given.device, given.undo, now);
    if (command == "config") return show_config(settings);
    return check_config(config);
}

int vigil_node(int argc, char** argv) {
    // Debian's abseil watches for deadlocks at a cost of about a tenth of gRPC's time.
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    Config config;
    config.data_dir =
        default_data_dir(::geteuid() == 0, std::getenv("XDG_STATE_HOME"), std::getenv("HOME"));
    edge::Settings settings;
    declare(settings, config);
    Given given;

    CLI::App app{
        "vigil-node: proves to a Vigil network that this machine's GPUs are up and how fast they "
        "are.\n"
        "The key is made at the first run and never leaves this machine; all connections are "
        "outbound."};
    app.require_subcommand(1);
    app.set_version_flag("--version", std::string{"vigil-node "} + VIGIL_VERSION);
    app.get_formatter()->column_width(34);
    for (const Command& command : command_list()) add_command(app, command, settings, given);
    app.add_subcommand("version", "Print the version");
    app.footer(std::string{"Examples:\n  vigil-node list-devices\n"
                           "  vigil-node run --verifier vigil.example.org:9464 --payout 0x…\n"} +
               exit_codes);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& wrong) {
        return app.exit(wrong) == 0 ? 0 : edge::exit_usage;
    }
    try {
        const std::string command = app.get_subcommands().front()->get_name();
        if (command == "version") {
            std::cout << "vigil-node " << VIGIL_VERSION << "\n";
            return 0;
        }
        for (const auto& [key, text] : given.flags) settings.set_flag(key, text);
        if (command == "doctor") {
            const std::vector<std::string> troubles = load_for_doctor(settings, given, config);
            const std::size_t width = terminal_width();
            return run_doctor(
                config, {given.doctor_json, troubles, now, {width > 0 && colour_wanted(), width}});
        }
        const bool only_asks = command == "status" || command == "healthcheck";
        load(settings, given, only_asks);
        if (only_asks) config.log_format = "text", config.log_level = "info";
        edge::start_logging(config.log_format, config.log_level);
        return dispatch(command, config, settings, given, settings_given(argc, argv));
    } catch (const edge::Fatal& fatal) {
        std::cerr << "vigil-node: " << fatal.what() << "\n";
        return fatal.exit_code;
    } catch (const std::exception& failure) {
        return edge::report_internal("vigil-node", failure);
    }
}

}  // namespace

int main(int argc, char** argv) {
    const int code = vigil_node(argc, argv);
    std::cout.flush();
    std::cerr.flush();
    spdlog::default_logger()->flush();
    // A thread may still hang in a driver: what it uses must not be destroyed under it.
    ::_exit(code);
}
