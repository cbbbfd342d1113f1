#pragma once

#include <filesystem>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <stdlib.h>
#include <string>

#include "tests/store/private_postgres.hpp"
#include "tests/store/samples.hpp"
#include "verifier/store/postgres_store.hpp"

namespace vigil::verifier {

/// A folder that goes away with the test.
class TemporaryFolder {
public:
    TemporaryFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "vigil-test-XXXXXX").string();
        if (!::mkdtemp(name.data())) throw std::runtime_error{"no temporary folder"};
        path_ = name;
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    ~TemporaryFolder() { std::filesystem::remove_all(path_); }
    std::string file(const std::string& name = "vigil.db") const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

/// An implementation of Store, and an empty store of it. What holds here holds for all of them.
struct Implementation {
    std::string name;
    std::function<std::unique_ptr<Store>(const TemporaryFolder&)> open;  ///< null: cannot run here
};

class StoreContract : public testing::TestWithParam<Implementation> {
protected:
    void SetUp() override {
        if (!store_) GTEST_SKIP() << "SKIPPED: PostgreSQL is not installed";
    }
    Store& store() { return *store_; }

private:
    TemporaryFolder folder_;
    std::unique_ptr<Store> store_ = GetParam().open(folder_);
};

inline std::unique_ptr<Store> on_postgres(PostgresSettings settings) {
    PrivatePostgres* server = PrivatePostgres::shared();
    if (!server) return nullptr;
    settings.uri = server->fresh_schema();
    return open_postgres_store(settings);
}

inline auto every_implementation() {
    return testing::Values(
        Implementation{"sqlite_file",
                       [](const TemporaryFolder& f) { return open_sqlite_store(f.file()); }},
        Implementation{"sqlite_memory",
                       [](const TemporaryFolder&) { return open_sqlite_store(":memory:"); }},
        Implementation{"postgres", [](const TemporaryFolder&) { return on_postgres({}); }},
        Implementation{"postgres_by_bucket", [](const TemporaryFolder&) {
                           return on_postgres({.uri = {}, .bucket_transactions = true});
                       }});
}
inline std::string implementation_name(const testing::TestParamInfo<Implementation>& info) {
    return info.param.name;
}

}  // namespace vigil::verifier
