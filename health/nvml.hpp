#pragma once

#include <memory>
#include <optional>
#include <string>

#include "health/processes.hpp"
#include "health/reading.hpp"

namespace vigil::health {

/// A reading, or why there is none.
struct Look {
    Presence presence = Presence::silent;
    std::string why;  ///< in the driver's words where presence is lost or unknown
    Reading reading;
};

/// NVIDIA's management library, opened while running. Any thread; a call may hang in the driver for
/// ever, so make it where that hurts nobody (Monitor).
class Nvml {
public:
    /// `library`: what dlopen is asked for, usually "libnvidia-ml.so.1". Opens nothing yet.
    explicit Nvml(std::string library, Self self = this_process());
    ~Nvml();

    /// The device with this uid, "GPU-…" or "MIG-…" as the driver writes it. Silent where there is
    /// no such library, driver or device. Tries again on every call, for drivers come and go.
    Look look(const std::string& uid);

private:
    struct Library;
    std::unique_ptr<Library> library_;
};

}  // namespace vigil::health
