#include "node/verifier_link_channel.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fstream>
#include <grpc/support/log.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <spdlog/spdlog.h>
#include <sstream>

#include "node/certificate.hpp"
#include "proto/edge/logging.hpp"
#include "proto/wire.hpp"

namespace vigil::node {
namespace {

constexpr Milliseconds probe_timeout{3000};

std::string plain_digits(std::string fingerprint) {
    std::erase(fingerprint, ':');
    std::transform(fingerprint.begin(), fingerprint.end(), fingerprint.begin(), [](char c) {
        return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return fingerprint;
}

/// Accepts the one certificate whose SHA-256 is pinned, whatever its names, issuer or dates.
class PinnedCertificate : public grpc::experimental::ExternalCertificateVerifier {
public:
    explicit PinnedCertificate(std::string fingerprint) : fingerprint_{std::move(fingerprint)} {}

    bool Verify(grpc::experimental::TlsCustomVerificationCheckRequest* request,
                std::function<void(grpc::Status)>, grpc::Status* status) override {
        const auto pem = request->peer_cert();
        const auto shown = read_certificate(std::string{pem.data(), pem.size()});
        *status = shown && shown->fingerprint == fingerprint_
                      ? grpc::Status::OK
                      : grpc::Status{grpc::StatusCode::UNAUTHENTICATED,
                                     "the certificate is not the pinned one"};
        return true;  // decided at once
    }
    void Cancel(grpc::experimental::TlsCustomVerificationCheckRequest*) override {}

private:
    std::string fingerprint_;
};

std::string system_authorities() {
    for (const char* path :
         {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
          "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"}) {
        std::ifstream file{path};
        if (!file) continue;
        std::ostringstream text;
        text << file.rdbuf();
        return text.str();
    }
    return {};
}

std::shared_ptr<grpc::ChannelCredentials> credentials(const LinkOptions& options) {
    if (options.fingerprint.empty()) {
        grpc::SslCredentialsOptions ssl;
        ssl.pem_root_certs = authorities(options);
        return grpc::SslCredentials(ssl);
    }
    grpc::experimental::TlsChannelCredentialsOptions tls;
    tls.set_verify_server_certs(false);  // the pin decides, below
    tls.set_check_call_host(false);
    tls.set_certificate_verifier(
        grpc::experimental::ExternalCertificateVerifier::Create<PinnedCertificate>(
            plain_digits(options.fingerprint)));
    return grpc::experimental::TlsCredentials(tls);
}

Diagnosis refused(const LinkOptions& options, const Refusal& refusal) {
    Diagnosis d;
    d.trouble = {"E-REFUSED", "the verifier at " + options.address + " refused, " +
                                  std::string{wire::to_string(refusal.reason)} + ": " +
                                  edge::for_log(refusal.message, 300)};
    d.exit_code = edge::exit_refused;
    d.retry_after = refusal.retry_after;
    using Reason = wire::RefusalReason;
    switch (refusal.reason) {
        case Reason::unknown_node:
            d.unknown_node = true;
            break;
        case Reason::stale_enrolment:
            d.stale_enrolment = true;
            break;
        case Reason::busy:
        case Reason::too_often:
        case Reason::unavailable:
        case Reason::not_opened:
        case Reason::not_found:
        case Reason::unknown_device:
        case Reason::unknown_challenge:
        case Reason::foreign_challenge:
        case Reason::check_closed:
            break;
        case Reason::version_too_old:
            d.trouble.code = "E-VERSION";
            d.refused_for_good = true;
            break;
        case Reason::wrong_network:
            d.trouble.code = "E-NETWORK";
            d.refused_for_good = true;
            break;
        case Reason::bad_payout_address:
            d.trouble.code = "E-PAYOUT";
            d.refused_for_good = true;
            break;
        case Reason::malformed:
        case Reason::too_large:
        case Reason::wrong_signature:
            d.refused_for_good = true;
            break;
    }
    return d;
}

}  // namespace

std::string authorities(const LinkOptions& options) {
    return options.ca_pem.empty() ? system_authorities() : options.ca_pem;
}

bool verifies(const LinkOptions& options, const PeerCertificate& shown) {
    return options.fingerprint.empty() ? shown.leads_to_authority
                                       : shown.fingerprint == plain_digits(options.fingerprint);
}

WrongCertificate why_not_accepted(const LinkOptions& options, const PeerCertificate& shown) {
    return wrong_certificate(options.address, plain_digits(options.fingerprint), options.ca_origin,
                             shown);
}

std::vector<LinkOptions> ways_of(const LinkOptions& options) {
    std::vector<LinkOptions> ways{options};
    for (const std::string& other : options.others) {
        ways.push_back(options);
        ways.back().address = other;
    }
    return ways;
}

std::shared_ptr<grpc::Channel> open_channel(const LinkOptions& options) {
    // gRPC prints its own lines otherwise; what matters of them is diagnosed here.
    gpr_set_log_function(
        [](gpr_log_func_args* line) { spdlog::debug("gRPC: {}", edge::for_log(line->message)); });
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    // What comes is small: nothing is gained by pings that measure how much could come.
    arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    arguments.SetMaxReceiveMessageSize(4 * 1024 * 1024);
    arguments.SetUserAgentPrefix("vigil-node/" + options.version);
    return grpc::CreateCustomChannel(options.address, credentials(options), arguments);
}

Diagnosis diagnose(const LinkOptions& options, const RpcFailure& failure) {
    if (!failure.details.empty())
        if (const auto refusal = wire::refusal_from_details(failure.details))
            return refused(options, *refusal);

    Diagnosis d;
    d.exit_code = edge::exit_unreachable;
    const std::string again =
        ". The node keeps trying; check verifier.address, the network and the verifier";
    if (failure.code == grpc::StatusCode::UNAVAILABLE) {
        const auto shown = fetch_certificate(options.address, authorities(options), probe_timeout);
        if (shown && !verifies(options, *shown)) {
            d.certificate = true;
            d.exit_code = edge::exit_configuration;
            const auto [what, fix] = why_not_accepted(options, *shown);
            d.trouble = {"E-CERT", fmt::format("{}; {}", what, fix)};
            return d;
        }
        const std::string what = shown ? options.address + ": " + edge::for_log(failure.message)
                                 : shown.error().other_language ? wrong_port(options.address)
                                                                : shown.error().why;
        d.trouble = {"E-UNREACHABLE", what + again};
        return d;
    }
    const std::string what = failure.code == grpc::StatusCode::DEADLINE_EXCEEDED ||
                                     failure.code == grpc::StatusCode::CANCELLED
                                 ? "no answer in time"
                                 : edge::for_log(failure.message);
    d.trouble = {"E-UNREACHABLE", options.address + ": " + what + " (gRPC code " +
                                      std::to_string(failure.code) + ")" + again};
    return d;
}

}  // namespace vigil::node
