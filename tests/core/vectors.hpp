#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/base/micro.hpp"
#include "core/policy/policy.hpp"

namespace vigil::test {

using Json = nlohmann::json;

/// The file `name` of $VIGIL_VECTORS, or of tests/vectors. A missing file or one without cases
/// throws, which fails the test: no vector is passed over in silence.
Json load_vectors(const std::string& name);

/// Throws unless the object has exactly these fields, so that a field nobody compares is noticed.
void only_fields(const Json& object, std::initializer_list<const char*> fields);

/// A JSON number, or its decimal text.
std::uint64_t u64_of(const Json& value);
Micro micro_of(const Json& value);

template <class Fixed>
Fixed fixed_of(const Json& value) {
    return from_hex<Fixed>(value.get<std::string>()).value();
}

/// A policy file in JSON, flattened as policy_from_values takes it.
PolicyValues policy_values(const Json& object);
/// The policy of that name in policy.json.
Policy policy_named(const std::string& name);

}  // namespace vigil::test
