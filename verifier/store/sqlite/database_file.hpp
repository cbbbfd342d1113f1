#pragma once

#include <string>

namespace vigil::verifier::sqlite {

/// The file of a store, held by this process alone until destruction: a lock on FILE.lock, so that
/// a second verifier on the same store is refused by name instead of meeting busy errors. The file
/// exists afterwards with no access for group and others, for it holds K_d.
///
/// ":memory:" is a file in a memory file system, so that tests get the same engine with the same
/// snapshots; see hide().
class DatabaseFile {
public:
    /// Throws StoreFailed: no such folder, not a file, no permission, held by another process.
    explicit DatabaseFile(const std::string& path);
    DatabaseFile(const DatabaseFile&) = delete;
    DatabaseFile& operator=(const DatabaseFile&) = delete;
    ~DatabaseFile();

    const std::string& path() const { return path_; }
    bool in_memory() const { return !folder_.empty(); }
    /// To be called when every connection has read once: unlinks an in-memory store's files, which
    /// live on in the open connections, so that not even a killed process leaves them behind.
    void hide() const;

private:
    void take_lock();
    void make_private() const;

    std::string path_;
    std::string folder_;  ///< of an in-memory store
    int lock_ = -1;
};

}  // namespace vigil::verifier::sqlite
