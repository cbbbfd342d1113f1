#include "verifier/premises.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "core/policy/policy.hpp"
#include "proto/edge/files.hpp"
#include "verifier/founding.hpp"
#include "verifier/store/store.hpp"

namespace vigil::verifier {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

class StoreOfANetwork : public testing::Test {
protected:
    StoreOfANetwork() {
        std::string name = (fs::temp_directory_path() / "vigil-premises-XXXXXX").string();
        EXPECT_NE(::mkdtemp(name.data()), nullptr);
        options.data_dir = name;
    }
    ~StoreOfANetwork() override { fs::remove_all(options.data_dir); }

    void found(const fs::path& file) {
        const auto store = open_sqlite_store(file.string());
        EXPECT_TRUE(found_network(*store, {.network_name = "test", .policy = *preset("demo")},
                                  instant_from_ms(1'700'000'000'000)));
    }
    std::string refusal() try {
        open_store(options);
        return {};
    } catch (const edge::Fatal& fatal) {
        return fatal.what();
    }
    VerifierOptions options;
};

TEST_F(StoreOfANetwork, AnEmptyStoreDoesNotTakeThePlaceOfANetworksFile) {
    found(options.data_dir / "vigil.db");
    EXPECT_EQ(refusal(), "");
    options.store = "sqlite:" + (options.data_dir / "vigil.db").string();
    EXPECT_EQ(refusal(), "") << "the same file by another name";
    options.store = "sqlite:" + (options.data_dir / "other.db").string();
    EXPECT_THAT(refusal(),
                AllOf(HasSubstr("E-STORE"), HasSubstr("vigil.db"), HasSubstr("migrate")));
    found(options.data_dir / "other.db");
    EXPECT_EQ(refusal(), "") << "what a migration has filled";
}

}  // namespace
}  // namespace vigil::verifier
