#pragma once

#include <cstdint>
#include <string>

#include "proto/edge/settings.hpp"

namespace vigil::verifier {

/// What the commands other than run and demo print on stdout. Each returns the exit code and throws
/// edge::Fatal.
enum class OutputFormat : std::uint8_t { table, json };

/// Every effective value with its source.
int print_config(const edge::Settings& settings, OutputFormat format);

/// `policy`: preset or file.
int lint_policy(const std::string& policy, OutputFormat format);
int show_policy(const std::string& policy, OutputFormat format);
int print_policy_hash(const std::string& policy);

/// Reads a store beside a verifier that may be running on it.
/// `store`: as open_store_at_for_reading() takes it.
int list_devices(const std::string& store, OutputFormat format);
/// `device`: its id, or a beginning of it that no other shares.
/// `day`: empty for that of the last closed window, or of the device's enrolment where that was
/// later; else the number or date of one of the network's, up to that of the window to be closed
/// next, or the usage is wrong.
int explain_day(const std::string& store, const std::string& device, const std::string& day,
                OutputFormat format);

struct WhatIfAsked {
    std::string device;     ///< as of explain_day
    std::string day;        ///< its number or date; empty for the one in progress
    std::string offline;    ///< "14:00-20:00"
    std::int64_t days = 1;  ///< it ends on the last of so many; at most most_days_away
};
/// What that downtime costs the device.
int print_what_if(const std::string& store, const WhatIfAsked& asked, OutputFormat format);

/// Copies a store into another (copy_store) and proves every settled day's state_hash from the
/// copy. `progress`: whether to show it on stderr.
int migrate_store(const std::string& from, const std::string& to, bool progress);

/// Asks a running verifier's /readyz: 0 ready, 1 not, 5 unreachable.
int check_health(const std::string& address, std::uint16_t port);

}  // namespace vigil::verifier
