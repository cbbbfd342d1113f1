#pragma once

#include <string>
#include <vector>

namespace vigil::node {

/// Which settings a command's help shows; all are taken everywhere.
struct Command {
    const char* name;
    const char* what;
    const char* examples;
    std::vector<std::string> settings;  ///< prefixes of keys; "" = all
};

/// In the order of --help.
const std::vector<Command>& command_list();

}  // namespace vigil::node
