#include "verifier/store/sqlite/database_file.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "verifier/store/store.hpp"

namespace vigil::verifier::sqlite {
namespace {

[[noreturn]] void refuse(const std::string& path, const std::string& what_and_what_to_do) {
    throw StoreFailed{"store " + path + ": " + what_and_what_to_do};
}

std::string words(int error) { return std::strerror(error); }

std::string memory_folder() {
    std::error_code ignored;
    for (const std::string& parent :
         {std::string{"/dev/shm"}, std::filesystem::temp_directory_path(ignored).string()}) {
        std::string folder = parent + "/vigil-store-XXXXXX";
        if (::mkdtemp(folder.data())) return folder;
    }
    refuse(":memory:", "no folder for it in /dev/shm nor in the temporary folder: " + words(errno));
}

std::string checked_path(const std::string& path) {
    std::error_code error;
    const auto resolved = std::filesystem::weakly_canonical(std::filesystem::absolute(path, error), error);
    if (path.empty() || error) refuse(path, "not a usable path: " + error.message());
    const auto folder = resolved.parent_path();
    if (!std::filesystem::is_directory(folder, error))
        refuse(path, "the folder " + folder.string() +
                         " does not exist: create it, owned by the verifier's user");
    if (std::filesystem::exists(resolved, error) &&
        !std::filesystem::is_regular_file(resolved, error))
        refuse(path, "is not a regular file: name a file, for instance " +
                         (resolved / "vigil.db").string());
    return resolved.string();
}

}  // namespace

DatabaseFile::DatabaseFile(const std::string& path) {
    if (path == ":memory:") {
        folder_ = memory_folder();
        path_ = folder_ + "/vigil.db";
    } else {
        path_ = checked_path(path);
        take_lock();
    }
    make_private();
}

DatabaseFile::~DatabaseFile() {
    if (in_memory()) hide();
    if (lock_ >= 0) ::close(lock_);  // the lock goes with it; the file stays for the next one
}

void DatabaseFile::take_lock() {
    const std::string lock_path = path_ + ".lock";
    lock_ = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock_ < 0)
        refuse(path_, "cannot create " + lock_path + ": " + words(errno) +
                          "; the verifier's user must be able to write its folder");
    if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
        const int error = errno;
        std::array<char, 24> holder{};
        const bool known = ::pread(lock_, holder.data(), holder.size() - 1, 0) > 0;
        ::close(lock_);
        lock_ = -1;
        if (error == EWOULDBLOCK)
            throw StoreLocked{"store " + path_ + ": another verifier is running on this store" +
                              (known ? " (process " + std::string{holder.data()} + ")" : "") +
                              ": end it, or give this one a store of its own"};
        refuse(path_, "cannot lock " + lock_path + ": " + words(error));
    }
    // The holder's number is a courtesy to whoever is refused; a full disk may lose it.
    const std::string number = std::to_string(::getpid());
    if (::ftruncate(lock_, 0) == 0) (void)!::pwrite(lock_, number.data(), number.size(), 0);
}

void DatabaseFile::make_private() const {
    // Opened and closed before SQLite opens it: closing a file later would drop SQLite's own locks.
    const int file = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0)
        refuse(path_, "cannot be opened for writing: " + words(errno) +
                          "; the verifier's user must own the file and its folder");
    struct stat state {};
    bool done = ::fstat(file, &state) == 0;
    if (done && (state.st_mode & 077) != 0) done = ::fchmod(file, state.st_mode & 0700) == 0;
    const int error = errno;
    ::close(file);
    if (!done)
        refuse(path_, "holds secret keys and is open to other users, and closing it failed: " +
                          words(error) + "; chmod 600 it");
}

void DatabaseFile::hide() const {
    if (!in_memory()) return;
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

}  // namespace vigil::verifier::sqlite
