#include <algorithm>
#include <filesystem>
#include <fmt/format.h>

#include "core/policy/policy.hpp"
#include "node/certificate.hpp"
#include "node/connection.hpp"
#include "node/doctor.hpp"
#include "node/identity.hpp"
#include "node/verifier_link_channel.hpp"
#include "node/verifier_link_look.hpp"
#include "proto/edge/logging.hpp"

namespace vigil::node {
namespace {

constexpr Milliseconds handshake_timeout{5'000};
constexpr Milliseconds resolver_patience{30'000};

std::string ms_words(std::chrono::microseconds time) {
    return fmt::format("{:.1f} ms", static_cast<double>(time.count()) / 1000.0);
}

Finding step_finding(const ConnectionStep& step, const LinkOptions& options) {
    const std::string took = " in " + ms_words(step.took);
    switch (step.kind) {
        case ConnectionStep::Kind::resolved:
            return ok("dns", options.address + " resolves to " + step.detail + took);
        case ConnectionStep::Kind::connected:
            return ok("tcp", "connected to " + step.detail + took);
        case ConnectionStep::Kind::tls:
            return ok("tls", step.detail + took);
    }
    return ok("tls", step.detail + took);
}

Finding failed_step(std::size_t done, const NoCertificate& none, const LinkOptions& options) {
    if (none.other_language)
        return fail("tls", options.address + " answers, but does not speak TLS",
                    "set verifier.address to the verifier's port for nodes (usually 9464)",
                    "E-UNREACHABLE");
    if (done == 0)
        return fail("dns", none.why, "check the name in verifier.address, and /etc/resolv.conf",
                    "E-UNREACHABLE");
    if (done == 1)
        return fail("tcp", none.why,
                    "check the port in verifier.address, that the verifier runs, and that a "
                    "firewall lets connections out to it",
                    "E-UNREACHABLE");
    return fail("tls", none.why,
                "ask the operator whether the verifier is well; a proxy between may end "
                "connections",
                "E-UNREACHABLE");
}

/// False where the way ends.
bool shake_hands(const LinkOptions& options, Instant now, const Tell& tell) {
    struct Seen {
        std::vector<ConnectionStep> steps;
        std::optional<Expected<PeerCertificate, NoCertificate>> shown;
    };
    const auto seen = within<Seen>(resolver_patience, [options] {
        Seen out;
        out.shown =
            fetch_certificate(options.address, authorities(options), handshake_timeout,
                              [&out](const ConnectionStep& step) { out.steps.push_back(step); });
        return out;
    });
    if (!seen) {
        tell(fail("dns", options.address + " has not been resolved in 30 s",
                  "check /etc/resolv.conf and the network", "E-UNREACHABLE"));
        return false;
    }
    for (const ConnectionStep& step : seen->steps) tell(step_finding(step, options));
    const auto& shown = *seen->shown;
    if (!shown) {
        tell(failed_step(seen->steps.size(), shown.error(), options));
        return false;
    }
    const std::string trust = !options.fingerprint.empty() ? "the pinned fingerprint"
                              : options.ca_origin.empty()  ? "the system's authorities"
                                                           : options.ca_origin;
    const bool pinned = !options.fingerprint.empty();
    Finding judged = judge_certificate(*shown, pinned, trust, now);
    if (judged.level == Finding::Level::fail) {
        tell(std::move(judged));
        return false;
    }
    if (!verifies(options, *shown)) {
        const WrongCertificate why = why_not_accepted(options, *shown);
        tell(fail("tls", why.what, why.fix, "E-CERT"));
        return false;
    }
    tell(std::move(judged));
    return true;
}

void judge_network(const Config& config, const wire::Network& network, const Tell& tell) {
    try {
        const auto pinned = pinned_network(config.data_dir);
        if (pinned && *pinned != network.id)
            tell(fail("network",
                      fmt::format("the verifier serves network {} ({}…), this node belongs to {}…",
                                  edge::for_log(network.name, 64), to_hex(network.id).substr(0, 16),
                                  to_hex(*pinned).substr(0, 16)),
                      "check verifier.address; another network needs another --data-dir",
                      "E-NETWORK"));
    } catch (const edge::Fatal& fatal) {
        tell(fail("network", fatal));
    }
}

void judge_passing(const Config& config, const Asked& asked, const VerifierLook& look,
                   const std::vector<HashReading>& hashing, const Tell& tell) {
    const auto policy = policy_from_canonical(look.network.policy_text);
    if (!policy)
        return tell(fail(
            "pass",
            "the network's policy cannot be read by this version: " + edge::for_log(policy.error()),
            "update vigil-node", "E-VERSION"));
    PassTerms terms{*policy, look.round_trip, config.duty, asked.node_runs, look.network.time};
    tell(judge_deadline(terms));
    std::error_code ignored;
    if (!asked.node &&
        std::filesystem::exists(std::filesystem::path{config.data_dir} / "node.key", ignored))
        return tell(warn("pass", "without its key it is not known what this node is held to",
                         "first what key says above"));
    for (const HashReading& reading : hashing) {
        const auto known =
            std::find_if(look.devices.begin(), look.devices.end(),
                         [&](const VerifierLook::Known& k) { return k.uid == reading.uid; });
        terms.duty = settings_of(config, {reading.uid, reading.pci_address, reading.label}).duty;
        tell(judge_rate(reading, known == look.devices.end() ? nullptr : &*known, terms));
    }
}

/// The steps of one way, as far as it goes; what the verifier tells, where it ends well.
std::optional<VerifierLook> walk(const Config& config, const LinkOptions& options,
                                 const Asked& asked, const Tell& tell) try {
    if (!shake_hands(options, asked.now(), tell)) return std::nullopt;
    VerifierLook look = look_at_verifier(options, asked.node, asked.now);
    tell(ok("grpc", fmt::format("network {} answers in {}", edge::for_log(look.network.name, 64),
                                ms_words(look.round_trip))));
    judge_network(config, look.network, tell);
    tell(judge_versions(VIGIL_VERSION, look.network));
    tell(judge_clock(look.clock_offset));
    return look;
} catch (const edge::Fatal& fatal) {
    tell(fail(fatal.code == "E-CERT" ? "tls" : "grpc", fatal));
    return std::nullopt;
}

/// What one of several ways told.
struct Walked {
    std::vector<Finding> findings;
    std::optional<VerifierLook> look;
    bool good() const { return look && !any_fail(findings); }
};

/// Each finding names its verifier. While one serves, the node goes to that one, so what is wrong
/// with another stops nobody; but of two networks it would belong to the one that it finds first.
void tell_all(std::vector<Walked>& walked, const std::vector<LinkOptions>& ways, const Tell& tell) {
    const bool one_serves = std::ranges::any_of(walked, &Walked::good);
    for (std::size_t i = 0; i < walked.size(); ++i)
        for (Finding& finding : walked[i].findings) {
            finding.what = fmt::format("{}: {}", ways[i].address, finding.what);
            if (one_serves && finding.code != "E-NETWORK" && finding.level == Finding::Level::fail)
                finding.level = Finding::Level::warn;
            tell(std::move(finding));
        }
}

/// The first that serves; nothing where none does.
std::optional<VerifierLook> walk_all(const Config& config, const std::vector<LinkOptions>& ways,
                                     const Asked& asked, const Tell& tell) {
    std::vector<Walked> walked;
    const VerifierLook* first = nullptr;
    for (const LinkOptions& way : ways) {
        Walked& own = walked.emplace_back();
        const Tell keep = [&own](Finding finding) { own.findings.push_back(std::move(finding)); };
        own.look = walk(config, way, asked, keep);
    }
    for (Walked& own : walked) {
        if (!own.good()) continue;
        if (first == nullptr) first = &*own.look;
        if (own.look->network.id == first->network.id) continue;
        own.findings.push_back(fail("network",
                                    fmt::format("it serves network {}, the first that answers {}",
                                                edge::for_log(own.look->network.name, 64),
                                                edge::for_log(first->network.name, 64)),
                                    "name verifiers of one network in verifier.address",
                                    "E-NETWORK"));
    }
    std::optional<VerifierLook> serving;
    if (first != nullptr) serving = *first;
    tell_all(walked, ways, tell);
    return serving;
}

}  // namespace

void look_at_way(const Config& config, const Asked& asked, const std::vector<HashReading>& hashing,
                 const Tell& tell) {
    if (config.verifier_address.empty())
        return tell(warn("verifier", "no verifier is set, so the way to it is not looked at",
                         "--verifier host:port, VIGIL_VERIFIER_ADDRESS, or verifier.address in the "
                         "file"));
    try {
        const std::vector<LinkOptions> ways = ways_of(link_options(config, VIGIL_VERSION));
        const auto look = ways.size() == 1 ? walk(config, ways.front(), asked, tell)
                                           : walk_all(config, ways, asked, tell);
        if (look) judge_passing(config, asked, *look, hashing, tell);
    } catch (const edge::Fatal& fatal) {
        tell(fail(fatal.code == "E-CERT" ? "tls" : "config", fatal));
    }
}

}  // namespace vigil::node
