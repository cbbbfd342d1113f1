#include "node/connection.hpp"

#include <cmath>
#include <spdlog/spdlog.h>
#include <utility>

#include "node/certificate.hpp"
#include "node/console_lines.hpp"
#include "proto/edge/logging.hpp"

namespace vigil::node {

LinkOptions link_options(const Config& config, const std::string& version) {
    LinkOptions options;
    if (!config.verifier_address.empty()) {
        options.others = verifier_addresses(config);
        options.address = options.others.front();
        options.others.erase(options.others.begin());
    }
    options.fingerprint = config.verifier_fingerprint;
    options.poll = config.poll;
    options.version = version;
    if (config.verifier_ca.empty()) return options;
    options.ca_origin = config.verifier_ca;
    options.ca_pem = edge::read_file_or_empty(config.verifier_ca, 1024 * 1024);
    const auto certificate = read_certificate(options.ca_pem);
    if (!certificate)
        throw edge::Fatal{
            edge::exit_configuration, "E-CERT",
            "verifier.ca = " + config.verifier_ca +
                (options.ca_pem.empty() ? " does not exist or is empty"
                                        : " " + certificate.error()) +
                "; ask the operator for the verifier's certificate, or pin verifier.fingerprint"};
    return options;
}

Connection::Connection(LinkOptions options, LinkIdentity identity, std::function<Instant()> now,
                       Board& board, Metrics& metrics)
    : address_{options.address},
      version_{options.version},
      now_{now},
      board_{board},
      metrics_{metrics},
      link_{std::make_unique<VerifierLink>(std::move(options), std::move(identity), std::move(now),
                                           events())} {}

Connection::~Connection() { stop(); }

AnswerWays Connection::ways() {
    return {.stream = [this](const SignedAnswer& answer) { return link_->send(answer); },
            .call = [this](std::span<const SignedAnswer> answers) { return link_->call(answers); }};
}

void Connection::start(Agent& agent) {
    agent_ = &agent;
    link_->start();
}

void Connection::stop() { link_->stop(); }

Milliseconds Connection::round_trip() const { return link_->round_trip(); }

std::optional<edge::Fatal> Connection::fatal() const {
    const std::lock_guard lock{mutex_};
    return fatal_;
}

void Connection::show_trouble(const LinkTrouble& trouble) {
    const std::string text = trouble.code + ": " + trouble.message;
    // The same news once: attempts come every minute at the longest, and days may pass.
    if (text != last_trouble_) spdlog::warn("{}", text);
    last_trouble_ = text;
    metrics_.set_connected(false);
    board_.change([&](NodeStatus& status) {
        if (status.connected) status.connection_changed = now_();
        status.connected = false;
        status.trouble = text;
    });
}

void Connection::warn_of_clock(Milliseconds offset) {
    constexpr Milliseconds noticeable{5000};
    if (std::chrono::abs(offset) < noticeable || std::exchange(warned_of_clock_, true)) return;
    spdlog::warn(
        "this clock is {:.1f} s {} the verifier's; only a warning: verdicts use the verifier's "
        "clock. To set this one: timedatectl set-ntp true",
        std::abs(static_cast<double>(offset.count())) / 1000.0,
        offset.count() > 0 ? "ahead of" : "behind");
}

void Connection::warn_of_version(const VersionAdvice& advice) {
    const std::string words = advice.outdated ? advice.words(version_) : std::string{};
    if (!words.empty() && words != last_advice_) spdlog::warn("{}: update it", words);
    last_advice_ = words;
}

LinkEvents Connection::events() {
    return {.connected =
                [this](const std::string& address, const wire::Network& network, SteadyTime seen,
                       bool polling) {
                    agent_->connected(network, seen);
                    spdlog::info("connected to {} of network {} (verifier {}){}", address,
                                 edge::for_log(network.name, 64),
                                 edge::for_log(network.verifier_version, 32),
                                 polling ? ", asking for checks by polling" : "");
                    last_trouble_.clear();
                    const VersionAdvice advice = version_advice(version_, network);
                    warn_of_version(advice);
                    metrics_.set_connected(true);
                    metrics_.set_outdated(advice.outdated);
                    board_.change([&](NodeStatus& status) {
                        if (!status.connected) status.connection_changed = now_();
                        status.connected = true;
                        status.polling = polling;
                        status.trouble.clear();
                        status.network = network.name;
                        status.network_id = network.id;
                        status.advice = advice;
                    });
                },
            .disconnected = [this](const LinkTrouble& trouble) { show_trouble(trouble); },
            .check =
                [this](const OpenCheck& check, SteadyTime learned) {
                    spdlog::debug("{} {} is open, {} ms to its deadline", check_words(check.kind),
                                  check.ref, check.remaining.count());
                    agent_->learn(check, learned);
                },
            .receipt = [this](const Receipt& receipt) { agent_->take(receipt); },
            .refusal =
                [this](const Refusal& refusal) {
                    if (refusal.answer == AnswerId{})
                        spdlog::warn("the verifier refused, {}: {}",
                                     wire::to_string(refusal.reason),
                                     edge::for_log(refusal.message, 300));
                    agent_->take(refusal);
                },
            .judged = [this](const JudgedCheck& judged) { agent_->take(judged); },
            .ping =
                [this](Milliseconds round_trip, Milliseconds offset) {
                    warn_of_clock(offset);
                    metrics_.set_ping(static_cast<double>(round_trip.count()) / 1000.0,
                                      static_cast<double>(offset.count()) / 1000.0);
                    board_.change([&](NodeStatus& status) {
                        status.round_trip = round_trip;
                        status.clock_offset = offset;
                    });
                },
            .fatal =
                [this](const edge::Fatal& fatal) {
                    const std::lock_guard lock{mutex_};
                    fatal_.emplace(fatal);
                }};
}

}  // namespace vigil::node
