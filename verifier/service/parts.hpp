#pragma once

#include <atomic>
#include <grpcpp/grpcpp.h>

#include "verifier/service/connections.hpp"
#include "verifier/service/peers.hpp"
#include "verifier/service/service.hpp"
#include "verifier/service/switchboard.hpp"
#include "verifier/service/work_pool.hpp"

namespace vigil::verifier {

/// What every part of the service works with. Built once; outlives the streams and calls.
struct Parts {
    Parts(ServiceOptions options_in, Store& store_in, Roster& roster_in, Schedule& schedule_in,
          Answers& answers_in, Clock clock_in, ServiceObserver observer_in);

    const ServiceOptions options;
    Store& store;
    Roster& roster;
    Schedule& schedule;
    Answers& answers;
    const Clock clock;
    const ServiceObserver observer;

    Enrolments enrolments;
    Switchboard switchboard;
    Connections connections;
    std::atomic<std::size_t> streams{0}, unopened{0}, outdated{0};
    Tally<std::string> unopened_by_peer;
    Submissions submissions;
    /// `asked`: of QueryService; `waiting`: for the threads of work and from_memory.
    Places calls, asked, waiting;
    std::atomic<std::uint64_t> sessions_replaced{0}, slow_readers_dropped{0},
        connections_refused{0};
    std::atomic<bool> not_serving{false};  ///< says health; `draining` follows
    std::atomic<bool> draining{false};
    // Last: their threads use the others.
    WorkPool work;
    WorkPool openings;  ///< of its own, because calls wait for the disk
    WorkPool from_memory, queries;

    wire::Network network(Instant now) const;
    /// Whose limits a caller counts against; empty: nobody's.
    std::string limited_peer(const grpc::ServerContextBase& context) const;
    void count(RefusalReason reason) const {
        if (observer.refused) observer.refused(reason);
    }
};

}  // namespace vigil::verifier
