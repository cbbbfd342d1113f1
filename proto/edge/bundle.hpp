#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/base/instant.hpp"
#include "proto/edge/settings.hpp"

namespace vigil::edge {

/// What a person sends to whoever helps: a tar file without secrets.
struct BundledFile {
    std::string name;
    std::string content;
};

/// Every setting with its source, as its holder may show it: of programs with arguments the program
/// only, of URLs scheme and host only.
std::string settings_without_secrets(const Settings& settings);

/// What a secret file holds, to be searched for: its lines of 8 bytes or more, and the same without
/// the blanks around it. A file that cannot be read gives nothing.
std::vector<std::string> secrets_in(const std::filesystem::path& file);
/// Each secret that stands in the text is replaced by "[a secret was here]".
std::string without_secrets(std::string text, const std::vector<std::string>& secrets);

/// A POSIX tar (ustar) of these files in a folder of the archive's name, then written with mode
/// 0600; never over a file that exists. Each file is searched for `secrets` first. Throws Fatal
/// E-KEYEXISTS, E-FILE.
void write_bundle(const std::filesystem::path& archive, std::vector<BundledFile> files,
                  const std::vector<std::string>& secrets, Instant now);
/// "vigil-node-bundle-20240131T120000Z.tar"
std::string bundle_name(const std::string& program, Instant now);
/// "  status.json  2,417 bytes" a line, for the person to see what is inside.
std::string contents_of(const std::vector<BundledFile>& files);

}  // namespace vigil::edge
