#include "verifier/web/directory_text.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <span>

#include "core/crypto/payout_address.hpp"
#include "verifier/web/figures.hpp"

namespace vigil::verifier::web {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t most_regions = 20;  ///< of a provider; owners choose the names

/// Not 0: nobody measured it.
Json rate_or_null(double rate, bool measured) { return measured ? Json(rate) : Json(nullptr); }

Json regions_of(const FleetRecords& records, const FleetProvider& provider) {
    Json out = Json::array();
    for (const RegionPart& part :
         std::span{provider.by_region}.first(std::min(provider.by_region.size(), most_regions)))
        out.push_back({{"region", records.regions[part.region]},
                       {"devices", part.devices},
                       {"rate", rate_or_null(part.rate.value, part.rate.value > 0)},
                       {"windows_passed_30d", part.counted_30d},
                       {"windows_due_30d", part.due_30d}});
    return out;
}

Json row_of(const Fleet& fleet, std::uint32_t place) {
    const FleetRecords& records = *fleet.records;
    const FleetProvider& provider = records.providers[place];
    Json models = Json::object(), states = Json::object();
    for (const auto& [model, count] : provider.models) models[records.models[model]] = count;
    for (std::size_t i = 0; i < state_count; ++i)
        states[std::string{to_string(static_cast<State>(i))}] = fleet.provider_states[place][i];
    return {{"rank", provider.rank},
            {"payout_address", to_checksum_text(provider.payout)},
            {"name", provider.name},
            {"nodes", provider.nodes},
            {"devices", states},
            {"rate", rate_or_null(provider.rate.value, provider.rate.value > 0)},
            {"rate_half_width_95", rate_or_null(provider.rate.half_width, provider.rate.value > 0)},
            {"models", models},
            {"windows_passed_30d", provider.counted_30d},
            {"windows_due_30d", provider.due_30d},
            {"up_run_days", provider.up_run},
            {"grace_days", provider.grace_left},
            {"credit_so_far_micro", to_string(provider.credit_so_far)},
            {"balance_micro", to_string(provider.balance)},
            {"regions", provider.regions},
            {"by_region", regions_of(records, provider)},
            {"regions_more",
             provider.by_region.size() - std::min(provider.by_region.size(), most_regions)}};
}

std::string field(std::string_view text) {
    std::string out = "\"";
    if (!text.empty() && std::string_view{"=+-@\t\r"}.find(text.front()) != std::string_view::npos)
        out += '\'';
    for (const char c : text) {
        if (c == '"') out += '"';
        out += c;
    }
    return out += '"';
}

}  // namespace

std::string directory_json(const Fleet& fleet, const DirectoryWish& wish,
                           const DirectoryPage& page) {
    Json rows = Json::array();
    for (const std::uint32_t place : page.places) rows.push_back(row_of(fleet, place));
    const Json all{{"at", iso_text(fleet.at)},
                   {"found", page.found},
                   {"page", wish.page},
                   {"pages", page.pages},
                   {"providers", std::move(rows)}};
    return all.dump(1, ' ', false, Json::error_handler_t::replace).append("\n");
}

std::string directory_csv(const Fleet& fleet, const DirectoryWish&, const DirectoryPage& page) {
    std::string out =
        "rank,payout_address,name,nodes,online,suspect,offline,rate,rate_half_width_95,"
        "windows_passed_30d,windows_due_30d,up_run_days,grace_days,credit_so_far_micro,"
        "balance_micro,regions\r\n";
    for (const std::uint32_t place : page.places) {
        const FleetProvider& p = fleet.records->providers[place];
        const auto& states = fleet.provider_states[place];
        const std::string rate =
            p.rate.value > 0 ? fmt::format("{:.0f},{:.0f}", p.rate.value, p.rate.half_width) : ",";
        out += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\r\n", p.rank,
                           to_checksum_text(p.payout), field(p.name), p.nodes, states[0], states[1],
                           states[2], rate, p.counted_30d, p.due_30d, p.up_run, p.grace_left,
                           to_string(p.credit_so_far), to_string(p.balance), field(p.regions));
    }
    return out;
}

}  // namespace vigil::verifier::web
