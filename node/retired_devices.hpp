#pragma once

#include <filesystem>
#include <set>
#include <string>

#include "core/base/bytes.hpp"

namespace vigil::node {

/// Devices the owner has retired, kept in the data folder's file "retired", one a line: enrolling
/// one of them again would undo its retirement (protocol 8.5), so enrolments leave them out. At
/// most 64 KiB; lines that name no device are passed over.

std::set<DeviceId> retired_devices(const std::filesystem::path& data_dir);
/// `words`: uid and name, for people.
void note_retired(const std::filesystem::path& data_dir, const DeviceId& device,
                  const std::string& words);
/// False when it was not noted.
bool forget_retired(const std::filesystem::path& data_dir, const DeviceId& device);

}  // namespace vigil::node
