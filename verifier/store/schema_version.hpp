#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace vigil::verifier {

/// The schema this program writes and reads.
std::int64_t newest_schema();
/// Throws StoreTooNew when the store has a schema that this program does not know.
void refuse_newer(const std::string& store, std::int64_t found);
/// Throws StoreTooNew or, for an older schema, StoreFailed.
void require_current(const std::string& store, std::int64_t found);

enum class Engine : std::uint8_t { sqlite, postgres };
/// A step's text with what is meant for this engine only, in /*sqlite … */ or /*postgres … */,
/// switched on.
std::string text_for(Engine engine, std::string_view sql);

}  // namespace vigil::verifier
