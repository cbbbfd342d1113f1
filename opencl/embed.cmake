# Makes the kernel's source a string of the program: IN is read, OUT is written.
file(READ ${IN} source)
file(WRITE ${OUT} "#include \"opencl/keccak_search_source.hpp\"

namespace vigil::opencl {

const char* const keccak_search_source = R\"opencl(${source})opencl\";

}  // namespace vigil::opencl
")
