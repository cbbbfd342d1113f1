#pragma once

#include <functional>
#include <memory>

#include "tests/simulation/world.hpp"
#include "tests/store/samples.hpp"
#include "verifier/founding.hpp"

namespace vigil::verifier::simulation {

inline std::unique_ptr<Store> founded_store() {
    auto store = open_sqlite_store(":memory:");
    found_network(*store, {.network_name = "roster", .policy = small_policy()}, samples::at(0));
    return store;
}

/// A store in whose place another can be put, as a restore or a failover does, and whose reads can
/// be followed by something before they return.
class ChangingStore final : public Store {
public:
    void write(const std::function<void(Transaction&)>& work) override { now->write(work); }
    void read(const std::function<void(Reader&)>& work) override {
        ++reads;
        now->read(work);
        if (after_read) after_read();
    }
    void await_writers() override { now->await_writers(); }
    bool writes_across_buckets() const override { return now->writes_across_buckets(); }
    Health health() override { return now->health(); }

    std::unique_ptr<Store> now = founded_store();
    std::function<void()> after_read;
    int reads = 0;
};

}  // namespace vigil::verifier::simulation
