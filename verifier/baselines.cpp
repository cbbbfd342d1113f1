#include "verifier/baselines.hpp"

#include <algorithm>

#include "core/uptime/judge.hpp"

namespace vigil::verifier {
namespace {

constexpr std::size_t calibrations_kept = 4;
constexpr std::int64_t rows_a_page = 1000;

}  // namespace

std::vector<Calibrated> read_calibrated(Reader& reader, DeviceRef device) {
    std::vector<Calibrated> found;
    Page page{.before = std::nullopt, .limit = rows_a_page};
    while (found.size() < calibrations_kept) {
        const std::vector<CheckRow> rows = reader.checks(device, page);
        for (const CheckRow& row : rows) {
            const VerdictRecord& verdict = row.verdict;
            if (verdict.claim.kind == CheckKind::calibration && verdict.received &&
                verdict.judgement.verdict == Verdict::passed && found.size() < calibrations_kept)
                found.push_back({*verdict.received, verdict.judgement.rate});
            page.before = row.row;
        }
        if (std::ssize(rows) < rows_a_page) break;
    }
    std::sort(found.begin(), found.end(),
              [](const Calibrated& a, const Calibrated& b) { return a.received < b.received; });
    return found;
}

std::uint64_t calibrated_before(const std::vector<Calibrated>& calibrated, Instant window_begin) {
    std::uint64_t rate = 0;
    for (const Calibrated& one : calibrated)
        if (one.received < window_begin) rate = one.rate;
    return rate;
}

std::uint64_t baseline_for(Reader& reader, const BooksDevice& device, Instant window_begin) {
    if (!device.roll_call_rates.empty()) return baseline(device.roll_call_rates, std::nullopt);
    if (!device.calibration_rate) return 0;
    return calibrated_before(read_calibrated(reader, device.ref), window_begin);
}

}  // namespace vigil::verifier
