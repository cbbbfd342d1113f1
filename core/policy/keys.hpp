#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/policy/policy.hpp"

namespace vigil {

/// One whole-number key of a policy file: where it lives in a Policy, and which values it may take.
struct NumberKey {
    std::string_view name;
    std::int64_t least{};
    std::int64_t most{};
    bool optional{};
    void (*write)(Policy&, std::int64_t){};
    std::optional<std::int64_t> (*read)(const Policy&){};  ///< nullopt: the optional key is absent
};

/// Every whole-number key. The others are `name`, `multiplier_ppm` and `slash_tiers`.
std::span<const NumberKey> number_keys();

/// The known key that differs least from `unknown` (edit distance); empty when none is near.
std::string_view nearest_key(std::string_view unknown);

}  // namespace vigil
