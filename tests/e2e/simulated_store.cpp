// Writes a store with a network's six short days in virtual time, from a seed: honest, absent,
// weak, late and careless devices, one that retires and comes back, a new policy, an hour of the
// verifier's own and one of the whole fleet away. For tests of the audit. With "audited" it is
// audited all the while, in snapshots of the moments just after a window was closed.
#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <future>
#include <mutex>
#include <random>
#include <set>

#include "core/base/ids.hpp"
#include "core/base/require.hpp"
#include "core/work/best_k.hpp"
#include "core/work/pow_hash_many.hpp"
#include "proto/enrolment_bytes.hpp"
#include "proto/signed_texts.hpp"
#include "verifier/answers.hpp"
#include "verifier/enrolment.hpp"
#include "verifier/replay.hpp"
#include "verifier/timeline.hpp"

namespace vigil::verifier {
namespace {

using namespace std::chrono_literals;

constexpr Milliseconds day_length = 120s;
constexpr Instant epoch = instant_from_ms(14'000'000 * std::int64_t{120'000});
constexpr Milliseconds step = 200ms;
constexpr int days = 6;

Policy short_policy() {
    Policy policy = *preset("demo");
    policy.roll_call = {.k = 32, .work = 2s, .spread = 0ms, .slack = 1s, .theta = Ppm{500'000}};
    policy.hourly = {.k = 16, .work = 300ms, .spread = 0ms, .slack = 700ms, .theta = Ppm{300'000}};
    policy.spot = policy.hourly;
    policy.calibration = {.k = 32, .work = 1s, .spread = 0ms, .slack = 2s, .theta = {}};
    return policy;
}

enum class Character { honest, absent, weak, late, careless };

struct SimulatedDevice {
    DeviceId id;
    Character character;
    std::set<Challenge> answered;
};

struct SimulatedNode {
    SigningKey key;
    NodeId id;
    std::vector<SimulatedDevice> devices;
    std::uint64_t sequence = 1;
};

/// A store that is read only when the one who writes says so, and then while he waits.
class GuardedStore final : public Store {
public:
    explicit GuardedStore(std::unique_ptr<Store> real) : real_{std::move(real)} {}

    void write(const std::function<void(Transaction&)>& work) override { real_->write(work); }
    void read(const std::function<void(Reader&)>& work) override {
        std::unique_lock lock{mutex_};
        turned_.wait(lock, [this] { return reading_ || open_; });
        real_->read(work);
        reading_ = false;
        turned_.notify_all();
    }
    void await_writers() override { real_->await_writers(); }
    bool writes_across_buckets() const override { return real_->writes_across_buckets(); }
    Health health() override { return real_->health(); }

    void let_one_read() {
        std::unique_lock lock{mutex_};
        reading_ = true;
        turned_.notify_all();
        turned_.wait(lock, [this] { return !reading_ || open_; });
    }
    void open() {  ///< from now on as it likes
        const std::lock_guard lock{mutex_};
        open_ = true;
        turned_.notify_all();
    }

private:
    std::unique_ptr<Store> real_;
    std::mutex mutex_;
    std::condition_variable turned_;
    // guarded by mutex_
    bool reading_ = false, open_ = false;
};

class Simulation {
public:
    Simulation(const char* path, std::uint32_t seed) : random_{seed}, store_{open(path)} {}

    std::function<void()> window_closed = [] {};  ///< may be set before run()

    void run() {
        add_node(Character::honest, 2);
        for (const Character one :
             {Character::absent, Character::weak, Character::late, Character::careless})
            add_node(one, 1);
        for (; now_ < epoch + days * day_length + 10s; now_ += step) {
            if (!verifier_is_away()) timeline_->advance_to(now_);
            events();
            if (!verifier_is_away())
                for (SimulatedNode& node : nodes_) answer_open_checks(node);
        }
        answers_.reset();
    }

private:
    std::unique_ptr<Store> open(const char* path) {
        auto store = open_sqlite_store(path);
        const auto founded =
            found_network(*store, {.network_name = "simulated", .policy = short_policy()}, now_);
        require(founded.has_value(), "the network can be founded");
        return store;
    }

    /// On the fourth day, longer than a heartbeat may be late.
    bool verifier_is_away() const {
        const Milliseconds t = now_ - epoch;
        return t > 3 * day_length + 41s && t < 3 * day_length + 93s;
    }
    bool fleet_is_away() const {
        const Milliseconds t = now_ - epoch;
        return t > 4 * day_length + 40s && t < 4 * day_length + 60s;
    }

    void events() {
        const Milliseconds t = now_ - epoch;
        if (t == 30s) add_node(Character::honest, 24);
        if (t == day_length + 20s) retire(nodes_[0], 1);
        if (t == day_length + 50s) announce();
        if (t == 2 * day_length) calibrate(nodes_[1], 0);
        if (t == 4 * day_length + 62s) enrol(nodes_[0], "back again");
    }

    void announce() {
        Policy policy = short_policy();
        policy.name = "second";
        policy.roll_call.k = 24;
        require(found_network(*store_, {.network_name = {}, .policy = policy}, now_).has_value(),
                "a policy can be announced");
        schedule_.refresh_policies();
    }

    KeySeed seed() {
        KeySeed out;
        for (auto& byte : out.bytes) byte = static_cast<std::uint8_t>(random_());
        return out;
    }

    void add_node(Character character, int devices) {
        SigningKey key{seed()};
        const NodeId id = node_id(key.public_key());
        nodes_.push_back({.key = key, .id = id, .devices = {}});
        for (int i = 0; i < devices; ++i)
            nodes_.back().devices.push_back(
                {device_id(key.public_key(), "GPU-" + std::to_string(i)), character, {}});
        enrol(nodes_.back(), "node " + std::to_string(nodes_.size()));
    }

    void enrol(SimulatedNode& node, const std::string& name) {
        wire::Enrolment claimed{.key = node.key.public_key(),
                                .payout = {},
                                .name = name,
                                .region = "here",
                                .version = "0.1.0",
                                .devices = {},
                                .sequence = node.sequence++};
        claimed.payout.bytes.fill(7);
        for (std::size_t i = 0; i < node.devices.size(); ++i)
            claimed.devices.push_back({.uid = "GPU-" + std::to_string(i),
                                       .backend = Backend::cpu,
                                       .model = "simulated",
                                       .driver = "none",
                                       .memory_bytes = 1});
        const std::string content = wire::enrolment_bytes(claimed);
        const auto signature = node.key.sign(wire::enrol_text(schedule_.network(), content));
        require(enrolments_.enrol({content, signature, claimed}, now_).has_value(),
                "the enrolment is taken");
    }

    void retire(SimulatedNode& node, std::size_t device) {
        const wire::DeviceRequest request{node.devices[device].id, 1};
        const auto signature = node.key.sign(wire::retire_text(schedule_.network(), request));
        require(enrolments_.retire({node.id, request, signature}, now_).has_value(),
                "the retirement is taken");
    }

    void calibrate(SimulatedNode& node, std::size_t device) {
        const wire::DeviceRequest request{node.devices[device].id, 1};
        const auto signature = node.key.sign(wire::calibrate_text(schedule_.network(), request));
        const auto issued = enrolments_.request_calibration({node.id, request, signature}, now_);
        if (!issued) std::printf("calibration: %s\n", issued.error().message.c_str());
    }

    void answer_open_checks(SimulatedNode& node) {
        Answer answer;
        for (SimulatedDevice& device : node.devices) {
            const auto known = roster_.device(device.id);
            for (const ScheduledCheck& open : schedule_.open_checks(*known, answering_time(device)))
                if (auto proof = proof_of(device, open.check)) {
                    answer.proofs.push_back(*std::move(proof));
                    break;
                }
        }
        if (answer.proofs.empty()) return;
        const auto signature = node.key.sign(signed_bytes(schedule_.network(), answer));
        std::promise<void> replied;
        answers_->submit({node.id, answer, signature, now_ - 50ms + Milliseconds{random_() % 100}},
                         [&](const AnswerReply&) { replied.set_value(); });
        replied.get_future().wait();
    }

    /// A late device looks at what was open a moment ago.
    Instant answering_time(const SimulatedDevice& device) const {
        return device.character == Character::late ? now_ - 1500ms : now_;
    }

    std::optional<Proof> proof_of(SimulatedDevice& device, const Check& check) {
        const Milliseconds t = now_ - epoch;
        const bool calibration = check.kind == CheckKind::calibration;
        const Milliseconds work = check.kind == CheckKind::roll_call ? 2s
                                  : calibration                      ? 1s
                                                                     : 300ms;
        if (now_ < check.start + work || device.answered.contains(check.challenge))
            return std::nullopt;
        if (fleet_is_away()) return std::nullopt;
        if (device.character == Character::absent && t / day_length == 2) return std::nullopt;
        if (device.character == Character::late && random_() % 4 != 0 &&
            now_ < check.deadline - 200ms)
            return std::nullopt;
        device.answered.insert(check.challenge);

        std::uint64_t hashes = static_cast<std::uint64_t>(work.count()) * 2;
        if (device.character == Character::weak && t / day_length >= 2) hashes /= 10;
        Proof proof{.device = device.id,
                    .challenge = check.challenge,
                    .nonces = smallest(check, std::max<std::uint64_t>(hashes, check.k)),
                    .hashes_tried = hashes};
        if (device.character == Character::careless && random_() % 6 == 0) proof.nonces.pop_back();
        return proof;
    }

    std::vector<std::uint64_t> smallest(const Check& check, std::uint64_t hashes) {
        std::vector<std::uint64_t> tried(hashes);
        for (std::uint64_t i = 0; i < hashes; ++i) tried[i] = i + 1;
        std::vector<Hash> out(hashes);
        pow_hashes(check.challenge, tried, out);
        BestK best{check.k};
        for (std::uint64_t i = 0; i < hashes; ++i) best.offer({out[i], tried[i]});
        std::vector<std::uint64_t> nonces;
        for (const Found& found : best.sorted()) nonces.push_back(found.nonce);
        std::sort(nonces.begin(), nonces.end());
        return nonces;
    }

    std::mt19937 random_;
    Instant now_ = epoch + 1s;
    std::unique_ptr<Store> store_;
    Roster roster_{*store_};
    Schedule schedule_{*store_};
    Enrolments enrolments_{*store_, roster_, schedule_, {}};
    std::unique_ptr<Answers> answers_ = std::make_unique<Answers>(
        *store_, roster_, schedule_, SigningKey{seed()}, AnswersOptions{}, AnswerObserver{});
    std::unique_ptr<Timeline> timeline_ = std::make_unique<Timeline>(
        *store_, roster_, schedule_, Outlets{}, TimelineOptions{},
        TimelineHooks{.draw = [this] { return as<DayKey>(seed()); },
                      .settle_answers = {},
                      .settled_until = {},
                      .check_started = {},
                      .judged_waiting = {},
                      .outcomes_written = {},
                      .window_closed = [this](const WindowClosing&) { window_closed(); },
                      .days_written = {},
                      .day_settled = {}});
    std::vector<SimulatedNode> nodes_;
};

/// The audit keeps behind the closing of each window. Returns the exit code.
int run_audited(const std::string& path, std::uint32_t seed) {
    Simulation simulation{path.c_str(), seed};
    GuardedStore guarded{open_sqlite_store_for_reading(path)};
    auto audit = std::async(std::launch::async, [&] {
        ReplayReport report = replay(guarded, {.scratch = ":memory:", .progress = {}});
        guarded.open();
        return report;
    });
    int closed = 0;
    std::uintmax_t largest_log = 0;
    simulation.window_closed = [&] {
        // The first window brings two reads, so that each of the others is read when it was closed.
        if (++closed > 1) guarded.let_one_read();
        largest_log = std::max(largest_log, std::filesystem::file_size(path + "-wal"));
    };
    simulation.run();
    guarded.open();
    const ReplayReport report = audit.get();
    for (const std::string& sentence : report.sentences)
        std::printf("difference: %s\n", sentence.c_str());
    for (const std::string& sentence : report.note_sentences)
        std::printf("note: %s\n", sentence.c_str());
    std::printf("%d windows closed, %d replayed, %zu days, %d differences, log %ju bytes\n", closed,
                static_cast<int>(report.windows), report.days.size(),
                static_cast<int>(report.differences), largest_log);
    return report.agrees() && report.windows == closed ? 0 : 1;
}

}  // namespace
}  // namespace vigil::verifier

int main(int argc, char** argv) {
    const bool audited = argc == 4 && std::string_view{argv[3]} == "audited";
    if (argc != 3 && !audited) {
        std::fprintf(stderr, "usage: simulated_store FILE SEED [audited]\n");
        return 2;
    }
    const auto seed = static_cast<std::uint32_t>(std::strtoul(argv[2], nullptr, 10));
    std::printf("seed %u\n", seed);
    if (audited) return vigil::verifier::run_audited(argv[1], seed);
    vigil::verifier::Simulation{argv[1], seed}.run();
}
