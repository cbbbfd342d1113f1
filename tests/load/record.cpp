#include "tests/load/record.hpp"

#include <algorithm>

namespace vigil::load {

void Record::add(const Record& other) {
    sent += other.sent;
    again += other.again;
    replied += other.replied;
    unasked += other.unasked;
    broken += other.broken;
    for (const auto& [reason, count] : other.refusals) refusals[reason] += count;
    for (const auto& [verdict, count] : other.verdicts) verdicts[verdict] += count;
    for (const auto& [what, count] : other.pushed) pushed[what] += count;
    const auto append = [](auto& to, const auto& from) {
        to.insert(to.end(), from.begin(), from.end());
    };
    append(latencies_us, other.latencies_us);
    append(lags_us, other.lags_us);
    append(receipts, other.receipts);
}

void Record::clear_times() {
    latencies_us.clear();
    lags_us.clear();
}

std::uint32_t quantile(std::vector<std::uint32_t> values, double per_mille) {
    if (values.empty()) return 0;
    const double rank = per_mille / 1000 * static_cast<double>(values.size());
    const auto at = std::min(values.size() - 1, static_cast<std::size_t>(rank));
    const auto place = values.begin() + static_cast<std::ptrdiff_t>(at);
    std::nth_element(values.begin(), place, values.end());
    return *place;
}

}  // namespace vigil::load
