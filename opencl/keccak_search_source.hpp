#pragma once

namespace vigil::opencl {

/// The text of keccak_search.cl.
extern const char* const keccak_search_source;

}  // namespace vigil::opencl
