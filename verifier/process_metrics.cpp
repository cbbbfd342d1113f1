#include "verifier/process_metrics.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

namespace vigil::verifier {
namespace {

double seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

/// Start of this process in clock ticks since boot: the 22nd field of /proc/self/stat, counted
/// behind the name, which may hold anything.
double started_after_boot() {
    std::ifstream file{"/proc/self/stat"};
    std::string text{std::istreambuf_iterator<char>{file}, {}};
    const std::size_t name_end = text.rfind(')');
    if (name_end == std::string::npos) return 0;
    std::istringstream fields{text.substr(name_end + 1)};
    std::string field;
    for (int i = 3; i <= 22 && fields >> field; ++i) {
    }
    return field.empty() ? 0 : std::stod(field) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double boot_time() {
    std::ifstream file{"/proc/stat"};
    for (std::string word; file >> word;) {
        double value{};
        if (word == "btime" && file >> value) return value;
    }
    return 0;
}

double resident_bytes() {
    std::ifstream file{"/proc/self/statm"};
    double size{};
    double resident{};
    file >> size >> resident;
    return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double open_files() {
    std::error_code failure;
    const std::filesystem::directory_iterator files{"/proc/self/fd", failure};
    return failure ? 0 : static_cast<double>(std::distance(begin(files), end(files)));
}

}  // namespace

struct ProcessMetrics::Values {
    explicit Values(prometheus::Registry& registry)
        : cpu{prometheus::BuildCounter()
                  .Name("process_cpu_seconds_total")
                  .Help("Total user and system CPU time spent in seconds")
                  .Register(registry)
                  .Add({})},
          memory{gauge(registry, "process_resident_memory_bytes", "Resident memory size in bytes")},
          files{gauge(registry, "process_open_fds", "Number of open file descriptors")},
          files_max{gauge(registry, "process_max_fds", "Maximum number of open file descriptors")},
          start{gauge(registry, "process_start_time_seconds",
                      "Start time of the process since the Unix epoch in seconds")} {
        start.Set(boot_time() + started_after_boot());
        rlimit limit{};
        if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
            files_max.Set(static_cast<double>(limit.rlim_cur));
    }

    static prometheus::Gauge& gauge(prometheus::Registry& registry, const char* name,
                                    const char* help) {
        return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({});
    }

    std::mutex mutex;
    prometheus::Counter& cpu;
    prometheus::Gauge& memory;
    prometheus::Gauge& files;
    prometheus::Gauge& files_max;
    prometheus::Gauge& start;
};

ProcessMetrics::ProcessMetrics(prometheus::Registry& registry)
    : values_{std::make_unique<Values>(registry)} {}
ProcessMetrics::~ProcessMetrics() = default;

void ProcessMetrics::read() {
    const std::lock_guard lock{values_->mutex};
    rusage usage{};
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        const double used = seconds(usage.ru_utime) + seconds(usage.ru_stime);
        if (used > values_->cpu.Value()) values_->cpu.Increment(used - values_->cpu.Value());
    }
    values_->memory.Set(resident_bytes());
    values_->files.Set(open_files());
}

}  // namespace vigil::verifier
