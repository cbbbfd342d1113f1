#include "tests/bench/scale_fleet.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <stdlib.h>
#include <string>

#include "core/base/encoder.hpp"
#include "core/base/ids.hpp"
#include "core/base/require.hpp"
#include "core/policy/policy.hpp"
#include "core/uptime/availability.hpp"
#include "verifier/store/store.hpp"

namespace vigil::verifier::bench {
namespace {

constexpr std::size_t devices_per_node = 4;
constexpr std::size_t nodes_a_write = 500;
constexpr std::size_t rows_a_write = 5'000;
constexpr std::size_t signed_size = 32 + 32 + 4 + 32 + 32 + 4 + 256 * 8 + 8;  // a roll call of one

double status_mb(const std::string& name) {
    std::ifstream status{"/proc/self/status"};
    for (std::string word; status >> word;)
        if (word == name) {
            double kilobytes = 0;
            status >> kilobytes;
            return kilobytes / 1024;
        }
    return 0;
}

}  // namespace

Fleet::Fleet(std::size_t devices) {
    std::string name = (std::filesystem::temp_directory_path() / "vigil-scale-XXXXXX").string();
    require(::mkdtemp(name.data()) != nullptr, "a temporary folder");
    folder_ = name;
    store_ = open_sqlite_store((folder_ / "vigil.db").string());
    found();
    enrol(devices);
}

Fleet::~Fleet() {
    store_.reset();
    std::filesystem::remove_all(folder_);
}

std::int64_t Fleet::file_bytes() const {
    std::int64_t bytes = 0;
    for (const auto& file : std::filesystem::directory_iterator{folder_})
        bytes += static_cast<std::int64_t>(file.file_size());
    return bytes;
}

WindowIndex Fleet::last_window() const { return schedule_->calendar().first_window(day_ + 1) - 1; }

void Fleet::found() {
    const Policy policy = *preset("incentivenet-2024-10");
    const Instant begin = Calendar{policy}.span(day_).begin;
    require(found_network(*store_, {.network_name = "scale", .policy = policy}, begin).has_value(),
            "a network is founded");
    schedule_ = std::make_unique<Schedule>(*store_);
    std::uint64_t drawn = 0;
    draw_day_keys(*store_, schedule_->network(), day_, day_ + 2, begin,
                  [&] { return as<DayKey>(Encoder{"bench/day"}.u64(++drawn).hash()); });
}

void Fleet::enrol(std::size_t devices) {
    const Instant begin = schedule_->calendar().span(day_).begin;
    const std::size_t nodes = devices / devices_per_node;
    devices_.reserve(nodes * devices_per_node);
    for (std::size_t first = 0; first < nodes; first += nodes_a_write)
        store_->write([&](Transaction& tx) {
            for (std::size_t n = first; n < std::min(nodes, first + nodes_a_write); ++n) {
                NodeRecord node;
                node.id = as<NodeId>(Encoder{"bench/node"}.u64(n).hash());
                node.name = "node";
                node.region = "eu";
                node.version = "1.0.0";
                node.sequence = 1;
                node.enrolled = begin;
                std::vector<DeviceRecord> named(devices_per_node);
                for (std::size_t i = 0; i < named.size(); ++i) {
                    DeviceRecord& device = named[i];
                    device.id = as<DeviceId>(Encoder{"bench/device"}.u64(n).u64(i).hash());
                    device.uid = "GPU-12345678-1234-1234-1234-123456789012";
                    device.model = "NVIDIA GeForce RTX 4090";
                    device.driver = "580.65.06";
                    device.backend = Backend::cuda;
                    device.enrolled = device.active_from = begin;
                }
                tx.enrol({.kind = EnrolmentEntry::Kind::enrol,
                          .node = node.id,
                          .received = begin,
                          .content = "enrolment",
                          .signature = {}},
                         node, named);
                devices_.insert(devices_.end(), named.begin(), named.end());
            }
        });
    std::ranges::sort(devices_, {}, &DeviceRecord::ref);
}

void Fleet::close_all_but_the_last() {
    const Calendar calendar = schedule_->calendar();
    for (WindowIndex window = calendar.first_window(day_); window < last_window(); ++window) {
        const Instant closed = calendar.span(window).end + Milliseconds{2'001};
        store_->write([&](Transaction& tx) { tx.begin_closing(window, closed); });
        for (std::size_t first = 0; first < devices_.size(); first += rows_a_write) {
            std::vector<WindowRecord> rows;
            for (std::size_t i = first; i < std::min(devices_.size(), first + rows_a_write); ++i)
                rows.push_back({.device = devices_[i].ref,
                                .window = window,
                                .outcome = WindowOutcome::complete,
                                .misses = 0,
                                .roll_call_rate = 1'234'000'000 + i,
                                .roll_call_valid = true,
                                .reason = "the roll call passed; 0 of 5 other checks failed",
                                .closed = closed});
            store_->write([&](Transaction& tx) { tx.add_outcomes(window, {}, {}, rows); });
        }
        store_->write([&](Transaction& tx) { tx.finish_closing(window); });
    }
}

VerdictRecord Fleet::passed(const CheckClaim& claim, Instant start, Milliseconds length) const {
    return {.claim = claim,
            .challenge = as<Challenge>(Encoder{"bench"}.u64(claim.ref).hash()),
            .start = start,
            .deadline = start + length,
            .received = start + Milliseconds{2'100},
            .k = 64,
            .theta = Ppm{500'000},
            .judgement = {.verdict = Verdict::passed,
                          .work = 2'591'400'000,
                          .rate = 1'234'000'000,
                          .baseline = 1'234'000'000,
                          .reason = "rate 1,234,000,000 H/s, 100.0 % of the baseline of "
                                    "1,234,000,000 H/s, at least 50.0 %"}};
}

void Fleet::live_through_the_last() {
    const auto plan = schedule_->plan(last_window());
    store_->write([&](Transaction& tx) {
        for (Instant at = plan->span.begin - heartbeat_every; at < plan->span.end + heartbeat_every;
             at += heartbeat_every)
            tx.add_heartbeat(0, at);
    });
    std::vector<VerdictRecord> verdicts;
    const auto write = [&] {
        store_->write([&](Transaction& tx) { tx.add_verdicts(verdicts); });
        verdicts.clear();
    };
    for (std::size_t i = 0; i < devices_.size(); ++i) {
        const DeviceRecord& device = devices_[i];
        std::size_t left_out = i % 8 == 0 ? 1 : 0;  // an hourly check or a spot check
        for (const SpotCheck& spot :
             spot_checks(*plan->policy, *plan->key, plan->window, device.id, plan->fleet))
            if (left_out == 0 || left_out-- == 0)
                verdicts.push_back(passed({.device = device.ref,
                                           .window = plan->window,
                                           .kind = CheckKind::spot,
                                           .ref = spot.ref},
                                          spot.start, plan->policy->spot.length()));
        for (const FleetCheck& check : plan->fleet)
            if (check.kind == CheckKind::roll_call || left_out == 0 || left_out-- == 0)
                verdicts.push_back(passed({.device = device.ref,
                                           .window = plan->window,
                                           .kind = check.kind,
                                           .ref = static_cast<std::uint64_t>(check.slot.value)},
                                          check.start, plan->policy->rule(check.kind).length()));
        if (verdicts.size() >= rows_a_write) write();
    }
    write();
}

AnswerRecord Fleet::answer_in_the_next(std::size_t n) const {
    // As they arrive: no bucket after another.
    const std::size_t scattered = n * 7'919 % devices_.size();
    const DeviceRecord& device = devices_[scattered];
    const CheckClaim claim{
        .device = device.ref,
        .window = last_window() + 1,
        .kind = CheckKind::spot,
        .ref = static_cast<std::uint64_t>((last_window() + 1).value) * 256 + n / devices_.size()};
    AnswerRecord out;
    out.node = device.node;
    out.id = as<AnswerId>(Encoder{"bench/answer"}.u64(n).hash());
    out.received = schedule_->calendar().span(last_window() + 1).begin + Milliseconds{5'000};
    out.signed_bytes.assign(signed_size, static_cast<std::uint8_t>(n));
    out.claims = {claim};
    out.verdicts = {passed(claim, out.received - Milliseconds{2'100}, Milliseconds{12'000})};
    return out;
}

double now_mb() { return status_mb("VmRSS:"); }
double peak_mb() { return status_mb("VmHWM:"); }
void forget_peak() { std::ofstream{"/proc/self/clear_refs"} << "5"; }

}  // namespace vigil::verifier::bench
