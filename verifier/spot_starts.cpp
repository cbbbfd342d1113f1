#include "verifier/spot_starts.hpp"

#include <algorithm>

namespace vigil::verifier {

std::size_t SpotStarts::add_from(const DevicesAfter& devices_after, std::size_t most) {
    Run run;
    std::size_t added = 0;
    for (std::size_t bucket = 0; bucket < known_.size() && added < most; ++bucket) {
        for (const auto& device :
             devices_after(static_cast<std::uint8_t>(bucket), known_[bucket], most - added)) {
            known_[bucket] = device->ref.number;
            ++added;
            for (const SpotStart& spot :
                 spot_starts(*plan_->policy, *plan_->key, plan_->window, device->id, plan_->fleet))
                run.entries.push_back(
                    {.at_ms = to_ms(spot.start),
                     .place = std::uint64_t{bucket} << 56 |
                              static_cast<std::uint64_t>(device->ref.number) << 8 | spot.j});
        }
    }
    if (run.entries.empty()) return added;
    run.entries.shrink_to_fit();
    std::ranges::sort(run.entries, {}, &Entry::at_ms);
    runs_.push_back(std::move(run));
    std::ranges::push_heap(runs_, later);
    return added;
}

std::optional<SpotStarts::Start> SpotStarts::next() const {
    if (runs_.empty()) return std::nullopt;
    const Entry& entry = runs_.front().first();
    return Start{
        .at = instant_from_ms(entry.at_ms),
        .device = {static_cast<std::uint8_t>(entry.place >> 56),
                   static_cast<std::int64_t>(entry.place >> 8 & ((std::uint64_t{1} << 48) - 1))},
        .j = static_cast<std::uint32_t>(entry.place & 0xff)};
}

void SpotStarts::take() {
    std::ranges::pop_heap(runs_, later);
    Run& run = runs_.back();
    if (++run.taken == run.entries.size())
        runs_.pop_back();
    else
        std::ranges::push_heap(runs_, later);
}

}  // namespace vigil::verifier
