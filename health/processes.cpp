#include "health/processes.hpp"

#include <algorithm>
#include <sys/stat.h>
#include <unistd.h>

namespace vigil::health {

Self this_process() {
    constexpr ino_t first_namespace = 0xEFFFFFFC;  // PROC_PID_INIT_INO of Linux
    struct stat space {};
    const bool inner = ::stat("/proc/self/ns/pid", &space) == 0 && space.st_ino != first_namespace;
    return {static_cast<std::uint32_t>(::getpid()), inner};
}

std::vector<std::uint32_t> without(const Self& self, std::vector<std::uint32_t> pids) {
    const auto own = std::find(pids.begin(), pids.end(), self.pid);
    if (own != pids.end())
        pids.erase(own);
    else if (self.has_other_number && !pids.empty())
        pids.erase(pids.begin());
    return pids;
}

}  // namespace vigil::health
