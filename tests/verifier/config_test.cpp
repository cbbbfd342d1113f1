#include "verifier/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/edge/files.hpp"

namespace vigil::verifier {
namespace {

using testing::AllOf;
using testing::HasSubstr;

/// The verifier's configuration with some flags given.
struct Given {
    explicit Given(const std::map<std::string, std::string>& flags) {
        config.data_dir = "/nowhere";
        declare(settings, config);
        for (const auto& [key, text] : flags) settings.set_flag(key, text);
        settings.load({}, [](const char*) { return nullptr; }, {});
    }
    Config config;
    edge::Settings settings;
};

/// What is wrong with it; empty: nothing.
std::string fault(const std::map<std::string, std::string>& flags) try {
    const Given given{flags};
    check(given.config, given.settings);
    return {};
} catch (const edge::Fatal& fatal) {
    EXPECT_EQ(fatal.code, "E-CONFIG");
    EXPECT_EQ(fatal.exit_code, edge::exit_configuration);
    return fatal.what();
}

TEST(VerifierConfig, TakesItsDefaults) { EXPECT_EQ(fault({}), ""); }

// They were constants, below what docs/scale.md plans with.
TEST(VerifierConfig, SaysHowManyNodesAreTaken) {
    const VerifierOptions usual = options_from(Given{{}}.config, {});
    EXPECT_GE(usual.max_sessions, 25'000U) << "the plan's one machine";
    EXPECT_GE(usual.max_nodes, 250'000U);
    const Given large{{{"max_sessions", "45000"}, {"max_nodes", "3000000"}}};
    EXPECT_EQ(options_from(large.config, {}).max_sessions, 45'000U);
    EXPECT_EQ(options_from(large.config, {}).max_nodes, 3'000'000U);
    EXPECT_THAT(fault({{"max_sessions", "0"}}), HasSubstr("max_sessions"));
    EXPECT_THAT(fault({{"max_nodes", "0"}}), HasSubstr("max_nodes"));
}

TEST(VerifierConfig, AMinimumNodeVersionIsAVersion) {
    for (const char* version : {"", "1", "0.1", "0.1.0", "1.2.3.4", "1.2.3-rc1", "1.2+abc"})
        EXPECT_EQ(fault({{"minimum_node_version", version}}), "") << version;
    for (const char* version : {"v1.2", "latest", "1..2", "1.2.", "1.2.3.4.5", "-",
                                "1.2.3-a-very-long-word-after-it-all"})
        EXPECT_THAT(fault({{"minimum_node_version", version}}),
                    AllOf(HasSubstr("minimum_node_version = \"" + std::string{version} + "\""),
                          HasSubstr("flag --minimum-node-version"), HasSubstr("such as 0.1.0")))
            << version;
}

TEST(VerifierConfig, ARecommendedNodeVersionIsAVersionFromTheMinimumOn) {
    const auto recommend = [](const char* minimum, const char* recommended, const char* by) {
        return fault({{"minimum_node_version", minimum},
                      {"recommended_node_version", recommended},
                      {"recommended_by", by}});
    };
    EXPECT_EQ(recommend("", "0.2.0", ""), "");
    EXPECT_EQ(recommend("0.9", "0.10", "2028-02-29"), "") << "compared as numbers";
    EXPECT_EQ(recommend("0.2", "0.2.0", "2026-12-01"), "");
    EXPECT_THAT(
        recommend("", "latest", ""),
        AllOf(HasSubstr("recommended_node_version = \"latest\""), HasSubstr("such as 0.1.0")));
    EXPECT_THAT(recommend("0.10", "0.9", ""),
                AllOf(HasSubstr("recommended_node_version = \"0.9\""),
                      HasSubstr("older than minimum_node_version, which is 0.10")));
    EXPECT_THAT(recommend("", "", "2026-12-01"),
                AllOf(HasSubstr("recommended_by = \"2026-12-01\""),
                      HasSubstr("recommended_node_version is not set")));
    EXPECT_THAT(recommend("", "0.2", "December"),
                AllOf(HasSubstr("recommended_by = \"December\""), HasSubstr("such as 2026-12-01")));
}

TEST(VerifierConfig, AnHttpAddressIsAnIpAddress) {
    for (const char* address : {"127.0.0.1", "0.0.0.0", "::1", "::"})
        EXPECT_EQ(fault({{"http.address", address}}), "") << address;
    for (const char* address : {"", "localhost", "127.0.0", "127.0.0.1:9463"})
        EXPECT_THAT(fault({{"http.address", address}}),
                    AllOf(HasSubstr("http.address = \"" + std::string{address} + "\""),
                          HasSubstr("flag --http-address"), HasSubstr("127.0.0.1")))
            << address;
    const Given given{{{"http.address", "localhost"}}};
    EXPECT_THROW(check_http(given.config, given.settings), edge::Fatal) << "healthcheck asks this";
}

TEST(VerifierConfig, PagesWithoutALoginAnswerThisMachineOnly) {
    EXPECT_EQ(Config{}.http_address, "127.0.0.1");
    EXPECT_EQ(VerifierOptions{}.http_address, Config{}.http_address);
}

TEST(VerifierConfig, NodesAndPagesHavePortsOfTheirOwn) {
    for (const char* http : {"127.0.0.1", "0.0.0.0", "::"})
        EXPECT_THAT(fault({{"http.address", http}, {"http.port", "9464"}}),
                    AllOf(HasSubstr("9464"), HasSubstr("--http-port")))
            << http;
    EXPECT_EQ(fault({{"address", "127.0.0.2"}, {"http.port", "9464"}}), "");
}

TEST(VerifierConfig, TransactionsOfTheStoreAreWholeOrOfABucket) {
    for (const char* one : {"whole", "bucket"})
        EXPECT_EQ(fault({{"store_transactions", one}}), "") << one;
    EXPECT_THAT(fault({{"store_transactions", "some"}}),
                AllOf(HasSubstr("store_transactions = \"some\""), HasSubstr("whole, or bucket")));
}

TEST(VerifierConfig, AStoreIsAPathOrAPostgresWithoutAPassword) {
    for (const char* place : {"", "vigil.db", "/var/lib/vigil.db", "sqlite:vigil.db",
                              "postgresql://vigil@db1,db2/vigil", "postgres:///vigil?host=/run"})
        EXPECT_NO_THROW(check_store(place)) << place;
    for (const char* place :
         {"postgresql://vigil:s3cret@db/vigil", "postgresql://vigil@db/vigil?password=s3cret",
          "postgresql://vigil:s3cret@d b/vigil", "mysql://vigil:s3cret@db/vigil"}) {
        try {
            check_store(place);
            ADD_FAILURE() << place;
        } catch (const edge::Fatal& fatal) {
            EXPECT_EQ(fatal.code, "E-STORE");
            EXPECT_EQ(std::string{fatal.what()}.find("s3cret"), std::string::npos) << fatal.what();
        }
    }
}

}  // namespace
}  // namespace vigil::verifier
