# cmake -DSQL=a.sql;b.sql -DOUT=x.cpp -P embed.cmake: the schema steps as text inside the program.
set(entries "")
foreach(file IN LISTS SQL)
    get_filename_component(name ${file} NAME)
    string(REGEX MATCH "^[0-9]+" digits ${name})
    math(EXPR version "1${digits} - 1000")
    file(READ ${file} text)
    string(APPEND entries "    {${version}, \"${name}\", R\"SQL(${text})SQL\"},\n")
endforeach()
file(WRITE ${OUT} "#include \"verifier/store/schema.hpp\"

namespace vigil::verifier {
namespace {
constexpr SchemaStep steps[] = {
${entries}};
}  // namespace
std::span<const SchemaStep> schema_steps() { return steps; }
}  // namespace vigil::verifier
")
