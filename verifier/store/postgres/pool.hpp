#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "verifier/store/postgres/connection.hpp"

namespace vigil::verifier::postgres {

/// At most so many connections to one place, made when needed and lent one user at a time. When one
/// is lost, no pool with the same `eras` lends another that was made before: all of a store are to
/// the same server, so that nothing reads from one what is written to another. One more that cannot
/// be made says nothing about the others. Thread-safe.
class Pool {
public:
    /// Counted up whenever a connection is lost.
    using Eras = std::shared_ptr<std::atomic<std::uint64_t>>;
    static Eras new_eras() { return std::make_shared<std::atomic<std::uint64_t>>(0); }

    /// `clock`: see Connection; `longest`: see Waits.
    Pool(const Address& address, std::size_t most, std::function<Instant()> clock = {},
         Eras eras = new_eras(), std::chrono::seconds longest = Waits{}.longest)
        : address_{address},
          most_{most},
          clock_{std::move(clock)},
          eras_{std::move(eras)},
          longest_{longest} {}

    /// A connection outside a transaction, until destruction; then rolled back and, when it is
    /// still good, kept for the next one.
    class Loan {
    public:
        /// Waits for one, a minute at most; throws TryAgain when the server cannot be reached,
        /// StoreFailed when it refuses.
        explicit Loan(Pool& pool) : pool_{pool}, connection_{pool.take(era_)} {}
        Loan(const Loan&) = delete;
        Loan& operator=(const Loan&) = delete;
        ~Loan() { pool_.give_back(std::move(connection_), era_); }
        Connection& operator*() { return *connection_; }
        Connection* operator->() { return connection_.get(); }

    private:
        Pool& pool_;
        std::uint64_t era_{};
        std::unique_ptr<Connection> connection_;
    };

    const Address& address() const { return address_; }

private:
    std::unique_ptr<Connection> take(std::uint64_t& era);
    void give_back(std::unique_ptr<Connection> connection, std::uint64_t era) noexcept;
    void drop_idle_of_past_eras();

    struct Idle {
        std::unique_ptr<Connection> connection;
        std::uint64_t era;
    };
    const Address address_;
    const std::size_t most_;
    const std::function<Instant()> clock_;
    const Eras eras_;
    const std::chrono::seconds longest_;
    std::mutex mutex_;
    std::condition_variable returned_;
    // guarded by mutex_
    std::vector<Idle> idle_;
    std::size_t made_{};
};

/// How long an answer is waited for by those that write; rows that it may be about are held by
/// others for 10 s at most. Of a server that hangs, the next heartbeat must reach another before
/// there is a gap, half a minute after the one before.
constexpr std::chrono::seconds writers_wait{20}, punctual_writers_wait{10};

/// brief: at most ten attempts, so some seconds where the server refuses at once. outage: as long
/// as a server may be away before a gap in the heartbeats makes checks void (protocol 5.9), for
/// what carries a receive time that no later attempt can have.
enum class Patience : std::uint8_t { brief, outage };

/// Runs `attempt` until it does not throw TryAgain, within half a minute, with growing pauses of
/// random length between. `failed` is called for each that did.
void with_repetition(const std::function<void()>& attempt, const std::function<void()>& failed,
                     Patience patience = Patience::brief);

}  // namespace vigil::verifier::postgres
