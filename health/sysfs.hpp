#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "health/nvml.hpp"

namespace vigil::health {

/// What the kernel says of a device in /sys: graphics cards of AMD (and others whose drivers keep
/// to hwmon), and the processor's temperature. Any thread.
class Sysfs {
public:
    /// `root`: "/sys", or a test's.
    explicit Sysfs(std::filesystem::path root, Self self = this_process())
        : root_{std::move(root)}, self_{self} {}

    /// The card at the PCI address ("0000:03:00.0"), or the processor for a uid "cpu:…".
    /// Silent for anything else, and for what is not in the tree (any more).
    Look look(const std::string& uid, const std::string& pci_address) const;

private:
    Look card(const std::string& address) const;
    Look processor() const;
    std::optional<std::vector<std::uint32_t>> computing_on(const std::string& address) const;

    std::filesystem::path root_;
    Self self_;
};

}  // namespace vigil::health
