#include <absl/synchronization/mutex.h>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <iostream>
#include <set>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sstream>
#include <sys/ioctl.h>
#include <unistd.h>

#include "node/command_line.hpp"
#include "node/commands.hpp"
#include "node/doctor.hpp"
#include "node/outside_command.hpp"
#include "node/running_node.hpp"
#include "node/terminal.hpp"
#include "proto/edge/files.hpp"
#include "proto/edge/logging.hpp"

extern char** environ;

namespace {

using namespace vigil;
using namespace vigil::node;

std::vector<std::string> environment_names() {
    std::vector<std::string> names;
    for (char** entry = environ; *entry; ++entry) {
        const std::string_view text{*entry};
        const std::string_view name = text.substr(0, text.find('='));
        if (!is_setting_of_verifier(name)) names.emplace_back(name);
    }
    return names;
}

/// What commands need that only ask the running node: a slip elsewhere in the file is the business
/// of check-config, and must not make a container unhealthy.
const std::vector<std::string> asking_needs{"http.address", "http.port"};

std::string settings_file(const Given& given) {
    if (!given.config_file.empty()) return given.config_file;
    if (const char* named = std::getenv("VIGIL_CONFIG")) return named;
    return ::access(usual_settings_file, F_OK) == 0 ? usual_settings_file : "";
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

/// What a live line needs of a terminal.
bool terminal_draws() {
    const char* kind = std::getenv("TERM");
    return kind && *kind && std::string_view{kind} != "dumb";
}

Instant now() { return std::chrono::floor<Milliseconds>(std::chrono::system_clock::now()); }

/// Blocked in every thread and taken here. On a terminal also what the keyboard and the shell send,
/// so that the live line is off it before this process stops, and the background stops nobody.
sigset_t own_signals(bool terminal) {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT}) sigaddset(&set, signal);
    if (terminal)
        for (const int signal : {SIGTSTP, SIGTTIN, SIGTTOU}) sigaddset(&set, signal);
    return set;
}

Signal signalled(Milliseconds wait) {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT, SIGTSTP}) sigaddset(&set, signal);
    const timespec time{wait.count() / 1000, wait.count() % 1000 * 1'000'000};
    const int came = ::sigtimedwait(&set, nullptr, &time);
    if (came == SIGTSTP) return Signal::suspend;
    return came > 0 ? Signal::stop : Signal::none;
}

/// As SIGTSTP does by itself: the kernel knows where nobody could continue this process.
void suspend() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTSTP);
    ::raise(SIGTSTP);
    ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);  // stops here
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

extern "C" void end_with_terminal_as_found(int signal) {
    give_terminal_back();
    (void)!::write(STDERR_FILENO, "\n", 1);  // below the live line
    ::signal(signal, SIG_DFL);
    ::raise(signal);
}

/// Whatever ends this process leaves a terminal that can be typed on.
void guard_terminal() {
    for (const int signal : {SIGABRT, SIGBUS, SIGFPE, SIGHUP, SIGILL, SIGQUIT, SIGSEGV, SIGSYS}) {
        struct sigaction before {};
        if (::sigaction(signal, nullptr, &before) != 0 || before.sa_handler != SIG_DFL) continue;
        struct sigaction action {};
        action.sa_handler = end_with_terminal_as_found;
        ::sigaction(signal, &action, nullptr);
    }
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
        else if (word != "--retune" && word != "--service" && !word.starts_with("--retune=") &&
                 !word.starts_with("--service=") && !word.starts_with("--starts-anew="))
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
    const bool terminal =
        ::isatty(STDERR_FILENO) == 1 && config.log_format == "text" && terminal_draws();
    const sigset_t set = own_signals(terminal);
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    if (terminal) guard_terminal();
    std::vector<std::string> listing{own_program, "list-devices", "-o", "json"};
    listing.insert(listing.end(), settings.begin(), settings.end());
    listing.emplace_back("--leave-out");
    const auto begun = std::chrono::steady_clock::now();
    const int code = run_node(config, rehearsal,
                              {.now = now,
                               .signalled = signalled,
                               .suspend = suspend,
                               .terminal = terminal,
                               .colour = colour_wanted(),
                               .listing = listing,
                               .retune = given.retune,
                               .starts_anew = given.starts_anew});
    if (code != start_anew && code != start_anew_measuring) return code;
    const bool at_once = std::chrono::steady_clock::now() - begun < std::chrono::hours{1};
    std::vector<std::string> again = settings;
    if (given.service) again.emplace_back("--service");
    if (code == start_anew_measuring) again.emplace_back("--retune");
    become_anew(again, at_once && code == start_anew ? given.starts_anew + 1 : 1);
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
    if (command == "notify") return try_own_channels(config, given.channel, json, now);
    if (command == "payout") return change_payout(config, settings, given.address);
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

    CLI::App app;
    add_commands(app, settings, given);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& wrong) {
        if (wrong.get_exit_code() == 0) return app.exit(wrong);
        std::cerr << edge::usage_error(app, wrong);
        return edge::exit_usage;
    }
    try {
        const std::string command = app.get_subcommands().front()->get_name();
        if (command == "version") {
            std::cout << "vigil-node " << VIGIL_VERSION << "\n";
            return 0;
        }
        if (const auto text = edge::description_asked(app, given.shell, manual_notes())) {
            std::cout << *text;
            return 0;
        }
        for (const auto& [key, text] : given.flags) settings.set_flag(key, text);
        if (command == "doctor" || command == "bundle") {
            const std::vector<std::string> troubles = load_for_doctor(settings, given, config);
            if (command == "bundle")
                return write_bundle(config, settings, {given.archive, troubles, now});
            const std::size_t width = terminal_width();
            return run_doctor(
                config, {given.doctor_json, troubles, now, {width > 0 && colour_wanted(), width}});
        }
        const bool only_asks = command == "status" || command == "healthcheck";
        load(settings, given, only_asks);
        if (only_asks) config.log_format = "text", config.log_level = "info";
        if (given.service && config.log_format == "text") config.log_format = "journal";
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
