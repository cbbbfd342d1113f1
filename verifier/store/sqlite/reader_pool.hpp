#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "verifier/store/sqlite/connection.hpp"

namespace vigil::verifier::sqlite {

/// A fixed number of reading connections, lent one reader at a time. A reader waits for another
/// reader when all are lent, never for the writer.
class ReaderPool {
public:
    ReaderPool(const std::string& path, std::size_t connections,
               const std::function<Instant()>& clock = {});

    /// A connection inside a snapshot, from construction to destruction.
    class Snapshot {
    public:
        explicit Snapshot(ReaderPool& pool);
        Snapshot(const Snapshot&) = delete;
        Snapshot& operator=(const Snapshot&) = delete;
        ~Snapshot();
        Connection& connection() { return *connection_; }

    private:
        ReaderPool& pool_;
        std::unique_ptr<Connection> connection_;
    };

private:
    std::unique_ptr<Connection> take();
    void give_back(std::unique_ptr<Connection> connection);

    std::mutex mutex_;
    std::condition_variable returned_;
    std::vector<std::unique_ptr<Connection>> idle_;
};

}  // namespace vigil::verifier::sqlite
