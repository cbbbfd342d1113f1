#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/crypto/ed25519.hpp"
#include "verifier/timeline.hpp"

namespace vigil::verifier::simulation {

/// The demo's calendar with small proofs: a day of 120 s, six windows of 20 s, four slots each.
Policy small_policy();

/// The seed of a run: VIGIL_SEED, or a fixed one; printed by every test that uses it.
std::uint64_t seed_from_environment();

enum class Habit : std::uint8_t {
    honest,  ///< answers, but for one check in a hundred
    flaky,   ///< gone for windows, sometimes for days
    late,    ///< every third answer after the deadline
    lazy     ///< any k nonces, after a calibration that was honest
};

/// A network in virtual time: real store, roster, schedule and timeline; synthetic nodes whose
/// behaviour is a function of the seed and the challenge alone, so that two runs of one seed see
/// the same answers however the verifier fares. Proofs are mined for real, but small. One verifier,
/// or several on one store; each answer goes to one of those that are there.
class World {
public:
    /// Opens one and the same store again, whose clock is the world's.
    using OpenStore = std::function<std::unique_ptr<Store>(std::function<Instant()> clock)>;

    /// Without `open`, all share one SQLite store in memory.
    explicit World(std::uint64_t seed, const Policy& policy = small_policy(),
                   std::size_t verifiers = 1, OpenStore open = {});
    ~World();

    /// A node with devices of these habits, enrolled now (or when it is next due), calibrated.
    /// Returns the number of its first device.
    std::size_t enrol(const std::vector<Habit>& habits);
    void retire(std::size_t device);
    void enrol_again(std::size_t device);

    /// Holder of the leases of a world's only verifier. A timeline that a test makes itself,
    /// instead of that verifier's, needs the same, or it waits for them.
    static constexpr const char* alone = "only";
    TimelineOptions options{.grace = Milliseconds{500}};  ///< but for the holder
    void boot(std::size_t verifier = 0);                  ///< starts it over what the store holds
    void shut_down(std::size_t verifier = 0);             ///< as a power cut does
    void stop(std::size_t verifier);                      ///< as SIGTERM does
    void pause(std::size_t verifier);                     ///< as SIGSTOP does
    /// From the store, while its nodes still reach it: it takes answers, and records them when it
    /// goes on.
    void cut_off(std::size_t verifier);
    void go_on(std::size_t verifier);
    bool running() const;
    bool running(std::size_t verifier) const { return verifiers_.at(verifier).awake(); }

    /// To be done when the time has come; in order.
    void at(Instant when, std::function<void()> what);
    void run_until(Instant end);
    Instant now() const { return now_; }
    void jump_to(Instant time) { now_ = time; }

    Store& store() { return *store_; }
    Roster& roster() { return *verifiers_[0].roster; }
    Schedule& schedule() { return *verifiers_[0].schedule; }
    Timeline& timeline() { return *verifiers_[0].timeline; }
    const Policy& policy() const { return policy_; }
    Calendar calendar() const { return Calendar{policy_}; }
    DeviceRef device(std::size_t number) const { return devices_.at(number).ref; }
    DeviceId device_id(std::size_t number) const { return devices_.at(number).id; }
    std::size_t device_count() const { return devices_.size(); }

    /// Answers that nobody took: the verifier was down or the window closed.
    std::uint64_t lost_answers{};
    std::uint64_t taken_answers{};
    std::uint64_t waiting_answers{};  ///< recorded before the window before theirs was closed
    std::vector<WindowIndex> closed;
    std::vector<DaySettlement> settled;
    std::vector<DayRecord> days_written;
    /// In windows for which it holds, seven devices of ten answer nothing.
    std::function<bool(WindowIndex)> blackout;

private:
    struct Verifier {
        std::unique_ptr<Store> own_store;
        std::unique_ptr<Schedule> schedule;
        std::unique_ptr<Roster> roster;
        std::unique_ptr<Timeline> timeline;
        Instant wake;
        bool paused = false;
        bool cut_off = false;
        std::vector<AnswerRecord> in_hand;  ///< while it is
        bool awake() const { return timeline && !paused && !cut_off; }
        bool reachable() const { return timeline && !paused; }
    };
    struct Device {
        DeviceRef ref;
        DeviceId id;
        std::size_t node{};
        Habit habit{};
        std::uint64_t rate{};  ///< hashes per second
    };
    struct Node {
        SigningKey key;
        NodeId id;
        NodeRef ref;
        std::uint64_t sequence{};
        std::vector<std::size_t> devices;
    };
    struct Sent {
        std::size_t node{};
        Answer answer;
    };

    std::uint64_t dice(const Challenge& challenge, std::uint64_t salt) const;
    std::uint64_t dice(std::uint64_t a, std::uint64_t b, std::uint64_t salt) const;
    bool absent(const Device& device, WindowIndex window) const;
    std::optional<Milliseconds> answer_after(const Device& device, const Check& check,
                                             WindowIndex window) const;
    Proof prove(const Device& device, const Check& check, const CheckRule& rule) const;
    void hear(std::size_t node, const std::vector<ScheduledCheck>& checks, const CheckRule& rule);
    void deliver(const Sent& sent);
    Verifier& somebody(std::uint64_t salt);
    Verifier& taker(const Sent& sent);
    void commit(Verifier& by, const AnswerRecord& record);
    Store& store_of(Verifier& verifier);
    std::optional<ScheduledCheck> find(Verifier& verifier, std::size_t node, const Proof& proof);
    TimelineHooks hooks();
    Outlets outlets(std::size_t verifier);

    const std::uint64_t seed_;
    const Policy policy_;
    const OpenStore open_;
    std::unique_ptr<Store> store_;
    std::vector<Verifier> verifiers_;
    std::uint64_t boots_{};
    std::uint64_t asked_{};
    Instant now_;
    std::uint64_t keys_drawn_{};
    std::vector<Device> devices_;
    std::vector<Node> nodes_;
    std::map<DeviceRef, std::size_t> by_ref_;
    std::multimap<Instant, Sent> on_the_way_;
    std::multimap<Instant, std::function<void()>> script_;
    std::set<Challenge> heard_;
};

}  // namespace vigil::verifier::simulation
