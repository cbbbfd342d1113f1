#include "verifier/service/query_calls.hpp"

#include <algorithm>
#include <charconv>

#include "proto/wire.hpp"
#include "verifier/explain.hpp"
#include "verifier/service/query_records.hpp"

namespace vigil::verifier::query {
namespace {

constexpr std::int64_t usual_rows = 100, most_rows = 1'000;
/// Days since the epoch beyond which no time can be computed; nobody asks for them in earnest.
constexpr std::int64_t last_day = 10'000'000;

Refusal malformed(std::string what) { return {RefusalReason::malformed, std::move(what), {}, {}}; }

std::int64_t rows_wanted(std::uint32_t page_size) {
    return page_size == 0 ? usual_rows : std::min<std::int64_t>(page_size, most_rows);
}

Expected<std::shared_ptr<const RosterDevice>, Refusal> device_named(const Parts& parts,
                                                                    const std::string& bytes) {
    const auto id = wire::fixed_from_proto<DeviceId>(bytes, "device_id");
    if (!id) return tl::unexpected{id.error()};
    auto device = parts.roster.device(*id);
    if (!device)
        return tl::unexpected{Refusal{
            RefusalReason::not_found, "no device " + to_hex(*id) + " is enrolled here", {}, {}}};
    return device;
}

/// The page a request about a device asks for. A token is the position after which to go on.
struct Wanted {
    std::shared_ptr<const RosterDevice> device;
    Page page;
};
Expected<Wanted, Refusal> wanted(const Parts& parts, const auto& request) {
    auto device = device_named(parts, request.device_id());
    if (!device) return tl::unexpected{device.error()};
    Wanted out{*device, {.before = std::nullopt, .limit = rows_wanted(request.page_size())}};
    const std::string& token = request.page_token();
    if (token.empty()) return out;
    std::int64_t before{};
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), before);
    if (error != std::errc{} || end != token.data() + token.size() || before < 0)
        return tl::unexpected{malformed("page_token: not one of this list")};
    out.page.before = before;
    return out;
}

/// Reads one page, hands each row to `add` and sets the token of the next page.
template <class Rows, class Position>
Outcome list(Parts& parts, const auto& request, auto& response, Rows read, Position position,
             auto add) {
    const auto asked = wanted(parts, request);
    if (!asked) return asked.error();
    decltype(read(std::declval<Reader&>(), DeviceRef{}, Page{})) rows;
    parts.store.read([&](Reader& reader) { rows = read(reader, asked->device->ref, asked->page); });
    for (const auto& row : rows) add(row);
    if (std::ssize(rows) == asked->page.limit)
        response.set_next_page_token(std::to_string(position(rows.back())));
    return std::nullopt;
}

constexpr auto read_days = [](Reader& reader, DeviceRef device, Page page) {
    return reader.days(device, page);
};
constexpr auto position_of_day = [](const DayRecord& day) { return day.day.value; };

}  // namespace

Outcome list_day_keys(Parts& parts, const v1::ListDayKeysRequest& request,
                      v1::ListDayKeysResponse& response) {
    std::vector<DayKeyRecord> keys;
    parts.store.read([&](Reader& reader) {
        keys = reader.day_keys(DayIndex{std::clamp<std::int64_t>(request.first_day(), 0, last_day)},
                               most_rows);
    });
    for (const DayKeyRecord& key : keys) *response.add_day_keys() = to_proto(key);
    return std::nullopt;
}

Outcome list_beacons(Parts& parts, const v1::ListBeaconsRequest& request,
                     v1::ListBeaconsResponse& response) {
    const Instant now = parts.clock();
    const WindowIndex window{request.window()};
    const Calendar calendar = parts.schedule.calendar();
    if (window.value < 0 || window > calendar.window_at(now)) return std::nullopt;
    const DayIndex day = calendar.day_of(window);
    std::optional<DayKeyRecord> key;
    parts.store.read([&](Reader& reader) { key = reader.day_key(day); });
    if (!key) return std::nullopt;
    // Not by Schedule::plan: whoever reads the past must not push the present out of its cache.
    for (const FleetCheck& fleet : fleet_checks(*parts.schedule.policy_on(day), key->key, window)) {
        if (fleet.start > now) continue;
        v1::FleetBeacon& out = *response.add_beacons();
        out.set_slot(fleet.slot.value);
        out.set_kind(wire::to_proto(fleet.kind));
        out.set_start_ms(to_ms(fleet.start));
        out.set_deadline_ms(to_ms(fleet.deadline));
        out.set_beacon(wire::raw(fleet.beacon));
    }
    return std::nullopt;
}

Outcome list_checks(Parts& parts, const v1::ListChecksRequest& request,
                    v1::ListChecksResponse& response) {
    return list(
        parts, request, response,
        [](Reader& reader, DeviceRef device, Page page) { return reader.checks(device, page); },
        [](const CheckRow& row) { return row.row; },
        [&](const CheckRow& row) { *response.add_checks() = to_proto(row); });
}

Outcome list_windows(Parts& parts, const v1::ListWindowsRequest& request,
                     v1::ListWindowsResponse& response) {
    return list(
        parts, request, response,
        [](Reader& reader, DeviceRef device, Page page) { return reader.windows(device, page); },
        [](const WindowRecord& window) { return window.window.value; },
        [&](const WindowRecord& window) { *response.add_windows() = to_proto(window); });
}

Outcome list_days(Parts& parts, const v1::ListDaysRequest& request,
                  v1::ListDaysResponse& response) {
    return list(parts, request, response, read_days, position_of_day,
                [&](const DayRecord& day) { *response.add_days() = to_proto(day); });
}

Outcome list_ledger(Parts& parts, const v1::ListLedgerRequest& request,
                    v1::ListLedgerResponse& response) {
    return list(parts, request, response, read_days, position_of_day, [&](const DayRecord& day) {
        if (auto entry = ledger_entry(day)) *response.add_entries() = *std::move(entry);
    });
}

Outcome get_standing(Parts& parts, const v1::GetStandingRequest& request,
                     v1::GetStandingResponse& response) {
    const auto device = device_named(parts, request.device_id());
    if (!device) return device.error();
    std::vector<DayRecord> days;
    parts.store.read([&](Reader& reader) {
        days = reader.days((*device)->ref, {.before = std::nullopt, .limit = 1});
    });
    *response.mutable_standing() = to_proto(days.empty() ? Standing{} : days.front().after);
    response.set_baseline(days.empty() ? (*device)->baseline : days.front().baseline);
    if (!days.empty()) response.set_day(days.front().day.value);
    return std::nullopt;
}

Outcome explain_day(Parts& parts, const v1::ExplainRequest& request,
                    v1::ExplainResponse& response) {
    const auto device = device_named(parts, request.device_id());
    if (!device) return device.error();
    if (request.day() < 0 || request.day() > last_day)
        return malformed("day: from 0 to " + std::to_string(last_day) + " where " +
                         std::to_string(request.day()) + " was asked for");
    const DayIndex day{request.day()};
    const auto node = parts.roster.node((*device)->node);
    std::optional<DayFile> file;
    parts.store.read([&](Reader& reader) {
        if (!node) return;
        for (const DeviceRecord& record : reader.devices_of(node->ref))
            if (record.id == (*device)->id)
                file = read_day_file(reader, *parts.schedule.policy_on(day), record, day);
    });
    if (!file) return Refusal{RefusalReason::not_found, "the device is not in the store", {}, {}};
    for (std::string& line : explain(*file)) response.add_lines(std::move(line));
    return std::nullopt;
}

}  // namespace vigil::verifier::query
