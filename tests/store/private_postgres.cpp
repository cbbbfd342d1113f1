#include "tests/store/private_postgres.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <libpq-fe.h>
#include <pwd.h>
#include <stdexcept>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace vigil::verifier {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds start_within{60};

struct Owner {
    uid_t user;
    gid_t group;
};
/// PostgreSQL refuses to run as root.
std::optional<Owner> owner() {
    if (::geteuid() != 0) return std::nullopt;
    const passwd* entry = ::getpwnam("postgres");
    if (!entry) throw std::runtime_error{"root without a user postgres to run PostgreSQL as"};
    return Owner{entry->pw_uid, entry->pw_gid};
}

std::string new_folder() {
    std::string name = (fs::temp_directory_path() / "vigil-pg-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::runtime_error{"no temporary folder"};
    if (const auto o = owner()) (void)!::chown(name.c_str(), o->user, o->group);
    return name;
}

}  // namespace

std::optional<std::string> PrivatePostgres::programs() {
    std::vector<std::pair<int, std::string>> found;
    std::error_code none;
    for (const auto& version : fs::directory_iterator{"/usr/lib/postgresql", none})
        if (fs::exists(version.path() / "bin/initdb"))
            found.emplace_back(std::atoi(version.path().filename().c_str()),
                               (version.path() / "bin").string());
    for (const char* folder : {"/usr/local/pgsql/bin", "/usr/local/bin", "/usr/bin"})
        if (found.empty() && fs::exists(fs::path{folder} / "initdb")) found.emplace_back(0, folder);
    if (found.empty()) return std::nullopt;
    return std::max_element(found.begin(), found.end())->second;
}

PrivatePostgres* PrivatePostgres::shared() {
    static const std::unique_ptr<PrivatePostgres> server =
        programs() ? std::make_unique<PrivatePostgres>(std::vector<std::string>{
                         "fsync=off", "synchronous_commit=off", "full_page_writes=off",
                         "autovacuum=off", "max_connections=200"})
                   : nullptr;
    return server.get();
}

PrivatePostgres::PrivatePostgres(std::vector<std::string> settings, bool with_data)
    : settings_{std::move(settings)}, folder_{new_folder()} {
    if (with_data)
        run_program("initdb", {"-D", folder_ + "/data", "-A", "trust", "-U", "vigil", "-E", "UTF8",
                               "--locale=C", "--no-sync"});
}

PrivatePostgres::PrivatePostgres(std::vector<std::string> settings)
    : PrivatePostgres{std::move(settings), true} {
    start();
    run("CREATE DATABASE vigil");
}

PrivatePostgres::~PrivatePostgres() {
    if (server_ > 0) {
        ::kill(server_, SIGQUIT);
        ::kill(server_, SIGCONT);
        signal_children(SIGCONT);
        ::waitpid(server_, nullptr, 0);
    }
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
}

std::unique_ptr<PrivatePostgres> PrivatePostgres::standby_of(const PrivatePostgres& primary,
                                                             std::vector<std::string> settings) {
    std::unique_ptr<PrivatePostgres> out{new PrivatePostgres{std::move(settings), false}};
    out->run_program("pg_basebackup", {"-D", out->folder_ + "/data", "-h", primary.folder_, "-U",
                                       "vigil", "-X", "stream", "-c", "fast", "-R", "--no-sync"});
    out->start();
    return out;
}

pid_t PrivatePostgres::spawn(const std::string& program, std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), *programs() + "/" + program);
    std::vector<char*> list;
    for (auto& one : arguments) list.push_back(one.data());
    list.push_back(nullptr);
    const auto run_as = owner();
    const std::string log = folder_ + "/log";
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child != 0) return child;
    if (run_as && (::setgid(run_as->group) != 0 || ::setuid(run_as->user) != 0)) ::_exit(126);
    ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
    if (::getppid() != parent) ::_exit(126);
    const int file = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    ::dup2(file, STDOUT_FILENO);
    ::dup2(file, STDERR_FILENO);
    (void)!::chdir(folder_.c_str());
    ::execv(list[0], list.data());
    ::_exit(127);
}

void PrivatePostgres::run_program(const std::string& program,
                                  std::vector<std::string> arguments) const {
    int status = 0;
    ::waitpid(spawn(program, std::move(arguments)), &status, 0);
    if (status != 0) throw std::runtime_error{program + " failed; see " + folder_ + "/log"};
}

void PrivatePostgres::start() {
    std::vector<std::string> arguments{"-D", folder_ + "/data",  "-k", folder_,
                                       "-c", "listen_addresses="};
    for (const auto& setting : settings_) {
        arguments.emplace_back("-c");
        arguments.push_back(setting);
    }
    const auto deadline = std::chrono::steady_clock::now() + start_within;
    while (std::chrono::steady_clock::now() < deadline) {
        // One that was killed may leave children which hold its memory for a moment.
        if (server_ <= 0 || ::waitpid(server_, nullptr, WNOHANG) == server_)
            server_ = spawn("postgres", arguments);
        const std::string postgres_database =
            "host=" + folder_ + " user=vigil dbname=postgres connect_timeout=5";
        if (PQping(postgres_database.c_str()) == PQPING_OK) return;
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
    throw std::runtime_error{"PostgreSQL does not start; see " + folder_ + "/log"};
}

void PrivatePostgres::kill() {
    ::kill(server_, SIGKILL);
    ::waitpid(server_, nullptr, 0);
    server_ = -1;
}

void PrivatePostgres::signal_children(int number) const {
    const std::string server = std::to_string(server_);
    std::ifstream children{"/proc/" + server + "/task/" + server + "/children"};
    for (pid_t child = 0; children >> child;) ::kill(child, number);
}

void PrivatePostgres::freeze() {
    ::kill(server_, SIGSTOP);  // first, so that it makes no more of them
    signal_children(SIGSTOP);
}

void PrivatePostgres::promote() { run_program("pg_ctl", {"-D", folder_ + "/data", "promote"}); }

void PrivatePostgres::ask_for_passwords() {
    std::ofstream{folder_ + "/data/pg_hba.conf"} << "local all all scram-sha-256\n";
    run("SELECT pg_reload_conf()");
    const std::string where = "host=" + folder_ + " user=vigil dbname=vigil";
    const auto taken = [&] {
        const std::unique_ptr<PGconn, decltype(&PQfinish)> db{PQconnectdb(where.c_str()), PQfinish};
        return PQstatus(db.get()) == CONNECTION_OK;
    };
    for (int i = 0; i < 1'000 && taken(); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
}

std::string PrivatePostgres::uri(const std::string& options) const {
    return "postgresql:///vigil?host=" + folder_ + "&user=vigil" + options;
}

std::string PrivatePostgres::fresh_schema() {
    std::string name{"t"};
    name.append(std::to_string(++schemas_));
    run("CREATE SCHEMA " + name);
    return uri("&options=-csearch_path%3D" + name);
}

std::string PrivatePostgres::run(const std::string& sql) const {
    const bool made = sql.starts_with("CREATE DATABASE");
    const std::string where =
        "host=" + folder_ + " user=vigil dbname=" + (made ? "postgres" : "vigil");
    const std::unique_ptr<PGconn, decltype(&PQfinish)> db{PQconnectdb(where.c_str()), PQfinish};
    const std::unique_ptr<PGresult, decltype(&PQclear)> result{PQexec(db.get(), sql.c_str()),
                                                               PQclear};
    const auto status = PQresultStatus(result.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        throw std::runtime_error{sql + ": " + PQerrorMessage(db.get())};
    return PQntuples(result.get()) > 0 ? PQgetvalue(result.get(), 0, 0) : "";
}

}  // namespace vigil::verifier
