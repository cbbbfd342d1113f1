#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "core/work/searcher.hpp"

namespace vigil {

/// One way to search that the conformance suite is run on.
struct Subject {
    std::string name;
    std::string missing;  ///< why it cannot run here; empty when it can
    std::function<std::unique_ptr<Searcher>()> make;

    friend std::ostream& operator<<(std::ostream& out, const Subject& subject) {
        return out << subject.name;
    }
};

/// Every searcher of this build on every device of this machine, and those that are missing.
const std::vector<Subject>& subjects();

}  // namespace vigil
