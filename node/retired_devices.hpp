#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "core/base/bytes.hpp"
#include "core/base/instant.hpp"

namespace vigil::node {

/// Devices the owner has retired, kept in the data folder's file "retired", one a line: enrolling
/// one of them again would undo its retirement (protocol 8.5), so enrolments leave them out. At
/// most 64 KiB; lines that name no device are passed over.

std::set<DeviceId> retired_devices(const std::filesystem::path& data_dir);
/// The same with the moment, by the verifier's clock, from which nothing is asked of each; nothing
/// where the file does not say, as those of earlier versions.
std::map<DeviceId, std::optional<Instant>> retirements(const std::filesystem::path& data_dir);
/// `words`: uid and name, for people. A device that is noted stays as it is, unless `from` is
/// given.
void note_retired(const std::filesystem::path& data_dir, const DeviceId& device,
                  const std::string& words, std::optional<Instant> from = std::nullopt);
/// False when it was not noted.
bool forget_retired(const std::filesystem::path& data_dir, const DeviceId& device);

}  // namespace vigil::node
