#include "tests/simulation/world.hpp"

#include <algorithm>
#include <cstdlib>

#include "core/base/encoder.hpp"
#include "core/base/ids.hpp"
#include "core/base/require.hpp"
#include "core/work/best_k.hpp"
#include "core/work/pow_hash_many.hpp"
#include "verifier/store/sqlite_store.hpp"

namespace vigil::verifier::simulation {
namespace {

using namespace std::chrono_literals;

constexpr Instant founded = instant_from_ms(1'700'000'000'000);

std::uint64_t mixed(std::uint64_t x) {
    x += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

SigningKey key_of(std::uint64_t seed, std::size_t node) {
    return SigningKey{as<KeySeed>(Encoder{"test/node"}.u64(seed).u64(node).hash())};
}

}  // namespace

Policy small_policy() {
    Policy policy = *preset("demo");
    policy.name = "small";
    policy.roll_call.k = 16;
    policy.hourly.k = policy.spot.k = 8;
    policy.calibration.k = 16;
    policy.grace_every_days = 4;
    policy.slash_tiers = {{1, Ppm{25'000}}, {3, Ppm{50'000}}, {5, Ppm{100'000}}};
    return policy;
}

std::uint64_t seed_from_environment() {
    const char* given = std::getenv("VIGIL_SEED");
    return given != nullptr ? std::strtoull(given, nullptr, 10) : 20'241'001;
}

World::World(std::uint64_t seed, const Policy& policy, std::size_t verifiers, OpenStore open)
    : seed_{seed},
      policy_{policy},
      open_{std::move(open)},
      store_{open_ ? open_([this] { return now_; })
                   : open_sqlite_store(
                         SqliteSettings{.path = ":memory:", .clock = [this] { return now_; }})},
      verifiers_(verifiers),
      now_{founded} {
    const auto done = found_network(*store_, {.network_name = "simulated", .policy = policy}, now_);
    require(done.has_value() && done->created, "a new network is founded");
}

World::~World() = default;

void World::boot(std::size_t verifier) {
    Verifier& booted = verifiers_.at(verifier);
    // Alone it would be held by the lock on the store, so it may take up its own leases again.
    std::string holder = alone;
    if (verifiers_.size() > 1) holder = "boot " + std::to_string(++boots_);
    booted.timeline.reset();
    if (open_) booted.own_store = open_([this] { return now_; });
    Store& store = store_of(booted);
    booted.schedule = std::make_unique<Schedule>(store);
    booted.roster = std::make_unique<Roster>(store);
    TimelineOptions booted_with = options;
    booted_with.holder = holder;
    booted.timeline =
        std::make_unique<Timeline>(store, *booted.roster, *booted.schedule, outlets(verifier),
                                   std::move(booted_with), hooks());
    booted.wake = now_;
    booted.paused = booted.cut_off = false;
    booted.timeline->keep_books(now_);
}

TimelineHooks World::hooks() {
    TimelineHooks hooks;
    hooks.draw = [this] {
        return as<DayKey>(Encoder{"test/day"}.u64(seed_).u64(++keys_drawn_).hash());
    };
    hooks.window_closed = [this](const WindowClosing& closing) {
        closed.push_back(closing.window);
    };
    hooks.days_written = [this](std::span<const DayRecord> days) {
        days_written.insert(days_written.end(), days.begin(), days.end());
    };
    hooks.day_settled = [this](const DaySettlement& settlement) { settled.push_back(settlement); };
    return hooks;
}

Outlets World::outlets(std::size_t verifier) {
    Outlets outlets;
    outlets.fleet_check = [this, verifier](const WindowPlan& plan, const FleetCheck& check) {
        Schedule& schedule = *verifiers_[verifier].schedule;
        for (std::size_t node = 0; node < nodes_.size(); ++node) {
            std::vector<ScheduledCheck> checks;
            for (const std::size_t number : nodes_[node].devices) {
                const auto device = verifiers_[verifier].roster->device(devices_[number].ref);
                if (device && schedule.takes_part(*device, check.start))
                    checks.push_back(schedule.fleet_check_of(*device, plan, check));
            }
            hear(node, checks, policy_.rule(check.kind));
        }
    };
    outlets.device_check = [this](const RosterDevice& device, const ScheduledCheck& check,
                                  const CheckRule& rule) {
        hear(devices_[by_ref_.at(device.ref)].node, {check}, rule);
    };
    return outlets;
}

std::size_t World::enrol(const std::vector<Habit>& habits) {
    const std::size_t first = devices_.size();
    Node node{
        .key = key_of(seed_, nodes_.size()), .id = {}, .ref = {}, .sequence = 1, .devices = {}};
    const PublicKey& key = node.key.public_key();
    node.id = node_id(key);
    NodeRecord record{.ref = {},
                      .id = node.id,
                      .key = key,
                      .payout = {},
                      .name = "n",
                      .region = "",
                      .version = "1",
                      .sequence = 1,
                      .enrolled = now_};
    record.payout.bytes.fill(7);
    std::vector<DeviceRecord> records;
    for (std::size_t i = 0; i < habits.size(); ++i) {
        DeviceRecord device;
        device.uid = "GPU-" + std::to_string(first + i);
        device.id = vigil::device_id(key, device.uid);
        device.model = "Simulated";
        device.enrolled = device.active_from = now_;
        records.push_back(std::move(device));
    }
    const EnrolmentEntry entry{.kind = EnrolmentEntry::Kind::enrol,
                               .node = node.id,
                               .received = now_,
                               .content = "enrolment",
                               .signature = {}};
    store_->write([&](Transaction& tx) {
        tx.enrol(entry, record, records);
        for (const DeviceRecord& device : records)
            tx.add_calibration(
                {.device = device.ref,
                 .counter = 1,
                 .beacon = as<Beacon>(Encoder{"test/calibration"}.bytes(device.id).hash()),
                 .issued = now_},
                std::nullopt, 0);
    });
    node.ref = record.ref;
    for (std::size_t i = 0; i < habits.size(); ++i) {
        node.devices.push_back(first + i);
        by_ref_[records[i].ref] = first + i;
        devices_.push_back({.ref = records[i].ref,
                            .id = records[i].id,
                            .node = nodes_.size(),
                            .habit = habits[i],
                            .rate = 300 + mixed(seed_ + first + i) % 300});
    }
    nodes_.push_back(std::move(node));
    Verifier& by = somebody(1);
    by.roster->refresh(nodes_.back().id);
    for (const std::size_t number : nodes_.back().devices) {
        const auto device = by.roster->device(devices_[number].ref);
        hear(nodes_.size() - 1, {by.schedule->calibration_of(*device, *device->calibration)},
             policy_.calibration);
    }
    return first;
}

void World::retire(std::size_t number) {
    const Device& device = devices_.at(number);
    Node& node = nodes_[device.node];
    const EnrolmentEntry entry{.kind = EnrolmentEntry::Kind::retire,
                               .node = node.id,
                               .received = now_,
                               .content = "retire",
                               .signature = {}};
    const DayIndex from = calendar().day_at(now_) + 2;
    store_->write([&](Transaction& tx) { tx.retire(entry, device.ref, from, ++node.sequence); });
    somebody(2).roster->refresh(node.id);
}

void World::enrol_again(std::size_t number) {
    const Device& device = devices_.at(number);
    Node& node = nodes_[device.node];
    const EnrolmentEntry entry{.kind = EnrolmentEntry::Kind::enrol,
                               .node = node.id,
                               .received = now_,
                               .content = "again",
                               .signature = {}};
    store_->write([&](Transaction& tx) {
        NodeRecord record = tx.node(node.id).value();
        std::vector<DeviceRecord> named;
        for (DeviceRecord& known : tx.devices_of(node.ref)) {
            if (known.id != device.id) continue;
            known.active_from = schedule().active_from(&known, now_);
            known.retired_from.reset();
            named.push_back(std::move(known));
        }
        tx.enrol(entry, record, named);
    });
    somebody(3).roster->refresh(node.id);
}

std::uint64_t World::dice(const Challenge& challenge, std::uint64_t salt) const {
    return mixed(FirstBytes{}(challenge) ^ mixed(seed_ + salt));
}

std::uint64_t World::dice(std::uint64_t a, std::uint64_t b, std::uint64_t salt) const {
    return mixed(a ^ mixed(b ^ mixed(seed_ + salt)));
}

bool World::absent(const Device& device, WindowIndex window) const {
    const auto number = static_cast<std::uint64_t>(by_ref_.at(device.ref));
    const auto index = static_cast<std::uint64_t>(window.value);
    if (blackout && blackout(window) && dice(number, index, 1) % 10 < 7) return true;
    if (device.habit != Habit::flaky) return false;
    const std::uint64_t stretch = index / (6 * 4);  // four days
    return dice(number, index, 2) % 10 < 3 || dice(number, stretch, 3) % 10 < 3;
}

std::optional<Milliseconds> World::answer_after(const Device& device, const Check& check,
                                                WindowIndex window) const {
    if (check.kind == CheckKind::calibration) return policy_.calibration.work + 100ms;
    if (absent(device, window) || dice(check.challenge, 4) % 100 == 0) return std::nullopt;
    const CheckRule& rule = policy_.rule(check.kind);
    if (device.habit == Habit::late && dice(check.challenge, 5) % 3 == 0)
        return rule.length() + Milliseconds{dice(check.challenge, 6) % 2'500};
    return rule.work + Milliseconds{20 + dice(check.challenge, 7) % 150};
}

Proof World::prove(const Device& device, const Check& check, const CheckRule& rule) const {
    std::uint64_t tries = device.rate * static_cast<std::uint64_t>(rule.work.count()) / 1'000;
    if (device.habit == Habit::lazy && check.kind != CheckKind::calibration) tries = rule.k;
    tries = std::max<std::uint64_t>(tries, rule.k);
    std::vector<std::uint64_t> nonces(tries);
    for (std::size_t i = 0; i < tries; ++i) nonces[i] = (dice(check.challenge, 8) >> 1) + i;
    std::vector<Hash> hashes(tries);
    pow_hashes(check.challenge, nonces, hashes);
    BestK best{rule.k};
    for (std::size_t i = 0; i < tries; ++i) best.offer({.hash = hashes[i], .nonce = nonces[i]});
    Proof proof{
        .device = device.id, .challenge = check.challenge, .nonces = {}, .hashes_tried = tries};
    for (const Found& found : best.sorted()) proof.nonces.push_back(found.nonce);
    std::sort(proof.nonces.begin(), proof.nonces.end());
    return proof;
}

void World::hear(std::size_t node, const std::vector<ScheduledCheck>& checks,
                 const CheckRule& rule) {
    std::map<Instant, Answer> answers;
    for (const ScheduledCheck& scheduled : checks) {
        const Check& check = scheduled.check;
        if (!heard_.insert(check.challenge).second) continue;
        const Device& device = devices_[by_ref_.at(scheduled.claim.device)];
        if (const auto after = answer_after(device, check, scheduled.claim.window))
            answers[check.start + *after].proofs.push_back(prove(device, check, rule));
    }
    for (auto& [when, answer] : answers)
        on_the_way_.emplace(when, Sent{.node = node, .answer = std::move(answer)});
}

/// As Judging does: what is not known here may be known to another.
std::optional<ScheduledCheck> World::find(Verifier& verifier, std::size_t node,
                                          const Proof& proof) {
    if (!verifier.roster->device(proof.device)) verifier.roster->follow();
    auto found =
        verifier.schedule->find(*verifier.roster->device(proof.device), proof.challenge, now_);
    if (found) return found;
    verifier.roster->refresh(nodes_[node].id);
    return verifier.schedule->find(*verifier.roster->device(proof.device), proof.challenge, now_);
}

void World::deliver(const Sent& sent) {
    if (!running()) {
        ++lost_answers;
        return;
    }
    Verifier& by = taker(sent);
    AnswerRecord record;
    record.node = nodes_[sent.node].ref;
    record.received = now_;
    record.received_in = calendar().window_at(now_);
    record.signed_bytes = signed_bytes(by.schedule->network(), sent.answer);
    record.id = answer_id(record.signed_bytes);
    bool judgeable = true;
    std::vector<VerdictRecord> verdicts;
    for (const Proof& proof : sent.answer.proofs) {
        const auto scheduled = find(by, sent.node, proof);
        require(scheduled.has_value(), "a node answers checks that it was given");
        const auto device = by.roster->device(proof.device);
        const Check& check = scheduled->check;
        record.claims.push_back(scheduled->claim);
        const bool counted_before = device->as_of >= scheduled->claim.window - 1;
        const bool new_here = device->enrolled >= calendar().span(scheduled->claim.window).begin;
        judgeable =
            judgeable && (check.kind == CheckKind::calibration || counted_before || new_here);
        verdicts.push_back(
            {.claim = scheduled->claim,
             .challenge = check.challenge,
             .start = check.start,
             .deadline = check.deadline,
             .received = now_,
             .k = check.k,
             .theta = check.theta,
             .judgement =
                 judge(check, proof.nonces, now_,
                       device->baseline_for(calendar().span(scheduled->claim.window).begin))});
    }
    if (judgeable) record.verdicts = verdicts;
    if (by.cut_off)
        by.in_hand.push_back(std::move(record));
    else
        commit(by, record);
}

void World::commit(Verifier& by, const AnswerRecord& record) {
    AnswerFate fate;
    store_of(by).write([&](Transaction& tx) { fate = tx.record(record); });
    if (fate.kind == AnswerFate::Kind::closed) {
        ++lost_answers;
        return;
    }
    ++taken_answers;
    waiting_answers += record.verdicts.empty();
    for (const VerdictRecord& verdict : record.verdicts)
        if (verdict.claim.kind == CheckKind::calibration)
            by.roster->set_calibrated(devices_[by_ref_.at(verdict.claim.device)].id,
                                      {record.received, verdict.judgement.rate});
}

void World::at(Instant when, std::function<void()> what) { script_.emplace(when, std::move(what)); }

void World::run_until(Instant end) {
    while (now_ < end) {
        Instant next = end;
        for (const Verifier& verifier : verifiers_)
            if (verifier.awake()) next = std::min(next, verifier.wake);
        if (!on_the_way_.empty()) next = std::min(next, on_the_way_.begin()->first);
        if (!script_.empty()) next = std::min(next, script_.begin()->first);
        now_ = std::max(now_, next);
        while (!script_.empty() && script_.begin()->first <= now_)
            script_.extract(script_.begin()).mapped()();
        while (!on_the_way_.empty() && on_the_way_.begin()->first <= now_)
            deliver(on_the_way_.extract(on_the_way_.begin()).mapped());
        for (Verifier& verifier : verifiers_)
            if (verifier.awake() && verifier.wake <= now_)
                verifier.wake = verifier.timeline->advance_to(now_);
    }
}

}  // namespace vigil::verifier::simulation
