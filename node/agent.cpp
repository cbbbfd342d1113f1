#include "node/agent.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <numeric>
#include <spdlog/spdlog.h>

#include "core/schedule/beacon.hpp"
#include "core/schedule/challenge.hpp"
#include "node/console_lines.hpp"
#include "proto/edge/logging.hpp"

namespace vigil::node {
namespace {

constexpr std::uintmax_t journal_limit = 8 * 1024 * 1024;
constexpr std::size_t taken_limit = 1024;
constexpr Milliseconds longest_check{3'600'000};

std::vector<DeviceId> ids_of(const std::vector<AgentDevice>& devices) {
    std::vector<DeviceId> ids;
    for (const AgentDevice& device : devices) ids.push_back(device.id);
    return ids;
}

std::vector<std::string> labels_of(const std::vector<AgentDevice>& devices) {
    std::vector<std::string> labels;
    for (const AgentDevice& device : devices) labels.push_back(device.label);
    return labels;
}

/// Numbers of a verifier's message are not believed either.
bool sane(const OpenCheck& check) {
    const auto within = [](Milliseconds time) {
        return time.count() >= 0 && time <= longest_check;
    };
    return check.k >= 2 && check.k <= wire::max_nonces && within(check.work) &&
           within(check.spread) && within(check.remaining) && within(check.deadline - check.start);
}

}  // namespace

ProofSource honest_source() {
    return [](const DeviceCheck&, const HonestProof& honest) { return honest(); };
}

Agent::Agent(AgentOptions options, std::vector<AgentDevice> devices, ProofSource prove,
             Board& board, Metrics& metrics)
    : options_{std::move(options)},
      devices_{ids_of(devices)},
      labels_{labels_of(devices)},
      board_{board},
      metrics_{metrics},
      receipts_{options_.data_dir / "receipts.jsonl", journal_limit, Durable::yes},
      progress_{options_.data_dir} {
    if (!options_.answers_log.empty()) answers_.emplace(options_.answers_log, journal_limit);
    for (std::size_t i = 0; i < devices.size(); ++i)
        workers_.push_back(std::make_unique<DeviceWorker>(
            std::move(devices[i].searcher),
            WorkerPlace{i, labels_[i], devices_[i], devices[i].duty},
            WorkerSurroundings{
                board_, metrics_, progress_, prove, options_.round_trip, options_.beyond,
                [this](std::string what) { keep_error(std::move(what)); },
                [this](const DeviceCheck& check, std::optional<Proof> proof) {
                    outbox()->add(check.check, check.device, check.deadline(), std::move(proof));
                }}));
}

Agent::~Agent() {
    quit();
    workers_.clear();  // joins them while the outbox still takes their last words
}

void Agent::connected(const wire::Network& network, SteadyTime seen) {
    const std::lock_guard lock{mutex_};
    network_ = network;
    if (const auto policy = policy_from_canonical(network.policy_text))
        calendar_.emplace(*policy);
    else
        spdlog::warn("the network's policy cannot be read, so windows are not numbered here: {}",
                     edge::for_log(policy.error()));
    if (calendar_)
        board_.change([&](NodeStatus& status) {
            status.slot_length = calendar_->slot_length();
            status.window_length = calendar_->window_length();
        });
    if (!outbox_)
        outbox_ =
            std::make_unique<Outbox>(OutboxPlace{network.id, network.receipt_key, options_.data_dir,
                                                 network.time, seen, &disk_},
                                     options_.key, options_.ways, outbox_events());
    else
        outbox_->connected(network.receipt_key);
}

/// Called without mutex_, since the outbox's events take it.
Outbox* Agent::outbox() const {
    const std::lock_guard lock{mutex_};
    return outbox_.get();
}

void Agent::keep_error(std::string what) {
    board_.change([&](NodeStatus& status) {
        status.last_error = {options_.now(), std::move(what)};
    });
}

OutboxEvents Agent::outbox_events() {
    return {.sent =
                [this](const SignedAnswer& answer) {
                    if (answers_)
                        disk_.post([this, line = answer_line(answer)] { answers_->append(line); });
                },
            .receipted =
                [this](const Receipt& receipt, const SignedAnswer& answer) {
                    metrics_.count_receipt();
                    board_.change([&](NodeStatus& status) {
                        ++status.receipts;
                        status.last_receipt = {options_.now(), answer.kind, answer.id};
                    });
                    wire::Network network;
                    {
                        const std::lock_guard lock{mutex_};
                        network = *network_;
                    }
                    const std::string line = receipt_line(network, receipt, answer.answer);
                    receipts_.keep(line);
                    // Where too much waits for the disk, the outbox's next save writes it.
                    disk_.post([this] { receipts_.write_kept(); });
                    spdlog::debug("receipt for {} proof(s)", answer.answer.proofs.size());
                },
            .refused =
                [this](const Refusal& refusal, const SignedAnswer& answer) {
                    spdlog::error("the answer to {} was refused, {}: {}", a_check(answer.kind),
                                  wire::to_string(refusal.reason),
                                  edge::for_log(refusal.message, 300));
                    metrics_.count_result(answer.kind, OwnResult::refused);
                    keep_error(fmt::format("the answer to {} was refused, {}: {}",
                                           a_check(answer.kind), wire::to_string(refusal.reason),
                                           edge::for_log(refusal.message, 300)));
                },
            .undelivered =
                [this](const SignedAnswer& answer) {
                    spdlog::error("the answer to {} got no receipt by its deadline and is given up",
                                  a_check(answer.kind));
                    metrics_.count_result(answer.kind, OwnResult::undelivered);
                    keep_error(fmt::format("the answer to {} got no receipt by its deadline",
                                           a_check(answer.kind)));
                },
            .unsent =
                [this](std::size_t waiting) {
                    metrics_.set_unsent(waiting);
                    board_.change([&](NodeStatus& status) { status.unsent = waiting; });
                },
            .saving = [this] { receipts_.write_kept(); }};
}

std::optional<std::size_t> Agent::index_of(const DeviceId& device) const {
    const auto found = std::find(devices_.begin(), devices_.end(), device);
    if (found == devices_.end()) return std::nullopt;
    return static_cast<std::size_t>(found - devices_.begin());
}

bool Agent::first_time(const Challenge& challenge) {
    if (std::find(taken_.begin(), taken_.end(), challenge) != taken_.end()) return false;
    if (outbox_->settled(challenge)) return false;
    taken_.push_back(challenge);
    if (taken_.size() > taken_limit) taken_.pop_front();
    return true;
}

void Agent::learn(const OpenCheck& check, SteadyTime learned) {
    if (!sane(check)) {
        spdlog::warn(
            "a check with numbers out of range was ignored: k {}, work {} ms, remaining {} ms",
            check.k, check.work.count(), check.remaining.count());
        return;
    }
    const std::lock_guard lock{mutex_};
    if (!outbox_ || finishing_) return;
    if (check.kind == CheckKind::roll_call || check.kind == CheckKind::hourly)
        board_.change([&](NodeStatus& status) {
            status.learned_slot =
                std::max(status.learned_slot, static_cast<std::int64_t>(check.ref));
        });
    std::vector<std::size_t> indexes(devices_.size());
    std::iota(indexes.begin(), indexes.end(), std::size_t{0});
    if (check.device) {
        const auto index = index_of(*check.device);
        if (!index) {
            spdlog::debug("a check for device {} was ignored: it is not in this machine now",
                          to_hex(*check.device).substr(0, 16));
            return;
        }
        indexes = {*index};
    }
    // Such an answer would be refused, and others' proofs in it with it.
    board_.change([&](const NodeStatus& status) {
        std::erase_if(indexes,
                      [&](std::size_t i) { return retired_by(status.devices.at(i), check.start); });
    });
    hand_out(check, learned, indexes);
}

void Agent::hand_out(const OpenCheck& check, SteadyTime learned,
                     std::span<const std::size_t> indexes) {
    std::vector<std::pair<std::size_t, DeviceCheck>> orders;
    const Milliseconds extra = extra_work(check.beacon, options_.node, check.spread);
    for (const std::size_t index : indexes) {
        const DeviceId& device = devices_[index];
        const Challenge derived =
            challenge({network_->id, check.policy, check.kind, check.ref, check.beacon, device});
        if (!first_time(derived)) continue;
        outbox_->expect(check, device);
        orders.emplace_back(index, DeviceCheck{check, device, derived, extra, learned});
    }
    // Only now: a device that is done at once must find the others expected.
    for (auto& [index, order] : orders) {
        if (workers_[index]->take(order)) continue;
        spdlog::error("{}: too many checks wait, the {} is left out", labels_[index],
                      check_words(check.kind));
        metrics_.count_result(check.kind, OwnResult::skipped);
        outbox_->add(check, order.device, order.deadline(), std::nullopt);
    }
}

void Agent::take(const Receipt& receipt) {
    if (Outbox* const to = outbox()) to->take(receipt);
}

void Agent::take(const Refusal& refusal) {
    if (Outbox* const to = outbox()) to->take(refusal);
}

void Agent::take(const JudgedCheck& judged) {
    const auto index = index_of(judged.device);
    if (!index) return;
    std::optional<Calendar> calendar;
    {
        const std::lock_guard lock{mutex_};
        calendar = calendar_;
    }
    const Instant now = options_.now();
    metrics_.count_verdict(judged.kind, judged.verdict, now);
    board_.change([&](NodeStatus& status) {
        DeviceStatus& device = status.devices.at(*index);
        enter_verdict(device, judged, calendar, now);
        metrics_.set_day_windows(device);
    });
    const std::string line = verdict_line(labels_[*index], judged, window_place(judged, calendar));
    if (judged.verdict == Verdict::passed)
        spdlog::info("{}", line);
    else
        spdlog::warn("{}", line);
}

void Agent::post(const Answer& answer, const DeviceCheck& check) {
    if (Outbox* const to = outbox()) to->post(check.check, answer, check.deadline());
}

void Agent::finish() {
    {
        const std::lock_guard lock{mutex_};
        finishing_ = true;
    }
    for (const auto& worker : workers_) worker->finish();
}

bool Agent::finished() const {
    const bool idle =
        std::all_of(workers_.begin(), workers_.end(), [](const auto& w) { return w->idle(); });
    const Outbox* const unsent = outbox();
    return idle && (!unsent || unsent->empty());
}

void Agent::quit() {
    {
        const std::lock_guard lock{mutex_};
        finishing_ = true;
    }
    for (const auto& worker : workers_) worker->quit();
}

}  // namespace vigil::node
