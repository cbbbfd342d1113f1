#include "node/verifier_link.hpp"

#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/ids.hpp"
#include "node/identity.hpp"
#include "node/retired_devices.hpp"
#include "tests/node/scripted_verifier.hpp"
#include "tests/node/tcp_peer.hpp"
#include "tests/node/tiny_searcher.hpp"

namespace vigil::node {
namespace {

using std::chrono::steady_clock;
using test::check_of;
using test::eventually;
using test::Folder;
using test::Script;
using test::ScriptedVerifier;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// What a link tells, kept for the test.
struct Heard {
    std::mutex mutex;
    std::vector<OpenCheck> checks;
    std::vector<Receipt> receipts;
    std::vector<JudgedCheck> judged;
    std::vector<LinkTrouble> troubles;
    std::optional<edge::Fatal> fatal;
    Milliseconds offset{};
    std::atomic<int> connected{0};
    std::atomic<int> polling{0};
    std::atomic<int> pings{0};

    LinkEvents events() {
        const auto keep = [this](auto& list, const auto& value) {
            const std::lock_guard lock{mutex};
            list.push_back(value);
        };
        return {
            .connected =
                [this](const wire::Network&, SteadyTime, bool by_polling) {
                    ++connected;
                    polling += by_polling ? 1 : 0;
                },
            .disconnected = [this, keep](const LinkTrouble& trouble) { keep(troubles, trouble); },
            .check = [this, keep](const OpenCheck& check, SteadyTime) { keep(checks, check); },
            .receipt = [this, keep](const Receipt& receipt) { keep(receipts, receipt); },
            .refusal = [](const Refusal&) {},
            .judged = [this, keep](const JudgedCheck& j) { keep(judged, j); },
            .ping =
                [this](Milliseconds, Milliseconds clock_offset) {
                    const std::lock_guard lock{mutex};
                    offset = clock_offset;
                    ++pings;
                },
            .fatal =
                [this](const edge::Fatal& why) {
                    const std::lock_guard lock{mutex};
                    fatal.emplace(why);
                }};
    }
    template <class List>
    std::size_t count(const List& list) {
        const std::lock_guard lock{mutex};
        return list.size();
    }
    bool has_trouble(const std::string& code) {
        const std::lock_guard lock{mutex};
        return std::any_of(troubles.begin(), troubles.end(),
                           [&](const auto& t) { return t.code == code; });
    }
    bool ended() {
        const std::lock_guard lock{mutex};
        return fatal.has_value();
    }
};

Instant now() { return std::chrono::floor<Milliseconds>(std::chrono::system_clock::now()); }

struct LinkTest : ::testing::Test {
    Folder folder;
    Script script;
    Heard heard;
    Identity identity = load_identity(folder.path());

    LinkTest() {
        script.network.name = "test";
        script.network.id = network_id("test");
        script.network.policy_text = canonical_text(*preset("demo"));
        script.network.policy_hash = policy_hash(*preset("demo"));
        script.network.receipt_key = test::scripted_receipt_key.public_key();
        script.network.verifier_version = "0.1.0";
        script.network.minimum_node_version = "0.1.0";
    }

    LinkOptions options(const ScriptedVerifier& verifier) {
        LinkOptions options;
        options.address = verifier.address();
        options.ca_pem = verifier.tls().certificate_pem;
        options.ca_origin = "cert.pem";
        options.version = "0.1.0";
        options.first_pause = Milliseconds{50};
        options.longest_pause = Milliseconds{400};
        options.call_timeout = Milliseconds{3000};
        options.ping_every = Milliseconds{300};
        options.silence_limit = Milliseconds{1500};
        return options;
    }
    LinkIdentity who(const std::string& name = "box") {
        LinkIdentity who{identity.key, identity.id, folder.path(), {}};
        who.claim.payout.bytes.fill(7);
        who.claim.name = name;
        who.claim.version = "0.1.0";
        who.claim.devices.push_back({"cpu:1", Backend::cpu, "CPU", "none", 0});
        return who;
    }
    std::unique_ptr<VerifierLink> start(const LinkOptions& with) {
        auto link = std::make_unique<VerifierLink>(with, who(), now, heard.events());
        link->start();
        return link;
    }
    SignedAnswer answer() {
        const Answer made{{{DeviceId{{1}}, Challenge{{2}}, {1, 5, 9}, 1000}}};
        const ByteVector bytes = signed_bytes(script.network.id, made);
        return {CheckKind::spot, made, answer_id(bytes), identity.key.sign(bytes)};
    }
};

TEST_F(LinkTest, EnrolsOpensAndHearsEverything) {
    ScriptedVerifier verifier{script, folder.path() / "tls"};
    script.open_checks = {check_of({.ref = 3})};
    const auto link = start(options(verifier));
    ASSERT_TRUE(eventually([&] { return heard.connected == 1; }));
    ASSERT_TRUE(eventually([&] { return heard.count(heard.checks) == 1; }));
    EXPECT_EQ(heard.checks[0], script.open_checks[0]);
    ASSERT_EQ(script.enrolments.size(), 1u);
    EXPECT_EQ(script.enrolments[0].devices[0].uid, "cpu:1");
    EXPECT_EQ(script.enrolments[0].key, identity.key.public_key());

    const OpenCheck pushed = check_of({.kind = CheckKind::spot, .ref = 4, .device = DeviceId{{1}}});
    verifier.tell(pushed);
    ASSERT_TRUE(eventually([&] { return heard.count(heard.checks) == 2; }));
    EXPECT_EQ(heard.checks[1], pushed);
    verifier.judge({DeviceId{{1}}, CheckKind::spot, 4, Verdict::passed, 10, 9, "fine"});
    ASSERT_TRUE(eventually([&] { return heard.count(heard.judged) == 1; }));
    EXPECT_EQ(heard.judged[0].reason, "fine");

    const SignedAnswer sent = answer();
    ASSERT_TRUE(link->send(sent));
    ASSERT_TRUE(eventually([&] { return heard.count(heard.receipts) == 1; }));
    EXPECT_EQ(heard.receipts[0].answer, sent.id);
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

TEST_F(LinkTest, AWrongCertificateIsTheEndAndSaysWhatCame) {
    ScriptedVerifier verifier{script, folder.path() / "tls"};
    const auto other =
        edge::load_or_create_tls(folder.path() / "other.pem", folder.path() / "other.key", {});
    LinkOptions with = options(verifier);
    with.ca_pem = other.certificate_pem;
    with.ca_origin = "other.pem";
    const auto link = start(with);
    ASSERT_TRUE(eventually([&] { return heard.ended(); }));
    EXPECT_EQ(heard.fatal->code, "E-CERT");
    EXPECT_EQ(heard.fatal->exit_code, edge::exit_configuration);
    EXPECT_THAT(heard.fatal->what(), HasSubstr("other.pem"));
    EXPECT_THAT(heard.fatal->what(), HasSubstr(verifier.tls().fingerprint));
    EXPECT_THAT(heard.fatal->what(), HasSubstr("verifier.fingerprint"));
}

TEST_F(LinkTest, AWrongCertificateLaterIsOnlyReported) {
    ScriptedVerifier verifier{script, folder.path() / "tls"};
    pin_network(folder.path(), script.network.id, "test", "x");
    LinkOptions with = options(verifier);
    with.fingerprint = std::string(64, 'a');
    const auto link = start(with);
    ASSERT_TRUE(eventually([&] { return heard.has_trouble("E-CERT"); }));
    EXPECT_FALSE(heard.ended());
}

TEST_F(LinkTest, AnAddressThatHangsUpInTheHandshakeIsTriedAgain) {
    const test::TcpPeer peer{test::TcpPeer::Manner::hangs_up};
    LinkOptions with;
    with.address = peer.address();
    with.first_pause = Milliseconds{20};
    const auto link = start(with);
    ASSERT_TRUE(eventually([&] { return heard.count(heard.troubles) >= 2; }));
    EXPECT_FALSE(heard.ended());
    EXPECT_FALSE(heard.has_trouble("E-CERT"));
    EXPECT_THAT(heard.troubles[0].message, Not(HasSubstr("does not speak TLS")));
}

TEST_F(LinkTest, APortThatSpeaksHttpIsNamedAndTriedAgain) {
    const test::TcpPeer peer{test::TcpPeer::Manner::speaks_http};
    LinkOptions with;
    with.address = peer.address();
    with.first_pause = Milliseconds{20};
    const auto link = start(with);
    ASSERT_TRUE(eventually([&] { return heard.count(heard.troubles) >= 1; }));
    EXPECT_FALSE(heard.ended());
    EXPECT_THAT(heard.troubles[0].message, HasSubstr("does not speak TLS"));
}

TEST_F(LinkTest, ASwallowedCallTakesANewConnectionTheNextTime) {
    ScriptedVerifier verifier{script, folder.path() / "tls"};
    test::TcpPeer relay{test::TcpPeer::Manner::relays, verifier.port()};
    LinkOptions with = options(verifier);
    with.address = relay.address();
    with.call_timeout = Milliseconds{2000};
    with.silence_limit = Milliseconds{60'000};
    const auto link = start(with);
    ASSERT_TRUE(eventually([&] { return heard.connected == 1; }));
    relay.swallow();
    const SignedAnswer sent = answer();
    EXPECT_FALSE(link->call(std::vector{sent}));
    const auto outcomes = link->call(std::vector{sent});
    ASSERT_TRUE(outcomes) << outcomes.error();
    EXPECT_EQ(std::get<Receipt>((*outcomes)[0]).answer, sent.id);
    EXPECT_TRUE(eventually([&] { return heard.connected == 2; })) << "the session was given up";
}

TEST_F(LinkTest, AFolderThatCannotBeWrittenIsNotTheEnd) {
    ScriptedVerifier verifier{script, folder.path() / "tls"};
    script.reconnect_after_ms = 50;
    LinkIdentity who_am_i = who();
    who_am_i.data_dir = "/proc/none";
    VerifierLink link{options(verifier), who_am_i, now, heard.events()};
    link.start();
    EXPECT_TRUE(eventually([&] { return heard.connected >= 2; }));
    EXPECT_FALSE(heard.ended());
    EXPECT_EQ(script.enrolments.size(), 1u) << "once a run is enough";
}

TEST_F(LinkTest, APinnedCertificateIsEnough) {
    ScriptedVerifier verifier{script, folder.path() / "tls"};
    LinkOptions with = options(verifier);
    with.ca_pem.clear();
    with.fingerprint = verifier.tls().fingerprint;
    const auto link = start(with);
    EXPECT_TRUE(eventually([&] { return heard.connected == 1; }));
}

TEST_F(LinkTest, AWrongPinIsTheEnd) {
    ScriptedVerifier verifier{script, folder.path() / "tls"};
    LinkOptions with = options(verifier);
    with.fingerprint = std::string(64, 'a');
    const auto link = start(with);
    ASSERT_TRUE(eventually([&] { return heard.ended(); }));
    EXPECT_EQ(heard.fatal->code, "E-CERT");
    EXPECT_THAT(heard.fatal->what(), HasSubstr("aaaaaaaa"));
    EXPECT_THAT(heard.fatal->what(), HasSubstr(verifier.tls().fingerprint));
    EXPECT_EQ(heard.connected, 0);
}

TEST_F(LinkTest, UnreachableIsNotTheEnd) {
    int port = 0;
    {
        const ScriptedVerifier gone{script, folder.path() / "tls"};
        port = gone.port();
    }
    LinkOptions with;
    {
        const ScriptedVerifier same{script, folder.path() / "tls", port};
        with = options(same);
    }
    const auto link = start(with);
    ASSERT_TRUE(eventually([&] { return heard.has_trouble("E-UNREACHABLE"); }));
    EXPECT_FALSE(heard.ended());
    const ScriptedVerifier back{script, folder.path() / "tls", port};
    EXPECT_TRUE(eventually([&] { return heard.connected == 1; }));
}

TEST_F(LinkTest, ComesBackAfterTheVerifierRestarted) {
    auto verifier = std::make_unique<ScriptedVerifier>(script, folder.path() / "tls");
    const int port = verifier->port();
    const auto link = start(options(*verifier));
    ASSERT_TRUE(eventually([&] { return heard.connected == 1; }));
    verifier.reset();
    ASSERT_TRUE(eventually([&] { return heard.has_trouble("E-UNREACHABLE"); }));
    EXPECT_FALSE(link->send(answer()));
    verifier = std::make_unique<ScriptedVerifier>(script, folder.path() / "tls", port);
    EXPECT_TRUE(eventually([&] { return heard.connected == 2; }));
    EXPECT_EQ(script.enrolments.size(), 1u);
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
    EXPECT_EQ(retire_device(options(verifier), who(), DeviceId{{1}}, 5), 20'002);
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
