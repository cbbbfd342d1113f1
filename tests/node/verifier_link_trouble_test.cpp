#include <fstream>
#include <thread>

#include "node/retired_devices.hpp"
#include "tests/node/link_test.hpp"
#include "tests/node/tcp_peer.hpp"

namespace vigil::node {
namespace {

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

// A fleet that comes back at once, because a store stood still, has no sessions when it goes on.
TEST_F(LinkTest, ACallThatWaitsTooLongCostsNoSessionThatLives) {
    ScriptedVerifier verifier{script, folder.path() / "tls"};
    const auto link = start(options(verifier));
    ASSERT_TRUE(eventually([&] { return heard.connected == 1; }));
    script.calls_wait = true;
    EXPECT_FALSE(link->call(std::vector{answer()}));
    script.calls_wait = false;
    EXPECT_TRUE(link->send(answer()));
    EXPECT_TRUE(eventually([&] { return heard.count(heard.receipts) == 1; }));
    EXPECT_EQ(heard.connected, 1);

    script.silent = script.calls_wait = true;
    EXPECT_FALSE(link->call(std::vector{answer()}));
    script.silent = script.calls_wait = false;
    EXPECT_TRUE(eventually([&] { return heard.connected >= 2; }, Milliseconds{8'000}))
        << "one that gives no sign of life either is given up";
}

TEST_F(LinkTest, OfSeveralVerifiersTheNextIsTakenWhenOneIsGone) {
    auto first = std::make_unique<ScriptedVerifier>(script, folder.path() / "tls");
    ScriptedVerifier second{script, folder.path() / "tls"};  // with the same certificate
    LinkOptions with = options(*first);
    with.others = {second.address(), "127.0.0.1:1"};
    with.longest_pause = Milliseconds{60'000};  // no pause but the first ones is short enough
    const auto link = start(with);
    ASSERT_TRUE(eventually([&] { return heard.connected >= 1; }));
    first.reset();
    // Wherever it was: an answer finds its way.
    ASSERT_TRUE(eventually([&] {
        const auto outcomes = link->call(std::vector{answer()});
        return outcomes && std::holds_alternative<Receipt>(outcomes->at(0));
    }));
    ASSERT_TRUE(eventually([&] { return link->send(answer()); }));
    EXPECT_FALSE(heard.ended());
    EXPECT_EQ(heard.polling, 0) << "a stream was to be had";
}

TEST_F(LinkTest, AVerifierThatAsksToReconnectIsLeftForTheNext) {
    Script elsewhere;
    elsewhere.network = script.network;
    wire::Enrolment own = who().claim;
    own.key = identity.key.public_key();
    for (Script* each : {&script, &elsewhere}) {  // they share a store
        each->enrolled = true;
        each->enrolments.push_back(own);
    }
    ScriptedVerifier first{script, folder.path() / "tls"};
    ScriptedVerifier second{elsewhere, folder.path() / "tls"};
    script.reconnect_after_ms = elsewhere.reconnect_after_ms = 50;  // each once
    LinkOptions with = options(first);
    with.others = {second.address()};
    const auto link = start(with);
    ASSERT_TRUE(eventually([&] { return heard.connected >= 3; }));
    EXPECT_GE(script.sessions_opened, 1);
    EXPECT_GE(elsewhere.sessions_opened, 1);
}

TEST_F(LinkTest, PollsAtTheOneThatCanBeReachedWhereverItStandsInTheRow) {
    ScriptedVerifier verifier{script, folder.path() / "tls"};
    script.sessions_work = false;
    LinkOptions with = options(verifier);
    with.others = {"127.0.0.1:1"};
    with.first_pause = Milliseconds{20};
    for (int again = 0; again < 6; ++again) {  // the order is drawn
        const auto before = script.polls.load();
        const auto link = start(with);
        EXPECT_TRUE(eventually([&] { return script.polls > before; }, Milliseconds{8000}));
    }
}

TEST_F(LinkTest, OneOfSeveralThatRefusesForGoodIsNotTheEnd) {
    Script newer;
    newer.network = script.network;
    newer.enrolled = true;
    newer.enrolments.emplace_back();  // of another key: whatever the node signs is refused
    newer.enrol_refusals.assign(100, wire::RefusalReason::bad_payout_address);
    ScriptedVerifier good{script, folder.path() / "tls"}, strict{newer, folder.path() / "tls"};
    script.reconnect_after_ms = 50;
    LinkOptions with = options(good);
    with.others = {strict.address()};
    const auto link = start(with);
    ASSERT_TRUE(eventually([&] { return heard.connected >= 2; }));
    {
        const std::lock_guard lock{newer.mutex};
        EXPECT_TRUE(newer.bad_signatures > 0 || newer.enrol_refusals.size() < 100)
            << "it was asked, too";
    }
    EXPECT_FALSE(heard.ended());
}

TEST_F(LinkTest, AWrongCertificateOfOneOfSeveralIsNotTheEnd) {
    ScriptedVerifier good{script, folder.path() / "tls"};
    ScriptedVerifier bad{script, folder.path() / "other"};
    LinkOptions with = options(good);
    with.others = {bad.address()};
    const auto link = start(with);
    ASSERT_TRUE(eventually([&] { return heard.connected >= 1; }));
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
    EXPECT_THAT(heard.at(heard.troubles, 0).message, Not(HasSubstr("does not speak TLS")));
}

TEST_F(LinkTest, APortThatSpeaksHttpIsNamedAndTriedAgain) {
    const test::TcpPeer peer{test::TcpPeer::Manner::speaks_http};
    LinkOptions with;
    with.address = peer.address();
    with.first_pause = Milliseconds{20};
    const auto link = start(with);
    ASSERT_TRUE(eventually([&] { return heard.count(heard.troubles) >= 1; }));
    EXPECT_FALSE(heard.ended());
    EXPECT_THAT(heard.at(heard.troubles, 0).message, HasSubstr("does not speak TLS"));
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

TEST_F(LinkTest, AWayThatDiesIsFoundByTheKernel) {
    ScriptedVerifier verifier{script, folder.path() / "tls"};
    test::TcpPeer relay{test::TcpPeer::Manner::relays, verifier.port()};
    LinkOptions with = options(verifier);
    with.address = relay.address();
    with.ping_every = with.ping_soon = Milliseconds{3'600'000};
    with.watch = {std::chrono::seconds{1}, std::chrono::seconds{1}};
    const auto link = start(with);
    ASSERT_TRUE(eventually([&] { return heard.pings == 1; }));
    relay.vanish();  // nothing was under way: only a question of the kernel's can show it
    EXPECT_TRUE(eventually([&] { return heard.connected == 2; }, Milliseconds{8'000}));
}

TEST_F(LinkTest, PingsAreRareAgainOnlyOnceTheWayIsFast) {
    ScriptedVerifier verifier{script, folder.path() / "tls"};
    LinkOptions with = options(verifier);
    with.ping_every = Milliseconds{3'600'000};
    with.ping_soon = Milliseconds{250};
    with.silence_limit = Milliseconds{60'000};
    script.pongs_late_ms = 300;
    const auto link = start(with);
    EXPECT_TRUE(eventually([&] { return heard.pings >= 6; })) << "three at first, and no more";
    script.pongs_late_ms = 0;
    EXPECT_TRUE(eventually([&] {
        const int before = heard.pings;
        std::this_thread::sleep_for(Milliseconds{1'500});
        return heard.pings == before;
    }));
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

}  // namespace
}  // namespace vigil::node
