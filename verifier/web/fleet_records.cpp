#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>

#include "core/crypto/payout_address.hpp"
#include "core/work/estimate.hpp"
#include "verifier/web/fleet.hpp"

namespace vigil::verifier::web {
namespace {

constexpr std::size_t longest_haystack = 4'096;

std::string lower(std::string text) {
    for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return text;
}

/// Reads the network, step by step, into `out`.
class Reading {
public:
    Reading(Reader& reader, const Schedule& schedule, Instant now, const FleetRecords* before)
        : reader_{reader}, schedule_{schedule}, calendar_{schedule.calendar()}, before_{before} {
        out.read = now;
        out.today = calendar_.day_at(now);
        out.closed = reader.last_closed_window();
        out.settled = reader.last_settled_day();
    }

    void read() {
        read_nodes();
        read_devices();
        read_rates();
        read_past();
        read_windows();
        gather_providers();
        put_in_order();
    }

    FleetRecords out;

private:
    void read_nodes() {
        std::unordered_map<std::string, std::uint32_t> regions;
        for (NodeRecord& node : reader_.nodes()) {
            node_places_[node.ref] = static_cast<std::uint32_t>(out.nodes.size());
            const auto [region, fresh] =
                regions.try_emplace(node.region, static_cast<std::uint32_t>(out.regions.size()));
            if (fresh) out.regions.push_back(node.region);
            out.nodes.push_back({.id = node.id,
                                 .name = std::move(node.name),
                                 .region = std::move(node.region),
                                 .version = std::move(node.version),
                                 .payout = node.payout,
                                 .payout_text = to_checksum_text(node.payout),
                                 .region_place = region->second});
        }
    }

    void read_devices() {
        std::unordered_map<std::string, std::uint32_t> models;
        for (DeviceRecord& record : reader_.devices()) {
            const auto [model, fresh] =
                models.try_emplace(record.model, static_cast<std::uint32_t>(out.models.size()));
            if (fresh) out.models.push_back(std::move(record.model));
            FleetDevice& device = out.devices.emplace_back();
            device.ref = record.ref;
            device.id = record.id;
            device.node = node_places_.at(record.node);
            device.model = model->second;
            device.active_from = record.active_from;
            device.retired_from = record.retired_from;
        }
        std::sort(out.devices.begin(), out.devices.end(),
                  [](const auto& a, const auto& b) { return a.id < b.id; });
        for (std::uint32_t i = 0; i < out.devices.size(); ++i) places_[out.devices[i].ref] = i;
    }

    FleetDevice* device(DeviceRef ref) {
        const auto found = places_.find(ref);
        return found == places_.end() ? nullptr : &out.devices[found->second];
    }

    void read_rates() {
        const auto policy = schedule_.policy_on(out.today);
        for (const auto& [ref, rate] : reader_.calibration_rates())
            if (FleetDevice* one = device(ref))
                one->rate = measured(static_cast<double>(rate), policy->calibration.k, 1);
        std::array<double, 7> widths{};  // relative, by how many roll calls
        for (std::size_t n = 1; n < widths.size(); ++n)
            widths[n] = measured(1, policy->roll_call.k, n).half_width;
        for (const auto& [ref, rates] : reader_.recent_roll_call_rates()) {
            FleetDevice* one = device(ref);
            if (one == nullptr || rates.empty()) continue;
            const double sum = std::accumulate(rates.begin(), rates.end(), 0.0);
            const double mean = sum / static_cast<double>(rates.size());
            one->measured = static_cast<std::uint32_t>(rates.size());
            one->rate = {.value = mean,
                         .half_width = mean * widths[std::min(rates.size(), widths.size() - 1)]};
        }
        for (const auto& [ref, standing] : reader_.standings())
            if (FleetDevice* one = device(ref)) one->standing = standing;
    }

    void read_past() {
        if (!out.settled) return;
        for (FleetDevice& one : out.devices) one.past.assign(days_kept, {});
        DayIndex first = first_kept();
        if (before_ != nullptr && before_->settled && before_->settled->day >= first) {
            first = before_->settled->day + 1;
            const auto older = out.settled->day.value - before_->settled->day.value;
            for (const FleetDevice& known : before_->devices)
                if (FleetDevice* one = device(known.ref); one != nullptr && !known.past.empty())
                    std::copy(known.past.begin() + older, known.past.end(), one->past.begin());
        }
        for (DayIndex day = first; day <= out.settled->day; ++day) read_past_day(day);
        for (FleetDevice& one : out.devices) summarise_past(one);
    }

    DayIndex first_kept() const { return out.settled->day - (days_kept - 1); }

    void read_past_day(DayIndex day) {
        const auto at = static_cast<std::size_t>(day.value - first_kept().value);
        for (const DayRecord& record : reader_.days_of(day))
            if (FleetDevice* one = device(record.device))
                one->past.at(at) = {.outcome = static_cast<std::uint8_t>(record.outcome),
                                    .counted = static_cast<std::uint16_t>(record.counted),
                                    .due = windows_due(*one, day)};
    }

    std::uint16_t windows_due(const FleetDevice& one, DayIndex day) const {
        const Span span = calendar_.span(day);
        std::int64_t due = calendar_.windows_per_day();
        if (one.active_from > span.begin && one.active_from < span.end)
            due = (span.end - one.active_from) / calendar_.window_length();
        return static_cast<std::uint16_t>(due);
    }

    static void summarise_past(FleetDevice& one) {
        for (const PastDay& day : one.past) {
            if (day.outcome != static_cast<std::uint8_t>(DayOutcome::up) &&
                day.outcome != static_cast<std::uint8_t>(DayOutcome::down))
                continue;
            one.counted_30d += day.counted;
            one.due_30d += day.due;
        }
        for (auto day = one.past.rbegin(); day != one.past.rend(); ++day) {
            if (day->outcome == static_cast<std::uint8_t>(DayOutcome::up))
                ++one.up_run;
            else if (day->outcome != static_cast<std::uint8_t>(DayOutcome::excused))
                break;
        }
    }

    /// Of today for every device, and what the windows of the days before added up to.
    void read_windows() {
        if (!out.closed) return;
        read_history();
        const WindowIndex begin = calendar_.first_window(out.today);
        for (const WindowRecord& window :
             reader_.windows_of(out.today, calendar_.windows_per_day())) {
            FleetDevice* one = device(window.device);
            if (one == nullptr) continue;
            const auto at = static_cast<std::size_t>(window.window.value - begin.value);
            one->today.resize(at, WindowOutcome::unenrolled);
            one->today.push_back(window.outcome);
            ++out.windows_today[static_cast<std::size_t>(window.outcome)];
            roll_calls_[one].emplace_back(at, window.roll_call_rate);
        }
        for (FleetDevice& one : out.devices) sum_up_today(one);
    }

    void read_history() {
        const WindowIndex first = calendar_.first_window(out.today - (days_kept - 1));
        for (const WindowTotals& totals : reader_.window_totals(first, *out.closed)) {
            if (totals.measured == 0) continue;
            const auto policy = schedule_.policy_on(calendar_.day_of(totals.window));
            const double width = measured(1, policy->roll_call.k, 1).half_width;
            out.history.push_back({.at = calendar_.span(totals.window).begin,
                                   .rate = {.value = static_cast<double>(totals.rate),
                                            .half_width = static_cast<double>(totals.root) * width},
                                   .devices = static_cast<std::size_t>(totals.measured)});
        }
    }

    void sum_up_today(FleetDevice& one) {
        if (one.today.empty()) return;
        std::vector<DayWindow> windows(static_cast<std::size_t>(calendar_.windows_per_day()),
                                       {.outcome = WindowOutcome::incomplete, .roll_call_rate = 0});
        for (std::size_t i = 0; i < one.today.size(); ++i) windows[i].outcome = one.today[i];
        for (const auto& [at, rate] : roll_calls_[&one]) windows[at].roll_call_rate = rate;
        const auto policy = schedule_.policy_on(out.today);
        one.credit_so_far =
            day_result(*policy,
                       {.day = out.today,
                        .programme_start = schedule_.genesis().programme_start_day,
                        .enrolment_day = calendar_.day_at(one.active_from) == out.today},
                       windows)
                .credit;
    }

    void gather_providers() {
        for (std::uint32_t i = 0; i < out.devices.size(); ++i) {
            FleetDevice& one = out.devices[i];
            const FleetNode& node = out.nodes[one.node];
            const auto [place, fresh] = out.by_payout.try_emplace(
                node.payout, static_cast<std::uint32_t>(out.providers.size()));
            if (fresh) out.providers.emplace_back().payout = node.payout;
            one.provider = place->second;
            out.providers[one.provider].devices.push_back(i);
            out.balance += one.standing.balance;
            out.credit_so_far += one.credit_so_far;
        }
        for (const FleetNode& node : out.nodes)
            if (const auto found = out.by_payout.find(node.payout); found != out.by_payout.end())
                describe(out.providers[found->second], node);
        std::map<std::uint32_t, RegionPart> regions;
        for (FleetProvider& provider : out.providers) add_up(provider, regions);
        out.by_region = most_devices_first(regions);
    }

    static std::vector<RegionPart> most_devices_first(
        const std::map<std::uint32_t, RegionPart>& regions) {
        std::vector<RegionPart> out;
        for (const auto& [region, part] : regions) {
            out.push_back(part);
            out.back().region = region;
        }
        std::stable_sort(out.begin(), out.end(), [](const RegionPart& a, const RegionPart& b) {
            return a.devices > b.devices;
        });
        return out;
    }

    static void add(RegionPart& part, const FleetDevice& device, bool retired) {
        part.counted_30d += device.counted_30d;
        part.due_30d += device.due_30d;
        if (retired) return;
        ++part.devices;
        part.rate += device.rate;
    }

    static void describe(FleetProvider& provider, const FleetNode& node) {
        if (provider.nodes++ == 0) provider.name = node.name;
        if (provider.haystack.size() < longest_haystack)
            provider.haystack += lower(node.name + " " + node.region + " " +
                                       to_hex(node.id).substr(0, id_digits_searched) + " ");
        if (!node.region.empty() && provider.regions.size() < 64 &&
            provider.regions.find(node.region) == std::string::npos)
            provider.regions.append(provider.regions.empty() ? "" : ", ").append(node.region);
    }

    void add_up(FleetProvider& provider, std::map<std::uint32_t, RegionPart>& all_regions) const {
        provider.haystack.append("0x").append(
            to_hex(provider.payout).substr(0, id_digits_searched));
        std::map<std::uint32_t, std::uint32_t> models;
        std::map<std::uint32_t, RegionPart> regions;
        bool first = true;
        for (const std::uint32_t place : provider.devices) {
            const FleetDevice& one = out.devices[place];
            provider.credit_so_far += one.credit_so_far;
            provider.balance += one.standing.balance;
            provider.counted_30d += one.counted_30d;
            provider.due_30d += one.due_30d;
            if (provider.haystack.size() < longest_haystack)
                provider.haystack.append(" ").append(to_hex(one.id).substr(0, id_digits_searched));
            const bool retired = one.retired_from && *one.retired_from <= out.today;
            const std::uint32_t region = out.nodes[one.node].region_place;
            add(regions[region], one, retired);
            add(all_regions[region], one, retired);
            if (retired) continue;
            provider.rate += one.rate;
            ++models[one.model];
            provider.up_run = first ? one.up_run : std::min(provider.up_run, one.up_run);
            provider.grace_left = first ? one.standing.grace_left
                                        : std::min(provider.grace_left, one.standing.grace_left);
            first = false;
        }
        provider.by_region = most_devices_first(regions);
        provider.models.assign(models.begin(), models.end());
        std::stable_sort(provider.models.begin(), provider.models.end(),
                         [](const auto& a, const auto& b) { return a.second > b.second; });
        for (const auto& [model, count] : provider.models)
            if (provider.haystack.size() < longest_haystack)
                provider.haystack.append(" ").append(lower(out.models[model]));
    }

    template <class Key>
    void order(ProviderOrder by, Key key) {
        auto& places = out.orders[static_cast<std::size_t>(by)];
        places.resize(out.providers.size());
        std::iota(places.begin(), places.end(), 0U);
        const auto& all = out.providers;
        std::sort(places.begin(), places.end(), [&](std::uint32_t a, std::uint32_t b) {
            const auto left = key(all[a]), right = key(all[b]);
            return left != right ? right < left : all[a].payout < all[b].payout;
        });
    }

    void put_in_order() {
        order(ProviderOrder::rank, [](const FleetProvider& p) { return p.balance; });
        std::size_t rank = 0;
        for (const std::uint32_t place : out.orders[0]) out.providers[place].rank = ++rank;
        order(ProviderOrder::name, [](const FleetProvider& p) { return std::string_view{p.name}; });
        auto& names = out.orders[static_cast<std::size_t>(ProviderOrder::name)];
        std::reverse(names.begin(), names.end());
        order(ProviderOrder::rate, [](const FleetProvider& p) { return p.rate.value; });
        order(ProviderOrder::pass_rate, [](const FleetProvider& p) { return p.pass_rate(); });
        order(ProviderOrder::up_run, [](const FleetProvider& p) { return p.up_run; });
        order(ProviderOrder::grace, [](const FleetProvider& p) { return p.grace_left; });
        order(ProviderOrder::today, [](const FleetProvider& p) { return p.credit_so_far; });
    }

    Reader& reader_;
    const Schedule& schedule_;
    const Calendar calendar_;
    const FleetRecords* before_;
    std::map<NodeRef, std::uint32_t> node_places_;
    std::map<DeviceRef, std::uint32_t> places_;
    std::unordered_map<const FleetDevice*, std::vector<std::pair<std::size_t, std::uint64_t>>>
        roll_calls_;
};

}  // namespace

MeasuredRate& MeasuredRate::operator+=(const MeasuredRate& other) {
    value += other.value;
    half_width = std::hypot(half_width, other.half_width);
    return *this;
}

MeasuredRate measured(double mean, std::uint32_t k, std::size_t proofs) {
    constexpr std::uint64_t unit = 1'000'000'000;
    const Interval of_unit = work_interval(k * static_cast<std::uint32_t>(proofs), unit);
    return {.value = mean,
            .half_width = mean * (of_unit.upper - of_unit.lower) / 2 / static_cast<double>(unit)};
}

std::shared_ptr<const FleetRecords> read_records(Store& store, const Schedule& schedule,
                                                 std::uint64_t roster_version, Instant now,
                                                 const FleetRecords* before) {
    std::shared_ptr<FleetRecords> out;
    store.read([&](Reader& reader) {
        Reading reading{reader, schedule, now, before};
        reading.read();
        out = std::make_shared<FleetRecords>(std::move(reading.out));
    });
    out->roster_version = roster_version;
    return out;
}

}  // namespace vigil::verifier::web
