#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/instant.hpp"
#include "node/config.hpp"
#include "node/doctor_judge.hpp"

/// `vigil-node doctor`: looks at everything a check needs, changes nothing, and says what to do.
namespace vigil::node {

struct DoctorAsked {
    bool json = false;
    std::vector<std::string> config_troubles;  ///< of settings that could not be read, in sentences
    std::function<Instant()> now;
    FindingStyle style;
};
/// 0 when nothing fails, else 1.
int run_doctor(Config config, const DoctorAsked& asked);

// Its parts. Each tells its findings as it has them.
using Tell = std::function<void(Finding)>;

/// Everything, in order; wrong settings are put back to their defaults. Where left_behind() is true
/// afterwards, the program must end without waiting.
std::vector<Finding> look_at_all(Config& config, const DoctorAsked& asked, const Tell& tell);
/// Nothing where no verifier is named.
std::optional<bool> would_pass(const Config& config, const std::vector<Finding>& all);

/// What is wrong with single settings; those are put back to their defaults, so that the rest can
/// be looked at.
void look_at_config(Config& config, const std::vector<std::string>& troubles, const Tell& tell);

/// Data folder and key; the node's id where there is a key that can be read.
std::optional<NodeId> look_at_key(const Config& config, const Tell& tell);

/// Driver, cards, OpenCL, and a second of hashing on each device.
std::vector<HashReading> look_at_devices(Config config, bool node_runs, const Tell& tell);

struct Asked {
    std::optional<NodeId> node;
    bool node_runs{};
    std::function<Instant()> now;
};
/// Each step of the way to the verifier, its clock and version, and whether the devices would pass.
void look_at_way(const Config& config, const Asked& asked, const std::vector<HashReading>& hashing,
                 const Tell& tell);

/// What must run beside the node.
void look_at_workloads(const Config& config, const Tell& tell);

/// True where a driver's call was left behind that never came back: the program must end without
/// waiting for it.
bool left_behind();
/// Runs `work` on a thread of its own; false or empty when it has not come back after `limit`, then
/// it goes on alone. Throws what it throws.
bool run_within(Milliseconds limit, std::function<void()> work);
template <class Value>
std::optional<Value> within(Milliseconds limit, std::function<Value()> work) {
    const auto value = std::make_shared<std::optional<Value>>();
    const bool came_back =
        run_within(limit, [value, work = std::move(work)] { value->emplace(work()); });
    return came_back ? std::move(*value) : std::nullopt;
}

}  // namespace vigil::node
