#pragma once

#include <atomic>
#include <csignal>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <mutex>

#include "core/base/ids.hpp"
#include "node/identity.hpp"
#include "node/verifier_link.hpp"
#include "tests/node/scripted_verifier.hpp"
#include "tests/node/tiny_searcher.hpp"

namespace vigil::node {

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
                [this](const std::string&, const wire::Network&, SteadyTime, bool by_polling) {
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
    /// A copy: the list may grow meanwhile.
    template <class Value>
    Value at(const std::vector<Value>& list, std::size_t index) {
        const std::lock_guard lock{mutex};
        return list.at(index);
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

inline Instant now() { return std::chrono::floor<Milliseconds>(std::chrono::system_clock::now()); }

struct LinkTest : ::testing::Test {
    Folder folder;
    Script script;
    Heard heard;
    Identity identity = load_identity(folder.path());

    LinkTest() {
        std::signal(SIGPIPE, SIG_IGN);  // as main does: a peer may hang up while it is written to
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

}  // namespace vigil::node
