#pragma once

#include <memory>
#include <string>

#include "core/work/searcher.hpp"

namespace vigil::node {

struct CpuSearcherOptions {
    unsigned threads{};      ///< 0 = every processor
    std::string path;        ///< a name of cpu_paths(); empty = the fastest this processor supports
    std::string machine_id;  ///< makes the uid "cpu:<machine_id>" (protocol 1.8)
};

/// What make_cpu_searcher's searcher will say of itself. Throws as it does.
DeviceDescription describe_cpu(const CpuSearcherOptions& options);

/// A searcher on this machine's processors. Its threads are started here and sleep between
/// searches. Throws std::invalid_argument for a path that is unknown or that this processor lacks.
std::unique_ptr<Searcher> make_cpu_searcher(const CpuSearcherOptions& options);

}  // namespace vigil::node
