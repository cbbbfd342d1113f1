# cmake -DFILES=a.css;b.js -DHEADER=node/assets.hpp -DNAMESPACE=vigil::node -DOUT=x.cpp -P embed.cmake: the files that pages refer to, inside the program.
set(type_.css "text/css; charset=utf-8")
set(type_.js "text/javascript; charset=utf-8")
set(type_.svg "image/svg+xml")
set(type_.LICENSE "text/plain; charset=utf-8")
set(entries "")
foreach(file IN LISTS FILES)
    get_filename_component(name ${file} NAME)
    get_filename_component(extension ${file} LAST_EXT)
    file(READ ${file} text)
    string(MD5 version "${text}")
    string(SUBSTRING ${version} 0 12 version)
    string(APPEND entries "    {\"${name}\", \"${type_${extension}}\", \"${version}\", R\"ASSET(${text})ASSET\"},\n")
endforeach()
file(WRITE ${OUT} "#include \"${HEADER}\"

#include \"core/base/require.hpp\"

namespace ${NAMESPACE} {
namespace {
constexpr Asset all[] = {
${entries}};
}  // namespace

std::span<const Asset> assets() { return all; }

std::string asset_address(std::string_view name) {
    std::string out = \"/assets/\";
    for (const Asset& asset : all)
        if (asset.name == name) return out.append(name).append(\"?v=\").append(asset.version);
    require(false, \"a page names an asset that exists\");
    return out;
}

}  // namespace ${NAMESPACE}
")
