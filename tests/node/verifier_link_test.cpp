#include <fstream>

#include "node/retired_devices.hpp"
#include "tests/node/link_test.hpp"

namespace vigil::node {
namespace {

TEST_F(LinkTest, EnrolsOpensAndHearsEverything) {
    ScriptedVerifier verifier{script, folder.path() / "tls"};
    script.open_checks = {check_of({.ref = 3})};
    const auto link = start(options(verifier));
    ASSERT_TRUE(eventually([&] { return heard.connected == 1; }));
    ASSERT_TRUE(eventually([&] { return heard.count(heard.checks) == 1; }));
    EXPECT_EQ(heard.at(heard.checks, 0), script.open_checks[0]);
    ASSERT_EQ(script.enrolments.size(), 1u);
    EXPECT_EQ(script.enrolments[0].devices[0].uid, "cpu:1");
    EXPECT_EQ(script.enrolments[0].key, identity.key.public_key());

    const OpenCheck pushed = check_of({.kind = CheckKind::spot, .ref = 4, .device = DeviceId{{1}}});
    verifier.tell(pushed);
    ASSERT_TRUE(eventually([&] { return heard.count(heard.checks) == 2; }));
    EXPECT_EQ(heard.at(heard.checks, 1), pushed);
    verifier.judge({DeviceId{{1}}, CheckKind::spot, 4, Verdict::passed, 10, 9, "fine"});
    ASSERT_TRUE(eventually([&] { return heard.count(heard.judged) == 1; }));
    EXPECT_EQ(heard.at(heard.judged, 0).reason, "fine");

    const SignedAnswer sent = answer();
    ASSERT_TRUE(link->send(sent));
    ASSERT_TRUE(eventually([&] { return heard.count(heard.receipts) == 1; }));
    EXPECT_EQ(heard.at(heard.receipts, 0).answer, sent.id);
    ASSERT_TRUE(eventually([&] { return heard.count(heard.judged) == 2; }));
    EXPECT_EQ(heard.at(heard.judged, 1).device, sent.answer.proofs[0].device);
    EXPECT_EQ(heard.at(heard.judged, 1).reason, "with its receipt");
    EXPECT_EQ(script.streamed[0].answer, sent.answer);
    EXPECT_EQ(script.bad_signatures, 0);
    EXPECT_TRUE(eventually([&] { return heard.pings > 0; }));
    EXPECT_EQ(pinned_network(folder.path()), script.network.id);
}

TEST_F(LinkTest, EnrolsAgainOnlyWhenSomethingChanged) {
    ScriptedVerifier verifier{script, folder.path() / "tls"};
    const auto once = [&](const std::string& name) {
        const int before = heard.connected;
        VerifierLink link{options(verifier), who(name), now, heard.events()};
        link.start();
        EXPECT_TRUE(eventually([&] { return heard.connected > before; }));
    };
    once("box");
    once("box");
    EXPECT_EQ(script.enrolments.size(), 1u);
    once("box renamed");
    ASSERT_EQ(script.enrolments.size(), 2u);
    EXPECT_GT(script.enrolments[1].sequence, script.enrolments[0].sequence);
}

TEST_F(LinkTest, AVerifierThatForgotTheNodeGetsANewEnrolment) {
    ScriptedVerifier verifier{script, folder.path() / "tls"};
    {
        const auto link = start(options(verifier));
        ASSERT_TRUE(eventually([&] { return heard.connected == 1; }));
    }
    script.enrolled = false;
    const auto link = start(options(verifier));
    EXPECT_TRUE(eventually([&] { return heard.connected == 2; }));
    EXPECT_EQ(script.enrolments.size(), 2u);
}

TEST_F(LinkTest, AStaleSequenceFallsBackOnTheVerifiersClock) {
    ScriptedVerifier verifier{script, folder.path() / "tls"};
    script.clock_ahead_ms = 3'600'000;
    script.enrol_refusals = {wire::RefusalReason::stale_enrolment};
    const auto link = start(options(verifier));
    ASSERT_TRUE(eventually([&] { return heard.connected == 1; }));
    ASSERT_EQ(script.enrolments.size(), 2u);
    EXPECT_GE(script.enrolments[1].sequence, script.enrolments[0].sequence + 3'000'000);
}

TEST_F(LinkTest, ARefusedPayoutAddressIsTheEnd) {
    ScriptedVerifier verifier{script, folder.path() / "tls"};
    script.enrol_refusals = {wire::RefusalReason::bad_payout_address};
    const auto link = start(options(verifier));
    ASSERT_TRUE(eventually([&] { return heard.ended(); }));
    EXPECT_EQ(heard.fatal->code, "E-PAYOUT");
    EXPECT_EQ(heard.fatal->exit_code, edge::exit_refused);
}

TEST_F(LinkTest, AVersionTooOldIsTheEnd) {
    ScriptedVerifier verifier{script, folder.path() / "tls"};
    script.enrol_refusals = {wire::RefusalReason::version_too_old};
    const auto link = start(options(verifier));
    ASSERT_TRUE(eventually([&] { return heard.ended(); }));
    EXPECT_EQ(heard.fatal->code, "E-VERSION");
}

TEST_F(LinkTest, AnotherNetworkIsRefused) {
    ScriptedVerifier verifier{script, folder.path() / "tls"};
    pin_network(folder.path(), network_id("another"), "another", "x");
    const auto link = start(options(verifier));
    ASSERT_TRUE(eventually([&] { return heard.ended(); }));
    EXPECT_EQ(heard.fatal->code, "E-NETWORK");
    EXPECT_EQ(heard.connected, 0);
}

TEST_F(LinkTest, HonoursReconnectAfter) {
    ScriptedVerifier verifier{script, folder.path() / "tls"};
    script.reconnect_after_ms = 350;
    const auto link = start(options(verifier));
    ASSERT_TRUE(eventually([&] { return heard.connected == 1; }));
    const auto begun = steady_clock::now();
    ASSERT_TRUE(eventually([&] { return heard.connected == 2; }));
    EXPECT_GE(steady_clock::now() - begun, Milliseconds{250});
}

TEST_F(LinkTest, ASilentSessionIsGivenUp) {
    ScriptedVerifier verifier{script, folder.path() / "tls"};
    script.silent = true;
    const auto link = start(options(verifier));
    EXPECT_TRUE(eventually([&] { return heard.connected >= 2; }, Milliseconds{8000}));
}

TEST_F(LinkTest, PollsWhenNoStreamCanBeHad) {
    ScriptedVerifier verifier{script, folder.path() / "tls"};
    script.sessions_work = false;
    script.open_checks = {check_of({.ref = 3})};
    const auto link = start(options(verifier));
    ASSERT_TRUE(eventually([&] { return heard.count(heard.checks) >= 1; }));
    EXPECT_GE(heard.polling, 1);
    const SignedAnswer sent = answer();
    EXPECT_FALSE(link->send(sent));
    const auto outcomes = link->call(std::vector{sent});
    ASSERT_TRUE(outcomes) << outcomes.error();
    ASSERT_EQ(outcomes->size(), 1u);
    EXPECT_EQ(std::get<Receipt>((*outcomes)[0]).answer, sent.id);
    ASSERT_EQ(heard.count(heard.judged), 1U) << "who polls is told of verdicts, too";
    EXPECT_EQ(heard.at(heard.judged, 0).reason, "with its receipt");
    script.sessions_work = true;
    EXPECT_TRUE(eventually([&] { return script.sessions_opened >= 1; }))
        << "the stream is tried again";
}

TEST_F(LinkTest, PollModeHoldsNoStream) {
    ScriptedVerifier verifier{script, folder.path() / "tls"};
    LinkOptions with = options(verifier);
    with.poll = true;
    const auto link = start(with);
    EXPECT_TRUE(eventually([&] { return script.polls >= 2; }));
    EXPECT_EQ(script.sessions_opened, 0);
}

TEST_F(LinkTest, AClockAnHourOffIsOnlyReported) {
    ScriptedVerifier verifier{script, folder.path() / "tls"};
    script.clock_ahead_ms = 3'600'000;
    const auto link = start(options(verifier));
    ASSERT_TRUE(eventually([&] { return heard.pings > 0; }));
    const std::lock_guard lock{heard.mutex};
    EXPECT_NEAR(static_cast<double>(heard.offset.count()), -3'600'000.0, 1000.0);
    EXPECT_FALSE(heard.fatal);
}

TEST_F(LinkTest, StopsPromptlyWhileNobodyIsThere) {
    LinkOptions with;
    with.address = "127.0.0.1:1";
    with.fingerprint = std::string(64, 'a');
    const auto link = start(with);
    ASSERT_TRUE(eventually([&] { return heard.has_trouble("E-UNREACHABLE"); }));
    const auto begun = steady_clock::now();
    link->stop();
    EXPECT_LT(steady_clock::now() - begun, Milliseconds{1000});
}

TEST_F(LinkTest, RetiresADevice) {
    ScriptedVerifier verifier{script, folder.path() / "tls"};
    {
        const auto link = start(options(verifier));
        ASSERT_TRUE(eventually([&] { return heard.connected == 1; }));
    }
    const Retirement retired = retire_device(options(verifier), who(), DeviceId{{1}}, 5);
    EXPECT_EQ(retired.day, 20'002);
    EXPECT_EQ(retired.from, instant_from_ms(20'002LL * 120'000)) << "the demo's day has 120 s";
    LinkOptions with = options(verifier);
    with.others = {std::exchange(with.address, "127.0.0.1:1")};
    EXPECT_EQ(retire_device(with, who(), DeviceId{{1}}, 5).day, 20'002)
        << "the second can be reached";
}

TEST_F(LinkTest, ARetiredDeviceIsNotEnrolledAgain) {
    ScriptedVerifier verifier{script, folder.path() / "tls"};
    note_retired(folder.path(), device_id(identity.key.public_key(), "cpu:1"), "cpu:1");
    LinkIdentity two = who();
    two.claim.devices.push_back({"cpu:2", Backend::cpu, "CPU", "none", 0});
    VerifierLink link{options(verifier), two, now, heard.events()};
    link.start();
    ASSERT_TRUE(eventually([&] { return heard.connected == 1; }));
    ASSERT_EQ(script.enrolments.size(), 1u);
    ASSERT_EQ(script.enrolments[0].devices.size(), 1u);
    EXPECT_EQ(script.enrolments[0].devices[0].uid, "cpu:2");
}

TEST_F(LinkTest, OneShotCommandsSayUnreachable) {
    LinkOptions with;
    with.address = "127.0.0.1:1";
    with.fingerprint = std::string(64, 'a');
    try {
        ask_network(with);
        FAIL() << "nobody is there";
    } catch (const edge::Fatal& fatal) {
        EXPECT_EQ(fatal.code, "E-UNREACHABLE");
        EXPECT_EQ(fatal.exit_code, edge::exit_unreachable);
        EXPECT_THAT(fatal.what(), HasSubstr("127.0.0.1:1"));
    }
}

}  // namespace
}  // namespace vigil::node
