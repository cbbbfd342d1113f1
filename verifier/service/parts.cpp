#include "verifier/service/parts.hpp"

#include <utility>

namespace vigil::verifier {

Parts::Parts(ServiceOptions options_in, Store& store_in, Roster& roster_in, Schedule& schedule_in,
             Answers& answers_in, Clock clock_in, ServiceObserver observer_in)
    : options{std::move(options_in)},
      store{store_in},
      roster{roster_in},
      schedule{schedule_in},
      answers{answers_in},
      clock{std::move(clock_in)},
      observer{std::move(observer_in)},
      enrolments{store, roster, schedule, options.enrolment},
      connections{options.idle_connection},
      unopened_by_peer{options.unopened_of_peer},
      submissions{options.submitted_of_node, options.submitted_of_peer},
      calls{options.calls, options.calls_of_peer},
      asked{options.queries, options.queries_of_peer},
      waiting{2 * options.work_limit, options.work_of_peer},
      work{options.work_threads, options.work_limit},
      openings{options.opening_threads, options.max_unopened},
      from_memory{options.memory_threads, options.work_limit},
      queries{options.query_threads, options.queries} {}

std::string Parts::limited_peer(const grpc::ServerContextBase& context) const {
    return options.limits_per_peer && options.tls ? peer_of(context.peer()) : std::string{};
}

wire::Network Parts::network(Instant now) const {
    const DayIndex day = schedule.calendar().day_at(now);
    return {.name = schedule.genesis().network_name,
            .id = schedule.network(),
            .policy_text = canonical_text(*schedule.policy_on(day)),
            .policy_hash = schedule.policy_hash_on(day),
            .receipt_key = options.receipt_key,
            .programme_start_day = schedule.genesis().programme_start_day,
            .time = now,
            .verifier_version = options.verifier_version,
            .minimum_node_version = options.node_versions.minimum,
            .recommended_node_version = options.node_versions.recommended,
            .recommended_by = options.node_versions.by};
}

}  // namespace vigil::verifier
