#include "node/doctor.hpp"
#include "tests/node/link_test.hpp"

namespace vigil::node {
namespace {

using testing::Field;
using Level = Finding::Level;

/// The way to several verifiers, as doctor tells it.
struct DoctorWays : LinkTest {
    std::vector<Finding> told;

    void look(const std::string& addresses) {
        Config config;
        config.verifier_address = addresses;
        config.verifier_ca = (folder.path() / "cert.pem").string();
        config.data_dir = (folder.path() / "none").string();
        told.clear();
        look_at_way(config, {std::nullopt, false, now}, {},
                    [this](Finding finding) { told.push_back(std::move(finding)); });
    }
    /// Of one area and verifier.
    const Finding& the(const std::string& area, const std::string& address = "") {
        for (const Finding& finding : told)
            if (finding.area == area && finding.what.starts_with(address)) return finding;
        ADD_FAILURE() << "no finding of " << area << " " << address;
        return told.at(0);
    }
    std::size_t count(const std::string& area) const {
        return static_cast<std::size_t>(std::count_if(
            told.begin(), told.end(), [&](const Finding& one) { return one.area == area; }));
    }
};

TEST_F(DoctorWays, EachVerifierIsLookedAt) {
    const ScriptedVerifier one{script, folder.path()}, other{script, folder.path()};
    look(one.address() + "," + other.address());
    EXPECT_FALSE(any_fail(told));
    for (const char* area : {"dns", "tcp", "grpc", "version", "clock"}) EXPECT_EQ(count(area), 2U);
    EXPECT_EQ(the("grpc", one.address() + ": ").level, Level::ok);
    EXPECT_EQ(the("grpc", other.address() + ": ").level, Level::ok);
    EXPECT_EQ(count("deadline"), 1U) << "it is the network's";
}

TEST_F(DoctorWays, OneThatIsDownIsAWarningWhileAnotherServes) {
    const ScriptedVerifier one{script, folder.path()};
    ScriptedVerifier gone{script, folder.path()};
    gone.stop();
    look(gone.address() + "," + one.address());
    EXPECT_FALSE(any_fail(told));
    EXPECT_THAT(the("tcp", gone.address()),
                AllOf(Field(&Finding::level, Level::warn), Field(&Finding::code, "E-UNREACHABLE")));
    EXPECT_EQ(the("grpc", one.address()).level, Level::ok);
    EXPECT_EQ(count("deadline"), 1U);
}

TEST_F(DoctorWays, NoneThatServesIsAFailureOfEach) {
    ScriptedVerifier one{script, folder.path()}, other{script, folder.path()};
    one.stop();
    other.stop();
    look(one.address() + "," + other.address());
    EXPECT_EQ(the("tcp", one.address()).level, Level::fail);
    EXPECT_EQ(the("tcp", other.address()).level, Level::fail);
    EXPECT_EQ(count("deadline"), 0U);
}

TEST_F(DoctorWays, OneOfAnotherNetworkIsAFailure) {
    Script foreign;
    foreign.network = script.network;
    foreign.network.name = "elsewhere";
    foreign.network.id = network_id("elsewhere");
    const ScriptedVerifier one{script, folder.path()}, other{foreign, folder.path()};
    look(one.address() + "," + other.address());
    EXPECT_THAT(the("network", other.address()),
                AllOf(Field(&Finding::level, Level::fail), Field(&Finding::code, "E-NETWORK"),
                      Field(&Finding::what, HasSubstr("elsewhere"))));
}

}  // namespace
}  // namespace vigil::node
