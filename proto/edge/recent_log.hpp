#pragma once

#include <filesystem>
#include <memory>

namespace vigil::edge {

/// Keeps the last 1,000 lines of the default logger, and writes them to a file (mode 0600) within
/// ten seconds and at its end: what a support bundle shows of a program that may have ended. A
/// thread of its own writes, so no slow disk holds up who logs; a failing one loses the file and
/// nothing else. A file belongs to the process that keeps it: another one that is started on the
/// same folder writes none. Between start_logging() and the end of the program.
class RecentLog {
public:
    explicit RecentLog(std::filesystem::path file);
    ~RecentLog();
    RecentLog(const RecentLog&) = delete;
    RecentLog& operator=(const RecentLog&) = delete;

    static constexpr const char* file_name = "recent.log";

private:
    struct Running;
    std::unique_ptr<Running> running_;
};

}  // namespace vigil::edge
