#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include "verifier/store/sqlite/connection.hpp"
#include "verifier/store/sqlite/fair_mutex.hpp"

namespace vigil::verifier::sqlite {

/// Carries the write-ahead log into the database from a thread and connection of its own, because
/// no commit may wait until a checkpoint is done. They share a disk all the same, so a step is
/// small: commits that met one of 16 MB waited three times as long (docs/benchmarks.md). Only when
/// the log has passed `log_limit`, because commits outrun it or one transaction follows the other,
/// does it hold writers up for the last pages, so that the log can start again from its beginning.
/// On a disk that is much slower than they are
/// the log passes twice the limit while a checkpoint runs; then they wait for its end, so the log
/// has no more than that and the last commit of each writing thread. Readers that stay for minutes
/// keep the log growing.
class Checkpointer {
public:
    static constexpr std::int64_t step = 4 << 20;        ///< bytes of log between checkpoints
    static constexpr std::int64_t log_limit = 96 << 20;  ///< bytes of log that writers may outrun

    /// Watches the commits of `writer`, which `writer_mutex` guards. Both outlive this object.
    Checkpointer(Connection& writer, FairMutex& writer_mutex, std::int64_t limit = log_limit);
    Checkpointer(const Checkpointer&) = delete;
    Checkpointer& operator=(const Checkpointer&) = delete;
    ~Checkpointer();

    std::int64_t log_bytes();

private:
    static int on_commit(void* self, sqlite3*, const char*, int log_pages);
    void loop();
    bool due() const;
    std::int64_t left();  ///< bytes of the log that are not in the database
    void checkpoint();

    Connection& writer_;
    FairMutex& writer_mutex_;
    Connection connection_;
    const std::int64_t page_size_, limit_;

    std::mutex mutex_;
    std::condition_variable changed_, carried_;
    // guarded by mutex_
    std::int64_t log_pages_{};
    std::int64_t carried_pages_{};
    bool carrying_{};
    bool stopping_{};

    std::thread thread_;
};

}  // namespace vigil::verifier::sqlite
