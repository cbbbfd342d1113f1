#pragma once

#include <filesystem>
#include <optional>

#include "tests/load/comparison.hpp"
#include "tests/load/fleet.hpp"
#include "tests/load/policy.hpp"
#include "tests/load/process.hpp"
#include "tests/load/report.hpp"

namespace vigil::load {

struct LoadOptions {
    FleetOptions fleet;
    LoadCalendar calendar;  ///< of the verifier that is started here
    std::chrono::seconds time{20};
    double rate = 0;         ///< answers a second; 0: as fast as the windows allow
    std::size_t window = 1;  ///< answers of a node in flight
    std::size_t devices_an_answer = 1;
    Steady::duration unary_spread = std::chrono::seconds{2};  ///< of a roll call's polling nodes
    std::size_t slow_every = 10;  ///< of slow-readers: every so manieth node
    std::size_t query_threads = 2;
    std::size_t signature_every = 16;
    std::size_t echo_threads = 1;
    std::chrono::seconds entering{1'800};  ///< for all to be enrolled and connected

    bool self = false;
    std::string program = "vigil-verifier";
    std::vector<std::string> program_flags;
    bool tls = true;
    int fsync_delay_ms = 0;
    std::string fsync_delay_library;
    std::filesystem::path data_dir;  ///< kept when named
    std::filesystem::path store;     ///< to compare with; empty: that of --self
    std::filesystem::path receipts;  ///< where to keep them; empty: nowhere
    bool signed_receipts = true;     ///< false for a verifier built without signatures
    bool yardsticks = false;
};

/// What a profile works with.
struct Scene {
    const LoadOptions& options;
    Fleet& fleet;
    Process* server;  ///< null: the verifier runs elsewhere
    std::uint16_t http_port = 0;
    Report& report;
    std::int64_t empty_bytes = 0;  ///< of the server before any node was there
    Record record;                 ///< everything that happened, for the comparison at the end
};

void run_steady(Scene& scene);
void run_roll_call(Scene& scene);
void run_reconnect_storm(Scene& scene);
void run_slow_readers(Scene& scene);
/// steady, with queries beside it and, before, without.
void run_mixed(Scene& scene);
/// Silence, and silence but for pings, of `time` each.
void run_idle(Scene& scene);
void run_fleet_start(Scene& scene);
/// Nodes without a stream that ask once a second what is open.
void run_polling(Scene& scene);

using Profile = void (*)(Scene&);
/// Starts what is to be started, enrols, runs the profile, compares receipts and measures the
/// yardsticks. Exit code: 0, or 1 when something was lost.
int run_profile(LoadOptions options, const std::string& name, Profile profile, bool json);

/// Of the verifier at that port of this machine; nothing: it does not say.
std::optional<double> metric(std::uint16_t http_port, const std::string& series);

}  // namespace vigil::load
