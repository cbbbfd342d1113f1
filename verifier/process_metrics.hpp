#pragma once

#include <memory>

namespace prometheus {
class Registry;
}

namespace vigil::verifier {

/// What the operating system says of this process, under the names every Prometheus client uses
/// (process_*). Any thread.
class ProcessMetrics {
public:
    explicit ProcessMetrics(prometheus::Registry& registry);
    ~ProcessMetrics();

    void read();  ///< before each scrape

private:
    struct Values;
    std::unique_ptr<Values> values_;
};

}  // namespace vigil::verifier
