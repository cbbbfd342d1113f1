#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>

#include "core/base/bytes.hpp"
#include "proto/messages.hpp"

namespace vigil::node {

/// What was last enrolled, kept in the data folder, so that a node enrols when something changed
/// and its sequence numbers grow over restarts and clock steps. Readable for everybody; a file that
/// cannot be read is one that is not there.

/// Whether exactly these claims are enrolled in the network already.
bool enrolled_as(const std::filesystem::path& data_dir, const NetworkId& network,
                 const wire::Enrolment& claim);
/// Greater than the last one used, at least `at_least`.
std::uint64_t next_sequence(const std::filesystem::path& data_dir, std::uint64_t at_least);
void save_enrolment(const std::filesystem::path& data_dir, const NetworkId& network,
                    const wire::Enrolment& claim);

/// The uids of all devices enrolled from this folder, retired ones too; at most 256.
std::set<std::string> enrolled_uids(const std::filesystem::path& data_dir);

/// The next start enrols again, whatever it claims: the verifier may know otherwise. Keeps the
/// sequence.
void forget_enrolment(const std::filesystem::path& data_dir);

}  // namespace vigil::node
