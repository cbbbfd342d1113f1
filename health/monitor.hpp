#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/instant.hpp"
#include "health/reading.hpp"

namespace vigil::health {

struct MonitorOptions {
    std::string nvml_library = "libnvidia-ml.so.1";
    std::string sysfs = "/sys";
    Milliseconds every{1000};
    Milliseconds stale{8000};  ///< an older reading is no reading
};

/// How drivers find a device.
struct Place {
    std::string uid;
    std::string pci_address;  ///< may be empty
};

/// What is known of a device at the moment of asking.
struct Health {
    Presence presence = Presence::unknown;
    std::string why;  ///< where lost or unknown
    Reading reading;  ///< all absent unless present
    std::optional<Milliseconds> age;
};

/// Reads the health of devices again and again, each on a thread of its own: a driver that does not
/// come back costs that device's readings and nothing else; one that hangs while it is opened, those
/// of all devices, which are unknown then. Any thread.
class Monitor {
public:
    Monitor(const std::vector<Place>& devices, const MonitorOptions& options);
    /// Waits half a second at most; a thread that is stuck in a driver is left behind.
    ~Monitor();
    Monitor(const Monitor&) = delete;
    Monitor& operator=(const Monitor&) = delete;

    /// Never waits for a driver. `index` as in the devices.
    Health read(std::size_t index) const;

    /// Until every device was looked at once, or `limit`; false then.
    bool wait_first(Milliseconds limit) const;

private:
    struct Watched;
    std::vector<std::shared_ptr<Watched>> watched_;
    Milliseconds stale_;
};

}  // namespace vigil::health
