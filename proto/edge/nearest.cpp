#include <algorithm>
#include <numeric>

#include "proto/edge/settings.hpp"

namespace vigil::edge {
namespace {

/// Lower case, one separator: what remains of a slip is a wrong letter.
std::string folded(std::string_view word) {
    std::string out{word};
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        if (c == '_' || c == '-') c = '.';
    }
    return out;
}

/// Insertions, deletions, changes and swaps of neighbours (optimal string alignment).
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1), previous(b.size() + 1), row(b.size() + 1);
    std::iota(previous.begin(), previous.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t change = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({previous[j] + 1, row[j - 1] + 1, change});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = std::min(row[j], before[j - 2] + 1);
        }
        before.swap(previous);
        previous.swap(row);
    }
    return previous[b.size()];
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& known) {
    const std::string asked = folded(word.substr(0, 200));
    const std::size_t near_enough = std::clamp<std::size_t>(asked.size() / 3, 1, 3);
    std::string best;
    std::size_t best_distance = near_enough + 1;
    for (const auto& candidate : known) {
        const std::size_t distance = edit_distance(asked, folded(candidate));
        if (distance < best_distance) {
            best = candidate;
            best_distance = distance;
        }
    }
    if (!best.empty()) return best;
    std::size_t matches = 0;
    for (const auto& candidate : known) {
        if (!folded(candidate).ends_with("." + asked)) continue;
        best = candidate;
        ++matches;
    }
    return matches == 1 ? best : "";
}

}  // namespace vigil::edge
