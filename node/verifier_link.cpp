#include "node/verifier_link.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <grpcpp/grpcpp.h>
#include <mutex>
#include <set>
#include <spdlog/spdlog.h>
#include <thread>

#include "node/enrolment_file.hpp"
#include "node/identity.hpp"
#include "node/timing.hpp"
#include "node/verifier_link_calls.hpp"
#include "proto/edge/logging.hpp"
#include "proto/signed_texts.hpp"
#include "proto/wire.hpp"
#include "vigil/v1/node.grpc.pb.h"

namespace vigil::node {
namespace {

using std::chrono::steady_clock;
namespace v1 = vigil::v1;
using Stream = grpc::ClientReaderWriter<v1::SessionRequest, v1::SessionResponse>;

constexpr Milliseconds shortest_poll{500};
constexpr Milliseconds longest_poll{60'000};
constexpr Milliseconds settled_session{5'000};  // a session that lasted so long resets the pauses

std::int64_t steady_ms() {
    return std::chrono::duration_cast<Milliseconds>(steady_clock::now().time_since_epoch()).count();
}

}  // namespace

struct VerifierLink::Running {
    Running(LinkOptions o, LinkIdentity i, std::function<Instant()> n, LinkEvents e)
        : options{std::move(o)},
          identity{std::move(i)},
          now{std::move(n)},
          events{std::move(e)},
          pauses{options.first_pause, options.longest_pause, random_u64()} {}

    const LinkOptions options;
    const LinkIdentity identity;
    const std::function<Instant()> now;
    const LinkEvents events;
    std::thread thread;
    std::atomic<std::int64_t> round_trip_ms{0};

    // The link's thread only.
    Backoff pauses;
    wire::Network network;
    bool enrol_again = false;
    bool was_connected = false;
    bool warned_of_clock = false;
    std::optional<Milliseconds> told_to_wait;

    std::mutex mutex;
    std::condition_variable changed;
    // guarded by mutex
    bool stopping = false;
    std::shared_ptr<grpc::Channel> channel;
    std::set<grpc::ClientContext*> contexts;  // of everything that runs, so that stop() can end it

    std::mutex write_mutex;
    Stream* stream = nullptr;  // guarded by write_mutex; null unless opened

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

    void run();
    void attempt();
    void connect();
    void enrol_once(std::uint64_t at_least);
    void hold_session();
    void read_session(Stream& reader, std::atomic<std::int64_t>& last_heard,
                      std::atomic<bool>& opened);
    void take(const v1::SessionResponse& message);
    void take_pong(const v1::Pong& pong);
    void watch(grpc::ClientContext& context, std::atomic<std::int64_t>& last_heard,
               std::atomic<bool>& opened, std::atomic<bool>& over);
    bool ping();
    void poll(SteadyTime until);
    std::shared_ptr<grpc::Channel> current_channel() {
        const std::lock_guard lock{mutex};
        return channel;
    }
    Line line(Call& call) { return {options, current_channel(), call.context}; }
    std::mutex ping_mutex;
    SteadyTime ping_sent;  // guarded by ping_mutex
};

void VerifierLink::Running::run() {
    while (!ended()) {
        Milliseconds wait{};
        try {
            told_to_wait.reset();
            attempt();
            wait = told_to_wait.value_or(pauses.next());
        } catch (const AttemptFailed& failed) {
            if (ended()) return;
            const Diagnosis& why = failed.why;
            const bool hopeless = why.refused_for_good || (why.certificate && !was_connected);
            events.disconnected(why.trouble);
            if (hopeless) {
                events.fatal(edge::Fatal{why.exit_code, why.trouble.code, why.trouble.message});
                return;
            }
            enrol_again = enrol_again || why.unknown_node;
            wait = std::max(why.retry_after, pauses.next());
        } catch (const edge::Fatal& fatal) {
            events.fatal(fatal);
            return;
        } catch (const std::exception& failure) {
            events.disconnected({"E-UNREACHABLE", failure.what()});
            wait = pauses.next();
        }
        pause(wait);
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
        events.disconnected(failed.why.trouble);
        poll(steady_clock::now() + std::max(failed.why.retry_after, pauses.next()));
        told_to_wait = Milliseconds{0};
    }
}

void VerifierLink::Running::connect() {
    {
        const auto fresh = open_channel(options);
        const std::lock_guard lock{mutex};
        channel = fresh;
    }
    {
        Call call{*this};
        network = get_network(line(call));
    }
    pin_network(identity.data_dir, network.id, network.name, options.address);
    if (!enrol_again && enrolled_as(identity.data_dir, network.id, identity.claim)) return;
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
    wire::Enrolment claim = identity.claim;
    claim.key = identity.key.public_key();
    claim.sequence = next_sequence(identity.data_dir, at_least);
    Call call{*this};
    enrol(line(call), identity.key, network.id, claim);
    save_enrolment(identity.data_dir, network.id, claim);
    enrol_again = false;
    spdlog::info("enrolled with {} device(s) in network {}", claim.devices.size(),
                 edge::for_log(network.name, 64));
}

void VerifierLink::Running::hold_session() {
    Call call{*this};
    grpc::ClientContext& context = call.context;
    const auto writer = v1::NodeService::NewStub(current_channel())->Session(&context);
    std::atomic<std::int64_t> last_heard{steady_ms()};
    std::atomic<bool> opened{false};
    std::atomic<bool> over{false};
    std::thread watcher{[&] { watch(context, last_heard, opened, over); }};
    const auto begun = steady_clock::now();
    std::exception_ptr trouble;
    try {
        read_session(*writer, last_heard, opened);
    } catch (...) {
        trouble = std::current_exception();
        context.TryCancel();
    }
    {
        const std::lock_guard lock{write_mutex};
        stream = nullptr;
    }
    {
        const std::lock_guard lock{mutex};
        over = true;
        changed.notify_all();
    }
    watcher.join();
    const grpc::Status status = writer->Finish();
    if (trouble) std::rethrow_exception(trouble);
    if (ended()) return;
    if (opened && steady_clock::now() - begun > settled_session) pauses.reset();
    if (told_to_wait) {
        events.disconnected({"E-UNREACHABLE", "the verifier asked to connect again"});
        return;
    }
    if (status.ok()) {
        events.disconnected({"E-UNREACHABLE", "the verifier ended the session"});
        return;
    }
    try {
        fail(options, status);
    } catch (const AttemptFailed& failed) {
        if (!opened || failed.why.refused_for_good || failed.why.unknown_node) throw;
        events.disconnected(failed.why.trouble);
    }
}

void VerifierLink::Running::read_session(Stream& reader, std::atomic<std::int64_t>& last_heard,
                                         std::atomic<bool>& opened) {
    v1::SessionResponse message;
    if (!reader.Read(&message)) return;
    if (!message.has_hello())
        fail_unreadable(options, {{}, "the session did not begin with a hello", {}, {}});
    const auto nonce = wire::fixed_from_proto<wire::SessionNonce>(message.hello().session_nonce(),
                                                                  "session_nonce");
    const auto id = wire::fixed_from_proto<NetworkId>(message.hello().network_id(), "network_id");
    if (!nonce) fail_unreadable(options, nonce.error());
    if (!id) fail_unreadable(options, id.error());
    pin_network(identity.data_dir, *id, network.name, options.address);

    v1::SessionRequest open;
    open.mutable_open()->set_node_id(wire::raw(identity.node));
    open.mutable_open()->set_signature(
        wire::raw(identity.key.sign(wire::session_text(network.id, *nonce, identity.node))));
    open.mutable_open()->set_node_version(options.version);
    if (!reader.Write(open)) return;
    while (reader.Read(&message)) {
        const auto heard = steady_clock::now();
        last_heard = steady_ms();
        if (!message.has_opened()) {
            take(message);
            continue;
        }
        auto described = wire::network_from_proto(message.opened().network());
        if (!described) fail_unreadable(options, described.error());
        network = *described;
        opened = was_connected = true;
        {
            const std::lock_guard lock{write_mutex};
            stream = &reader;
        }
        events.connected(network, heard, false);
        for (const auto& check : message.opened().open_checks())
            if (auto terms = wire::open_check_from_proto(check)) events.check(*terms, heard);
        ping();
    }
}

void VerifierLink::Running::take(const v1::SessionResponse& message) {
    const auto learned = steady_clock::now();
    const auto unread = [](const Refusal& why) {
        spdlog::warn("a message of the verifier cannot be read: {}", edge::for_log(why.message));
    };
    switch (message.message_case()) {
        case v1::SessionResponse::kCheck: {
            const auto check = wire::open_check_from_proto(message.check());
            return check ? events.check(*check, learned) : unread(check.error());
        }
        case v1::SessionResponse::kReceipt: {
            const auto receipt = wire::receipt_from_proto(message.receipt());
            return receipt ? events.receipt(*receipt) : unread(receipt.error());
        }
        case v1::SessionResponse::kRefusal: {
            const auto refusal = wire::refusal_from_proto(message.refusal());
            if (!refusal) return unread(refusal.error());
            enrol_again = enrol_again || refusal->reason == wire::RefusalReason::unknown_node;
            return events.refusal(*refusal);
        }
        case v1::SessionResponse::kJudged: {
            const auto judged = wire::judged_from_proto(message.judged());
            return judged ? events.judged(*judged) : unread(judged.error());
        }
        case v1::SessionResponse::kPong:
            return take_pong(message.pong());
        case v1::SessionResponse::kReconnect:
            told_to_wait =
                std::min(Milliseconds{message.reconnect().after_ms()}, options.longest_pause);
            spdlog::info("the verifier asks to connect again in {} ms: {}", told_to_wait->count(),
                         edge::for_log(message.reconnect().why()));
            return;
        case v1::SessionResponse::kHello:
        case v1::SessionResponse::kOpened:
        case v1::SessionResponse::MESSAGE_NOT_SET:
            return;
    }
}

void VerifierLink::Running::take_pong(const v1::Pong& pong) {
    SteadyTime sent;
    {
        const std::lock_guard lock{ping_mutex};
        sent = ping_sent;
    }
    const auto round_trip = std::chrono::ceil<Milliseconds>(steady_clock::now() - sent);
    round_trip_ms = round_trip.count();
    const Milliseconds offset = now() - round_trip / 2 - instant_from_ms(pong.verifier_time_ms());
    events.ping(round_trip, offset);
    constexpr Milliseconds noticeable{5000};
    if (std::chrono::abs(offset) < noticeable || std::exchange(warned_of_clock, true)) return;
    spdlog::warn(
        "this clock is {:.1f} s {} the verifier's; only a warning: verdicts use the verifier's "
        "clock",
        std::abs(static_cast<double>(offset.count())) / 1000.0,
        offset.count() > 0 ? "ahead of" : "behind");
}

bool VerifierLink::Running::ping() {
    // A writer that is stuck must not hold up the one who would notice.
    const std::unique_lock lock{write_mutex, std::try_to_lock};
    if (!lock.owns_lock() || !stream) return false;
    {
        const std::lock_guard sent{ping_mutex};
        ping_sent = steady_clock::now();
    }
    v1::SessionRequest request;
    request.mutable_ping()->set_node_time_ms(to_ms(now()));
    return stream->Write(request);
}

void VerifierLink::Running::watch(grpc::ClientContext& context,
                                  std::atomic<std::int64_t>& last_heard, std::atomic<bool>& opened,
                                  std::atomic<bool>& over) {
    auto next_ping = steady_clock::now() + options.ping_every;
    constexpr Milliseconds step{250};
    std::unique_lock lock{mutex};
    while (!over) {
        changed.wait_for(lock, step, [&] { return stopping || over; });
        if (over) return;
        const std::int64_t silent = steady_ms() - last_heard;
        const Milliseconds limit = opened ? options.silence_limit : options.call_timeout;
        if (stopping || silent > limit.count()) {
            context.TryCancel();
            changed.wait(lock, [&] { return over.load(); });
            return;
        }
        if (steady_clock::now() < next_ping) continue;
        next_ping = steady_clock::now() + options.ping_every;
        lock.unlock();
        ping();
        lock.lock();
    }
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
        round_trip_ms = round_trip.count();
        was_connected = true;
        if (!std::exchange(told, true)) {
            network.time = polled.time;
            events.connected(network, heard, true);
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

bool VerifierLink::send(const SignedAnswer& answer) {
    v1::SessionRequest request;
    *request.mutable_answer() = wire::to_proto(wire::SignedAnswer{answer.answer, answer.signature});
    const std::lock_guard lock{running_->write_mutex};
    return running_->stream && running_->stream->Write(request);
}

Expected<std::vector<AnswerOutcome>, std::string> VerifierLink::call(
    std::span<const SignedAnswer> answers) {
    if (!running_->current_channel()) return tl::unexpected{std::string{"not connected yet"}};
    Running::Call call{*running_};
    return submit_answers(running_->line(call), running_->identity.node, answers);
}

Milliseconds VerifierLink::round_trip() const { return Milliseconds{running_->round_trip_ms}; }

}  // namespace vigil::node
