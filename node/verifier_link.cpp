#include "node/verifier_link.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <grpcpp/grpcpp.h>
#include <mutex>
#include <random>
#include <set>
#include <spdlog/spdlog.h>
#include <thread>

#include "core/base/ids.hpp"
#include "node/enrolment_file.hpp"
#include "node/identity.hpp"
#include "node/retired_devices.hpp"
#include "node/timing.hpp"
#include "node/verifier_link_calls.hpp"
#include "node/verifier_link_session.hpp"
#include "proto/edge/logging.hpp"

namespace vigil::node {
namespace {

using std::chrono::steady_clock;

constexpr Milliseconds shortest_poll{500};
constexpr Milliseconds longest_poll{60'000};
constexpr Milliseconds settled_session{5'000};  // a session that lasted so long resets the pauses

/// In an order of this node's own, so that the nodes of a verifier that is gone spread over all
/// others and do not go to the same next one.
std::vector<LinkOptions> in_own_order(std::vector<LinkOptions> ways) {
    std::shuffle(ways.begin(), ways.end(), std::mt19937_64{random_u64()});
    return ways;
}

bool knows_network(const std::filesystem::path& data_dir) {
    std::error_code ignored;
    return std::filesystem::exists(data_dir / "network", ignored);
}

}  // namespace

struct VerifierLink::Running {
    Running(LinkOptions o, LinkIdentity i, std::function<Instant()> n, LinkEvents e)
        : options{std::move(o)},
          ways{in_own_order(ways_of(options))},
          identity{std::move(i)},
          now{std::move(n)},
          events{kept(std::move(e))},
          session{identity, events, now},
          pauses{options.first_pause, options.longest_pause, random_u64()},
          was_connected{knows_network(identity.data_dir)} {}

    /// The round trip is kept on its way out.
    LinkEvents kept(LinkEvents told) {
        told.ping = [this, tell = told.ping](Milliseconds round_trip, Milliseconds offset) {
            round_trip_ms = round_trip.count();
            tell(round_trip, offset);
        };
        return told;
    }

    const LinkOptions options;  // what all ways share
    const std::vector<LinkOptions> ways;
    const LinkIdentity identity;
    const std::function<Instant()> now;
    std::atomic<std::int64_t> round_trip_ms{0};
    const LinkEvents events;
    Session session;
    std::thread thread;

    // The link's thread only.
    Backoff pauses;
    wire::Network network;
    bool enrol_again = false;
    bool was_connected;  // in this run or, as the pinned network says, in an earlier one
    std::optional<NetworkId> enrolled_in;  // by this run, whether or not that could be saved
    std::optional<Milliseconds> told_to_wait;
    std::size_t failed_in_a_row = 0;
    std::size_t of_no_use_in_a_row = 0;  ///< failures that trying again cannot help

    std::mutex mutex;
    std::condition_variable changed;
    // guarded by mutex
    bool stopping = false;
    std::size_t way = 0;  // of the channel; moved by the link's thread only
    std::shared_ptr<grpc::Channel> channel;
    grpc::ClientContext* session_context = nullptr;  // of the stream, while it runs
    std::set<grpc::ClientContext*> contexts;  // of everything that runs, so that stop() can end it

    bool ended() {
        const std::lock_guard lock{mutex};
        return stopping;
    }
    void pause(Milliseconds time) {
        std::unique_lock lock{mutex};
        changed.wait_for(lock, time, [this] { return stopping; });
    }

    /// A call that stop() cancels.
    struct Call {
        explicit Call(Running& r) : running{r} {
            const std::lock_guard lock{running.mutex};
            running.contexts.insert(&context);
            if (running.stopping) context.TryCancel();
        }
        ~Call() {
            const std::lock_guard lock{running.mutex};
            running.contexts.erase(&context);
        }
        Call(const Call&) = delete;
        Call& operator=(const Call&) = delete;

        Running& running;
        grpc::ClientContext context;
    };

    struct SessionMark {
        Running& running;
        ~SessionMark() {
            const std::lock_guard lock{running.mutex};
            running.session_context = nullptr;
        }
    };

    /// Without what the owner has retired.
    wire::Enrolment claim() const;
    void run();
    void attempt();
    void connect();
    void enrol_once(std::uint64_t at_least);
    void hold_session();
    void poll(SteadyTime until);
    const LinkOptions& here() const { return ways[way]; }  // the link's thread only
    void go_to_the_next() {
        const std::lock_guard lock{mutex};
        way = (way + 1) % ways.size();
    }
    /// Whether every verifier has been tried since one was found.
    bool all_tried() const { return failed_in_a_row % ways.size() == 0; }
    Milliseconds pause_after_failure(Milliseconds asked) {
        ++failed_in_a_row;
        if (all_tried()) return std::max(asked, pauses.next());
        return Backoff{options.first_pause, options.first_pause, random_u64()}.next();
    }
    /// The channel has swallowed a call: what else it carries is lost as well.
    void give_up(const std::shared_ptr<grpc::Channel>& dead) {
        const std::lock_guard lock{mutex};
        if (channel != dead) return;
        channel = open_channel(ways[way]);
        if (session_context) session_context->TryCancel();
    }
    bool has_channel() {
        const std::lock_guard lock{mutex};
        return channel != nullptr;
    }
    Line line(Call& call) {
        const std::lock_guard lock{mutex};
        return {ways[way], channel, call.context};
    }
};

wire::Enrolment VerifierLink::Running::claim() const {
    const std::set<DeviceId> retired = retired_devices(identity.data_dir);
    wire::Enrolment own = identity.claim;
    std::erase_if(own.devices, [&](const wire::DeviceClaim& device) {
        return retired.contains(device_id(identity.key.public_key(), device.uid));
    });
    return own;
}

void VerifierLink::Running::run() {
    while (!ended()) {
        Milliseconds wait{};
        try {
            told_to_wait.reset();
            attempt();
            wait = told_to_wait ? *told_to_wait : pauses.next();
        } catch (const AttemptFailed& failed) {
            if (ended()) return;
            const Diagnosis& why = failed.why;
            wait = pause_after_failure(why.retry_after);
            const bool of_no_use = why.refused_for_good || (why.certificate && !was_connected);
            of_no_use_in_a_row = of_no_use ? of_no_use_in_a_row + 1 : 0;
            // While one of them may serve, this node waits for it.
            const bool hopeless = of_no_use_in_a_row >= ways.size();
            if (!hopeless) events.disconnected(why.trouble);
            if (hopeless) {
                events.fatal(edge::Fatal{why.exit_code, why.trouble.code, why.trouble.message});
                return;
            }
            enrol_again = enrol_again || why.unknown_node;
        } catch (const edge::Fatal& fatal) {
            events.fatal(fatal);
            return;
        } catch (const std::exception& failure) {
            of_no_use_in_a_row = 0;
            events.disconnected({"E-UNREACHABLE", failure.what()});
            wait = pause_after_failure(Milliseconds{0});
        }
        pause(wait);
        go_to_the_next();
    }
}

void VerifierLink::Running::attempt() {
    connect();
    if (options.poll) {
        poll(SteadyTime::max());
        return;
    }
    try {
        hold_session();
    } catch (const AttemptFailed& failed) {
        // The calls work, or connect() had not come back: ask for checks until the next try of a
        // stream.
        if (failed.why.refused_for_good || failed.why.unknown_node || ended()) throw;
        if (failed_in_a_row + 1 < ways.size()) throw;  // the next one may hold a stream
        failed_in_a_row = of_no_use_in_a_row = 0;
        events.disconnected(failed.why.trouble);
        poll(steady_clock::now() + std::max(failed.why.retry_after, pauses.next()));
        told_to_wait = Milliseconds{0};
    }
}

void VerifierLink::Running::connect() {
    {
        const auto fresh = open_channel(here());
        const std::lock_guard lock{mutex};
        channel = fresh;
    }
    {
        Call call{*this};
        network = get_network(line(call));
    }
    try {
        pin_or_warn(identity.data_dir, network, here().address);
    } catch (const edge::Fatal& another) {  // network: perhaps at this address only
        const std::string_view words{another.what()};
        throw AttemptFailed{
            {.trouble = {another.code, std::string{words.substr(
                                           std::min(words.size(), another.code.size() + 2))}},
             .exit_code = another.exit_code,
             .refused_for_good = true}};
    }
    const wire::Enrolment own = claim();
    if (own.devices.empty()) return;  // all are retired: there is nothing to enrol
    if (!enrol_again &&
        (enrolled_in == network.id || enrolled_as(identity.data_dir, network.id, own)))
        return;
    const auto positive = [](Instant time) {
        return static_cast<std::uint64_t>(std::max(to_ms(time), std::int64_t{1}));
    };
    try {
        enrol_once(positive(now()));
    } catch (const AttemptFailed& failed) {
        // This clock stood higher once: the verifier's is as good a source of growing numbers.
        if (!failed.why.stale_enrolment) throw;
        enrol_once(positive(network.time));
    }
}

void VerifierLink::Running::enrol_once(std::uint64_t at_least) {
    wire::Enrolment own = claim();
    own.key = identity.key.public_key();
    own.sequence = next_sequence(identity.data_dir, at_least);
    Call call{*this};
    enrol(line(call), identity.key, network.id, own);
    enrol_again = false;
    enrolled_in = network.id;
    try {
        save_enrolment(identity.data_dir, network.id, own);
    } catch (const std::exception& failure) {
        spdlog::error("the enrolment cannot be noted, so the next start enrols again: {}",
                      failure.what());
    }
    spdlog::info("enrolled with {} device(s) in network {}", own.devices.size(),
                 edge::for_log(network.name, 64));
}

void VerifierLink::Running::hold_session() {
    Call call{*this};
    const Line own = line(call);
    {
        const std::lock_guard lock{mutex};
        session_context = &call.context;
    }
    const SessionMark mark{*this};
    const Session::End end = session.hold(own, network.id);
    was_connected = was_connected || end.opened;
    failed_in_a_row = of_no_use_in_a_row = 0;
    enrol_again = enrol_again || end.unknown_node;
    if (ended()) return;
    if (end.opened && end.lasted > settled_session) pauses.reset();
    told_to_wait = end.come_back_after;
    events.disconnected(
        end.trouble.value_or(LinkTrouble{"E-UNREACHABLE", "the verifier asked to connect again"}));
}

void VerifierLink::Running::poll(SteadyTime until) {
    bool told = false;
    while (!ended() && steady_clock::now() < until) {
        const auto sent = steady_clock::now();
        Polled polled;
        {
            Call call{*this};
            polled = get_open_checks(line(call), identity.node);
        }
        const auto heard = steady_clock::now();
        const auto round_trip = std::chrono::ceil<Milliseconds>(heard - sent);
        was_connected = true;
        failed_in_a_row = of_no_use_in_a_row = 0;
        if (!std::exchange(told, true)) {
            network.time = polled.time;
            events.connected(here().address, network, heard, true);
            if (options.poll)
                pauses.reset();  // beside a stream that cannot be had, its pauses go on growing
        }
        events.ping(round_trip, now() - round_trip / 2 - polled.time);
        for (const OpenCheck& check : polled.checks) events.check(check, heard);
        Milliseconds wait = std::clamp(polled.poll_after, shortest_poll, longest_poll);
        if (until != SteadyTime::max())
            wait = std::clamp(std::chrono::ceil<Milliseconds>(until - steady_clock::now()),
                              Milliseconds{0}, wait);
        pause(wait);
    }
}

VerifierLink::VerifierLink(LinkOptions options, LinkIdentity identity, std::function<Instant()> now,
                           LinkEvents events)
    : running_{std::make_unique<Running>(std::move(options), std::move(identity), std::move(now),
                                         std::move(events))} {}

VerifierLink::~VerifierLink() { stop(); }

void VerifierLink::start() {
    running_->thread = std::thread{[this] { running_->run(); }};
}

void VerifierLink::stop() {
    {
        const std::lock_guard lock{running_->mutex};
        running_->stopping = true;
        for (grpc::ClientContext* context : running_->contexts) context->TryCancel();
        running_->changed.notify_all();
    }
    if (running_->thread.joinable()) running_->thread.join();
}

bool VerifierLink::send(const SignedAnswer& answer) { return running_->session.send(answer); }

Expected<std::vector<AnswerOutcome>, std::string> VerifierLink::call(
    std::span<const SignedAnswer> answers) {
    if (!running_->has_channel()) return tl::unexpected{std::string{"not connected yet"}};
    Running::Call call{*running_};
    const Line line = running_->line(call);
    const auto begun = steady_clock::now();
    running_->session.ask();
    auto submitted = submit_answers(line, running_->identity.node, answers);
    if (!submitted) {
        // A verifier whose store stands still keeps calls waiting, and its sessions alive.
        if (submitted.error().timed_out && !running_->session.heard_since(begun))
            running_->give_up(line.channel);
        return tl::unexpected{submitted.error().why};
    }
    for (const JudgedCheck& verdict : submitted->verdicts) running_->events.judged(verdict);
    return std::move(submitted->outcomes);
}

Milliseconds VerifierLink::round_trip() const { return Milliseconds{running_->round_trip_ms}; }

}  // namespace vigil::node
