#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proto/edge/files.hpp"

namespace vigil::node {

/// What `doctor` has to say about one thing.
struct Finding {
    enum class Level : std::uint8_t { ok, warn, fail } level{};
    std::string area;  ///< "config", "key", "driver", "gpu", …: a word
    std::string what;  ///< with the numbers compared
    std::string fix;   ///< what to do, as exactly as can be said; empty where nothing is wrong
    std::string code;  ///< of docs/troubleshooting.md, where it has one
};
std::string_view to_string(Finding::Level level);

Finding ok(std::string area, std::string what);
Finding warn(std::string area, std::string what, std::string fix, std::string code = {});
Finding fail(std::string area, std::string what, std::string fix, std::string code = {});
/// Its sentence; the fix is what it says to do, taken from its end.
Finding fail(std::string area, const edge::Fatal& fatal);

struct FindingStyle {
    bool colour = false;
    std::size_t width = 0;  ///< columns to fold at; 0: one line a finding
};
/// LF-ended.
std::string finding_text(const Finding& finding, const FindingStyle& style);

/// Whether a check would be passed now; absent when no verifier was asked.
std::string summary(const std::vector<Finding>& all, std::optional<bool> would_pass);
/// {"would_pass": true|false|null, "findings": [{"level","area","what","fix","code"}]}; an empty
/// fix or code is null.
std::string findings_json(const std::vector<Finding>& all, std::optional<bool> would_pass);

bool any_fail(const std::vector<Finding>& all);

}  // namespace vigil::node
