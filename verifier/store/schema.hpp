#pragma once

#include <span>
#include <string_view>

namespace vigil::verifier {

/// One file of verifier/store/schema, embedded at build time: brings a store from `version` − 1 to
/// `version`. Steps that have been released are never edited; a change is a new step.
struct SchemaStep {
    int version{};
    std::string_view file;
    std::string_view sql;
};

/// All steps, ascending from version 1 without gaps.
std::span<const SchemaStep> schema_steps();

}  // namespace vigil::verifier
