#include <nlohmann/json.hpp>
#include <ostream>
#include <stdlib.h>

#include "core/base/readable.hpp"
#include "proto/edge/files.hpp"
#include "verifier/replay.hpp"
#include "verifier/store/open_store.hpp"

namespace vigil::verifier {
namespace {

/// A second store up to this size is built in memory.
constexpr std::int64_t in_memory_max = 256 << 20;

/// Where the second store is built; gone afterwards.
class Scratch {
public:
    explicit Scratch(std::int64_t record_bytes) {
        if (record_bytes <= in_memory_max) return;
        std::string folder =
            (std::filesystem::temp_directory_path() / "vigil-audit-XXXXXX").string();
        if (!::mkdtemp(folder.data()))
            throw StoreFailed{"no folder for the replay in " +
                              std::filesystem::temp_directory_path().string() +
                              ": set TMPDIR to one with as much room as the store has"};
        folder_ = folder;
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch() {
        std::error_code ignored;
        if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
    }
    std::string path() const {
        return folder_.empty() ? ":memory:" : (folder_ / "vigil.db").string();
    }

private:
    std::filesystem::path folder_;
};

std::string count(std::int64_t value) { return grouped(static_cast<u128>(value)); }

void print_text(const ReplayReport& r, std::ostream& out) {
    out << "network " << r.network << ": " << count(r.policies) << " policies, "
        << count(r.day_keys) << " day keys, " << count(r.requests) << " signed requests, "
        << count(r.calibrations) << " calibrations, " << count(r.answers) << " answers with "
        << count(r.proofs) << " proofs\n";
    if (r.through)
        out << "replayed " << count(r.windows) << " windows up to window " << r.through->value
            << ": " << count(r.verdicts) << " verdicts, " << count(r.voids) << " voids, "
            << count(r.outcomes) << " window outcomes, " << count(r.day_rows)
            << " settlements compared\n";
    else
        out << "no window is closed yet\n";
    for (const ReplayedDay& day : r.days)
        out << "day " << day.day.value << "  state_hash " << to_hex(day.replayed)
            << (!day.recorded                   ? "  not settled yet"
                : *day.recorded == day.replayed ? "  as recorded"
                                                : "  DIFFERS from " + to_hex(*day.recorded))
            << '\n';
    for (const std::string& sentence : r.note_sentences) out << "note: " << sentence << '\n';
    if (r.notes > r.note_sentences.size())
        out << "and " << grouped(r.notes - r.note_sentences.size()) << " more notes\n";
    for (const std::string& sentence : r.sentences) out << "difference: " << sentence << '\n';
    if (r.differences > r.sentences.size())
        out << "and " << grouped(r.differences - r.sentences.size()) << " more\n";
    if (r.agrees())
        out << "the record agrees: everything in it follows from what came from outside\n";
    else
        out << grouped(r.differences)
            << " differences: this record was changed, or decided by other rules. The first "
               "difference is the cause of most others\n";
}

void print_json(const ReplayReport& r, std::ostream& out) {
    using nlohmann::ordered_json;
    ordered_json days = ordered_json::array();
    for (const ReplayedDay& day : r.days)
        days.push_back({{"day", day.day.value},
                        {"state_hash", to_hex(day.replayed)},
                        {"recorded", day.recorded ? ordered_json(to_hex(*day.recorded))
                                                  : ordered_json(nullptr)}});
    const ordered_json all{
        {"network", r.network},
        {"agrees", r.agrees()},
        {"through_window", r.through ? ordered_json(r.through->value) : ordered_json(nullptr)},
        {"policies", r.policies},
        {"day_keys", r.day_keys},
        {"requests", r.requests},
        {"calibrations", r.calibrations},
        {"answers", r.answers},
        {"proofs", r.proofs},
        {"windows", r.windows},
        {"verdicts", r.verdicts},
        {"voids", r.voids},
        {"window_outcomes", r.outcomes},
        {"settlements", r.day_rows},
        {"days", days},
        {"differences", r.differences},
        {"first_differences", r.sentences},
        {"notes", r.notes},
        {"first_notes", r.note_sentences}};
    out << all.dump(2, ' ', false, ordered_json::error_handler_t::replace) << '\n';
}

}  // namespace

int audit_command(const std::string& store, AuditFormat format, std::ostream& out,
                  const std::function<void(const ReplayProgress&)>& progress) {
    try {
        const auto source = open_store_at_for_reading(store);
        const Scratch scratch{source->health().bytes};
        const ReplayReport report =
            replay(*source, {.scratch = scratch.path(), .progress = progress});
        switch (format) {
            case AuditFormat::text:
                print_text(report, out);
                break;
            case AuditFormat::json:
                print_json(report, out);
                break;
        }
        return report.agrees() ? 0 : edge::exit_check_failed;
    } catch (const StoreTooNew& newer) {
        throw edge::Fatal{edge::exit_configuration, "E-STORE-NEWER", newer.what()};
    } catch (const StoreFailed& failure) {
        throw edge::Fatal{edge::exit_configuration, "E-STORE", failure.what()};
    }
}

}  // namespace vigil::verifier
