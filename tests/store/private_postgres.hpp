#pragma once

#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace vigil::verifier {

/// A PostgreSQL server of this process alone, on a Unix socket in a folder of its own; gone with
/// the object, and with the process however that ends.
class PrivatePostgres {
public:
    /// The newest version there is; null where none is installed.
    static std::optional<std::string> programs();

    /// Of a process: shared by its tests, with fsync off. Null where none is installed.
    static PrivatePostgres* shared();

    /// `settings`: as "name=value" of postgresql.conf.
    explicit PrivatePostgres(std::vector<std::string> settings);
    PrivatePostgres(const PrivatePostgres&) = delete;
    PrivatePostgres& operator=(const PrivatePostgres&) = delete;
    ~PrivatePostgres();

    /// Another server that follows `primary` (streaming replication).
    static std::unique_ptr<PrivatePostgres> standby_of(const PrivatePostgres& primary,
                                                       std::vector<std::string> settings);

    void start();  ///< returns when it takes connections
    void kill();   ///< the postmaster, with SIGKILL
    /// Everything of the server stands still while its kernel goes on answering, as where its disk
    /// hangs; for good.
    void freeze();
    void promote();
    void ask_for_passwords();  ///< from now on, of everybody; run() fails then

    const std::string& folder() const { return folder_; }  ///< of the socket
    /// `options`: more of the URI's, beginning with &.
    std::string uri(const std::string& options = {}) const;
    /// A store's URI in a new schema.
    std::string fresh_schema();
    /// Runs statements as the owner; the first column of the first row, if any.
    std::string run(const std::string& sql) const;

private:
    PrivatePostgres(std::vector<std::string> settings, bool with_data);
    void run_program(const std::string& program, std::vector<std::string> arguments) const;
    pid_t spawn(const std::string& program, std::vector<std::string> arguments) const;
    void signal_children(int number) const;

    std::vector<std::string> settings_;
    std::string folder_;
    pid_t server_ = -1;
    int schemas_ = 0;
};

}  // namespace vigil::verifier
