#include "core/uptime/incident.hpp"

#include <limits>

#include "core/base/require.hpp"

namespace vigil {

IncidentStep step(const Incident& before, Sign sign, Instant at, std::uint32_t open_after) {
    using News = IncidentStep::News;
    require(open_after >= 1, "an incident needs a sign");
    switch (sign) {
        case Sign::unknown:
            return {.after = before, .news = News::none};
        case Sign::gone:
            return {.after = {}, .news = News::none};
        case Sign::good:
            return {.after = {}, .news = before.open ? News::recovered : News::none};
        case Sign::bad:
            break;
    }
    Incident after = before;
    if (after.bad == 0) after.since = at;
    if (after.bad < std::numeric_limits<std::uint32_t>::max()) ++after.bad;
    after.open = before.open || after.bad >= open_after;
    return {.after = after, .news = after.open && !before.open ? News::opened : News::none};
}

}  // namespace vigil
