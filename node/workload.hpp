#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/expected.hpp"
#include "core/base/instant.hpp"
#include "node/terms.hpp"
#include "proto/edge/http_client.hpp"

namespace vigil::node {

/// The job engine, or whatever else must run beside the node (experience 1): how it is looked at
/// and what follows when it fails. Rules only: WorkloadWatch keeps them.

/// ">=1.4.0, <2": every part must hold.
class VersionConstraint {
public:
    using Version = std::array<unsigned, 4>;
    /// At most 8 parts, each one of =, !=, <, <=, >, >= and a version.
    static Expected<VersionConstraint, std::string> from_text(std::string_view text);
    bool allows(const Version& version) const;

private:
    enum class Compare : std::uint8_t { equal, other, less, at_most, greater, at_least };
    std::vector<std::pair<Compare, Version>> parts_;
};
/// The first thing that looks like a version of two numbers or more: "Client: v1.5.1-rc2" gives
/// "1.5.1". Empty: none.
std::string version_in(std::string_view text);

enum class OnFailure : std::uint8_t { report, pause };

/// As an owner writes it; times in seconds.
struct WorkloadSettings {
    std::string http{}, tcp{};
    std::vector<std::string> exec{};
    std::string version{};
    std::int64_t interval = 30, timeout = 5, failures = 3;
    std::string on_failure = "report";
};

/// One way to look at it; exactly one of url, port and program is set.
struct Workload {
    std::string name;
    std::optional<edge::Url> url;
    std::string host;  ///< with port
    std::uint16_t port = 0;
    std::vector<std::string> program;
    std::optional<VersionConstraint> version;
    std::string version_text;  ///< as the owner wrote it
    Milliseconds interval{}, timeout{};
    unsigned failures = 3;  ///< in a row, before it counts as failing
    OnFailure on_failure = OnFailure::report;
};
constexpr std::size_t most_workloads = 16;

/// The error names the key and says what is wrong with it.
Expected<Workload, std::string> workload_of(const std::string& name, const WorkloadSettings& asked);
/// "http 127.0.0.1:1234", "tcp …", "exec bacalhau": without paths, which may hold secrets.
std::string way_words(const Workload& workload);

/// How it does, as far as it was looked at. One good look ends a failure.
struct WorkloadState {
    enum class Is : std::uint8_t { unknown, good, failing } is = Is::unknown;
    unsigned failures_in_row = 0;
    std::string why;  ///< of the last look, when it was a bad one
    Instant since;    ///< when `is` began
    bool operator==(const WorkloadState&) const = default;
};
std::string_view to_string(WorkloadState::Is is);
/// `trouble` empty: the look was good.
WorkloadState step(WorkloadState state, unsigned failures, const std::string& trouble, Instant now);

/// Looks once, within the workload's timeout and a bit more where a name must be resolved. Empty:
/// all is well; else what is wrong, in a sentence. For one thread at a time.
using WorkloadLook = std::function<std::string(const std::function<bool()>& abandon)>;
WorkloadLook look_of(const Workload& workload);

}  // namespace vigil::node
