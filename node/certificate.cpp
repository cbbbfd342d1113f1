#include "node/certificate.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <memory>
#include <netdb.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/bytes.hpp"

namespace vigil::node {
namespace {

template <auto release>
struct Release {
    template <class T>
    void operator()(T* value) const {
        release(value);
    }
};
using Bio = std::unique_ptr<BIO, Release<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Release<X509_free>>;
using Context = std::unique_ptr<SSL_CTX, Release<SSL_CTX_free>>;
using Session = std::unique_ptr<SSL, Release<SSL_free>>;
using SteadyTime = std::chrono::steady_clock::time_point;

class Socket {
public:
    explicit Socket(int fd) : fd_{fd} {}
    ~Socket() {
        if (fd_ >= 0) ::close(fd_);
    }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    int fd() const { return fd_; }

private:
    int fd_;
};

std::string text_of(BIO* bio) {
    const char* text = nullptr;
    const long length = BIO_get_mem_data(bio, &text);
    return {text, static_cast<std::size_t>(length)};
}

std::string name_text(const X509_NAME* name) {
    const Bio bio{BIO_new(BIO_s_mem())};
    X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
    return text_of(bio.get());
}

std::vector<std::string> alternative_names(X509* certificate) {
    constexpr int limit = 16;
    std::vector<std::string> names;
    auto* list = static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
    for (int i = 0; list && i < sk_GENERAL_NAME_num(list) && i < limit; ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(list, i);
        if (name->type != GEN_DNS && name->type != GEN_IPADD) continue;
        const Bio bio{BIO_new(BIO_s_mem())};
        GENERAL_NAME_print(bio.get(), const_cast<GENERAL_NAME*>(name));
        const std::string text = text_of(bio.get());  // "DNS:host", "IP Address:1.2.3.4"
        names.push_back(text.substr(text.find(':') + 1));
    }
    GENERAL_NAMES_free(list);
    return names;
}

PeerCertificate describe(X509* certificate) {
    PeerCertificate shown;
    shown.subject = name_text(X509_get_subject_name(certificate));
    shown.issuer = name_text(X509_get_issuer_name(certificate));
    shown.names = alternative_names(certificate);
    const Bio bio{BIO_new(BIO_s_mem())};
    ASN1_TIME_print(bio.get(), X509_get0_notAfter(certificate));
    shown.not_after = text_of(bio.get());
    std::tm end{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) == 1)
        shown.expires = instant_from_ms(std::int64_t{::timegm(&end)} * 1000);
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    X509_digest(certificate, EVP_sha256(), digest.data(), &length);
    shown.fingerprint = to_hex({digest.data(), length});
    return shown;
}

/// Waits until the socket is ready or the time is over.
bool ready(int fd, short events, SteadyTime until) {
    const auto left =
        std::chrono::duration_cast<Milliseconds>(until - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd wait{fd, events, 0};
    return ::poll(&wait, 1, static_cast<int>(left.count())) > 0;
}

int connect_before(const addrinfo& target, SteadyTime until) {
    const int fd = ::socket(target.ai_family, target.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                            target.ai_protocol);
    if (fd < 0) return -1;
    if (::connect(fd, target.ai_addr, target.ai_addrlen) != 0 && errno != EINPROGRESS) {
        const int why = errno;
        ::close(fd);
        errno = why;
        return -1;
    }
    int failure = ETIMEDOUT;
    socklen_t size = sizeof failure;
    if (ready(fd, POLLOUT, until)) ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size);
    if (failure == 0) return fd;
    ::close(fd);
    errno = failure;
    return -1;
}

/// What OpenSSL says when the other side speaks HTTP, SSH or the like.
bool other_language(unsigned long error) {
    if (ERR_GET_LIB(error) != ERR_LIB_SSL) return false;
    switch (ERR_GET_REASON(error)) {
        case SSL_R_WRONG_VERSION_NUMBER:
        case SSL_R_HTTP_REQUEST:
        case SSL_R_HTTPS_PROXY_REQUEST:
        case SSL_R_BAD_PROTOCOL_VERSION_NUMBER:
        case SSL_R_UNKNOWN_PROTOCOL:
        case SSL_R_PACKET_LENGTH_TOO_LONG:
        case SSL_R_RECORD_LENGTH_MISMATCH:
            return true;
        default:
            return false;
    }
}

void trust(SSL_CTX* context, const std::string& authorities) {
    X509_STORE* store = SSL_CTX_get_cert_store(context);
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
    const Bio bio{BIO_new_mem_buf(authorities.data(), static_cast<int>(authorities.size()))};
    while (const Certificate one{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)})
        X509_STORE_add_cert(store, one.get());
    ERR_clear_error();
}

/// "192.0.2.1, 2001:db8::1": the first `most` of a list, each once.
std::string numeric(const addrinfo* list, std::size_t most) {
    std::string out;
    for (std::size_t i = 0; list && i < most; list = list->ai_next, ++i) {
        std::array<char, NI_MAXHOST> host{};
        if (::getnameinfo(list->ai_addr, list->ai_addrlen, host.data(), host.size(), nullptr, 0,
                          NI_NUMERICHOST) == 0 &&
            out.find(host.data()) == std::string::npos)
            out += (out.empty() ? "" : ", ") + std::string{host.data()};
    }
    return out;
}

/// Tells of steps with the time since the one before.
class Steps {
public:
    explicit Steps(const std::function<void(const ConnectionStep&)>& told) : told_{told} {}
    void done(ConnectionStep::Kind kind, std::string detail) {
        const SteadyTime now = std::chrono::steady_clock::now();
        const auto took = std::chrono::duration_cast<std::chrono::microseconds>(now - since_);
        since_ = now;
        if (told_) told_({kind, took, std::move(detail)});
    }

private:
    const std::function<void(const ConnectionStep&)>& told_;
    SteadyTime since_ = std::chrono::steady_clock::now();
};

bool is_among(const X509* certificate, const std::string& pem) {
    const Bio bio{BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))};
    bool found = false;
    while (const Certificate one{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)})
        found = found || X509_cmp(one.get(), certificate) == 0;
    ERR_clear_error();
    return found;
}

bool names_host(X509* certificate, const std::string& host) {
    return X509_check_host(certificate, host.data(), host.size(), 0, nullptr) == 1 ||
           X509_check_ip_asc(certificate, host.c_str(), 0) == 1;
}

}  // namespace

Expected<PeerCertificate, NoCertificate> fetch_certificate(
    const std::string& address, const std::string& authorities, Milliseconds timeout,
    const std::function<void(const ConnectionStep&)>& told) {
    Steps steps{told};
    const auto none = [](std::string why) {
        return tl::unexpected{NoCertificate{std::move(why), false}};
    };
    const SteadyTime until = std::chrono::steady_clock::now() + timeout;
    const std::size_t colon = address.rfind(':');
    if (colon == std::string::npos) return none("\"" + address + "\" is not host:port");
    std::string host = address.substr(0, colon);
    if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);

    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int failure =
            ::getaddrinfo(host.c_str(), address.c_str() + colon + 1, &hints, &found);
        failure != 0)
        return none(host + " does not resolve: " + ::gai_strerror(failure));
    steps.done(ConnectionStep::Kind::resolved, numeric(found, 4));
    int fd = -1;
    std::string answered;
    for (const addrinfo* target = found; target && fd < 0; target = target->ai_next) {
        fd = connect_before(*target, until);
        if (fd >= 0) answered = numeric(target, 1);
    }
    const int why = errno;
    ::freeaddrinfo(found);
    if (fd < 0) return none(address + ": " + std::strerror(why));
    const Socket socket{fd};
    steps.done(ConnectionStep::Kind::connected, answered);

    const Context context{SSL_CTX_new(TLS_client_method())};
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
    trust(context.get(), authorities);
    const Session session{SSL_new(context.get())};
    constexpr std::array<unsigned char, 3> http2{2, 'h', '2'};
    SSL_set_alpn_protos(session.get(), http2.data(), http2.size());
    SSL_set_tlsext_host_name(session.get(), host.c_str());
    SSL_set_fd(session.get(), socket.fd());
    for (;;) {
        ERR_clear_error();
        const int result = SSL_connect(session.get());
        if (result == 1) break;
        const int wanted = SSL_get_error(session.get(), result);
        const bool reading = wanted == SSL_ERROR_WANT_READ;
        if (!reading && wanted != SSL_ERROR_WANT_WRITE)
            return other_language(ERR_peek_error())
                       ? tl::unexpected{NoCertificate{address + " does not speak TLS", true}}
                       : none(address + ": the connection ended during the TLS handshake");
        if (!ready(socket.fd(), reading ? POLLIN : POLLOUT, until))
            return none(address + ": no TLS answer in " + std::to_string(timeout.count()) + " ms");
    }
    steps.done(ConnectionStep::Kind::tls, SSL_get_version(session.get()));
    const Certificate certificate{SSL_get1_peer_certificate(session.get())};
    if (!certificate) return none(address + " showed no certificate");
    PeerCertificate shown = describe(certificate.get());
    const bool leads = SSL_get_verify_result(session.get()) == X509_V_OK;
    const bool named = names_host(certificate.get(), host);
    shown.leads_to_authority = leads && named;
    shown.wrong_name_only = leads && !named && is_among(certificate.get(), authorities);
    return shown;
}

Expected<PeerCertificate, std::string> read_certificate(const std::string& pem) {
    const Bio bio{BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))};
    const Certificate certificate{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)};
    if (!certificate) return tl::unexpected{std::string{"holds no PEM certificate"}};
    return describe(certificate.get());
}

WrongCertificate wrong_certificate(const std::string& address, const std::string& fingerprint,
                                   const std::string& authority, const PeerCertificate& shown) {
    const std::string host = address.substr(0, address.rfind(':'));
    std::string names;
    for (const std::string& name : shown.names) names.append(" ").append(name);
    if (names.empty()) names = " no name";
    if (fingerprint.empty() && shown.wrong_name_only)
        return {
            .what = "the certificate of " + address + " is the one you trust (" +
                    (authority.empty() ? "among the system's" : authority) + "), but it is for" +
                    names + " and not for " + host,
            .fix = "use one of these names in verifier.address, or set verifier.fingerprint to " +
                   shown.fingerprint +
                   " in place of verifier.ca; or ask the operator for a certificate made with "
                   "tls.names = " +
                   host};
    std::string text = "the certificate of " + address + " was not accepted. Expected: ";
    if (!fingerprint.empty())
        text += "SHA-256 " + fingerprint;
    else
        text += "one that leads to " +
                (authority.empty() ? "the system's authorities" : authority) +
                " and names the host of " + address;
    text += ". Came: " + shown.subject + ", issued by " + shown.issuer + ", valid until " +
            shown.not_after + ", for" + names;
    if (fingerprint.empty() &&
        std::find(shown.names.begin(), shown.names.end(), host) == shown.names.end())
        text += " (not " + host + ")";
    text += ", SHA-256 " + shown.fingerprint;
    return {.what = std::move(text),
            .fix =
                "ask the operator for the verifier's certificate or fingerprint by another way "
                "and set verifier.ca (--ca FILE) or verifier.fingerprint; do not copy it from this "
                "message without asking"};
}

std::string wrong_port(const std::string& address) {
    return address +
           " does not speak TLS. Is this the verifier's port for nodes? Check verifier.address";
}

}  // namespace vigil::node
