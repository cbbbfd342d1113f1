#include "proto/edge/tls.hpp"

#include <gmock/gmock.h>
#include <memory>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "core/base/bytes.hpp"
#include "proto/edge/tls_buffers.hpp"
#include "tests/edge/scratch.hpp"

namespace vigil::edge {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Bio = std::unique_ptr<BIO, decltype(&BIO_free_all)>;

Bio memory(const std::string& text) {
    return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free_all};
}
Certificate certificate_of(const TlsIdentity& identity) {
    return {PEM_read_bio_X509(memory(identity.certificate_pem).get(), nullptr, nullptr, nullptr),
            &X509_free};
}
Key key_of(const TlsIdentity& identity) {
    return {PEM_read_bio_PrivateKey(memory(identity.key_pem).get(), nullptr, nullptr, nullptr),
            &EVP_PKEY_free};
}

struct Files {
    Scratch scratch;
    std::filesystem::path certificate = scratch.path("tls.crt"), key = scratch.path("tls.key");
    TlsIdentity load(const std::vector<std::string>& names = {}) const {
        return load_or_create_tls(certificate, key, names);
    }
};

/// Signs the certificate in `files` anew with other dates, in seconds from now.
void redate(const Files& files, long from, long to) {
    const TlsIdentity identity = files.load();
    const auto certificate = certificate_of(identity);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), from);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), to);
    ASSERT_GT(X509_sign(certificate.get(), key_of(identity).get(), EVP_sha256()), 0);
    const Bio out{BIO_new(BIO_s_mem()), &BIO_free_all};
    ASSERT_EQ(PEM_write_bio_X509(out.get(), certificate.get()), 1);
    char* text = nullptr;
    const long length = BIO_get_mem_data(out.get(), &text);
    files.scratch.write("tls.crt", std::string(text, static_cast<std::size_t>(length)), 0644);
}

TEST(Tls, MakesACertificateForItsNames) {
    const Files files;
    const TlsIdentity made = files.load(
        {"verifier.example.org", "192.0.2.7", "2001:db8::7", "*.wild.example.org", "localhost"});
    EXPECT_TRUE(made.created);
    EXPECT_EQ(mode_of(files.key), 0600U);
    EXPECT_EQ(mode_of(files.certificate), 0644U);
    EXPECT_EQ(content_of(files.certificate), made.certificate_pem);
    EXPECT_EQ(content_of(files.key), made.key_pem);

    const auto certificate = certificate_of(made);
    ASSERT_NE(certificate, nullptr);
    for (const char* name :
         {"verifier.example.org", "VERIFIER.example.org", "localhost", "a.wild.example.org"})
        EXPECT_EQ(X509_check_host(certificate.get(), name, 0, 0, nullptr), 1) << name;
    for (const char* name : {"example.org", "other.example.org", "vigil verifier"})
        EXPECT_EQ(X509_check_host(certificate.get(), name, 0, 0, nullptr), 0) << name;
    for (const char* address : {"192.0.2.7", "2001:db8::7", "127.0.0.1"})
        EXPECT_EQ(X509_check_ip_asc(certificate.get(), address, 0), 1) << address;
    EXPECT_EQ(X509_check_ip_asc(certificate.get(), "192.0.2.8", 0), 0);

    EXPECT_EQ(X509_check_private_key(certificate.get(), key_of(made).get()), 1);
    EXPECT_EQ(EVP_PKEY_get_bits(key_of(made).get()), 256);
    EXPECT_EQ(X509_check_ca(certificate.get()), 0);
    int days = 0, seconds = 0;
    ASSERT_EQ(ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(certificate.get())), 1);
    EXPECT_NEAR(days, 3652, 2);
    EXPECT_LT(X509_cmp_current_time(X509_get0_notBefore(certificate.get())), 0);

    unsigned char digest[32];
    unsigned length = 0;
    ASSERT_EQ(X509_digest(certificate.get(), EVP_sha256(), digest, &length), 1);
    EXPECT_EQ(made.fingerprint, to_hex(ByteSpan{digest, length}));
}

TEST(Tls, ReadsWhatItMade) {
    const Files files;
    const TlsIdentity made = files.load();
    const TlsIdentity again = files.load({"other.example.org"});
    EXPECT_FALSE(again.created);
    EXPECT_EQ(again.certificate_pem, made.certificate_pem);
    EXPECT_EQ(again.key_pem, made.key_pem);
    EXPECT_EQ(again.fingerprint, made.fingerprint);
    const Files other;
    EXPECT_NE(other.load().fingerprint, made.fingerprint);
}

/// A handshake in memory; the client trusts `trusted` and asks for `host`. Empty or the client's
/// verdict.
std::string handshake(const TlsIdentity& server, const TlsIdentity& trusted, const char* host) {
    const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> server_context{
        SSL_CTX_new(TLS_server_method()), &SSL_CTX_free},
        client_context{SSL_CTX_new(TLS_client_method()), &SSL_CTX_free};
    EXPECT_EQ(SSL_CTX_use_certificate(server_context.get(), certificate_of(server).get()), 1);
    EXPECT_EQ(SSL_CTX_use_PrivateKey(server_context.get(), key_of(server).get()), 1);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(client_context.get()),
                        certificate_of(trusted).get());
    SSL_CTX_set_verify(client_context.get(), SSL_VERIFY_PEER, nullptr);
    const std::unique_ptr<SSL, decltype(&SSL_free)> a{SSL_new(server_context.get()), &SSL_free},
        b{SSL_new(client_context.get()), &SSL_free};
    BIO *one = nullptr, *two = nullptr;
    BIO_new_bio_pair(&one, 0, &two, 0);
    SSL_set_bio(a.get(), one, one);
    SSL_set_bio(b.get(), two, two);
    SSL_set_accept_state(a.get());
    SSL_set_connect_state(b.get());
    SSL_set1_host(b.get(), host);
    for (int i = 0; i < 20 && !(SSL_is_init_finished(a.get()) && SSL_is_init_finished(b.get()));
         ++i) {
        SSL_do_handshake(b.get());
        SSL_do_handshake(a.get());
    }
    const long verdict = SSL_get_verify_result(b.get());
    if (verdict != X509_V_OK) return X509_verify_cert_error_string(verdict);
    return SSL_is_init_finished(b.get()) != 0 ? "" : "not finished";
}

TEST(Tls, AClientThatHasTheCertificateAcceptsIt) {
    const Files files, stranger;
    const TlsIdentity made = files.load({"verifier.example.org"});
    EXPECT_EQ(handshake(made, made, "localhost"), "");
    EXPECT_EQ(handshake(made, made, "verifier.example.org"), "");
    EXPECT_NE(handshake(made, made, "other.example.org"), "");
    EXPECT_NE(handshake(made, stranger.load(), "localhost"), "");
}

TEST(Tls, SaysWhichNamesACertificateThatExistsDoesNotHave) {
    const Files files;
    EXPECT_EQ(files.load({"*.example.org", "192.0.2.7"}).names_missing, std::vector<std::string>{});
    const TlsIdentity read =
        files.load({"a.example.org", "192.0.2.7", "localhost", "example.com", "192.0.2.8"});
    EXPECT_FALSE(read.created);
    EXPECT_EQ(read.names_missing, (std::vector<std::string>{"example.com", "192.0.2.8"}));
    EXPECT_EQ(read.names,
              (std::vector<std::string>{"*.example.org", "192.0.2.7", "localhost", "127.0.0.1"}));
}

TEST(Tls, RefusesOneFileWithoutTheOther) {
    const Files files;
    files.load();
    std::filesystem::remove(files.key);
    EXPECT_THAT(fatal("E-TLS", [&] { files.load(); }),
                AllOf(HasSubstr(files.key.string() + " does not"), HasSubstr("move")));
    EXPECT_FALSE(std::filesystem::exists(files.key));
    const Files others;
    others.load();
    std::filesystem::remove(others.certificate);
    EXPECT_THAT(fatal("E-TLS", [&] { others.load(); }),
                HasSubstr(others.certificate.string() + " does not"));
}

TEST(Tls, RefusesAKeyOfAnotherCertificate) {
    const Files files, others;
    files.load();
    others.load();
    EXPECT_THAT(fatal("E-TLS", [&] { load_or_create_tls(files.certificate, others.key, {}); }),
                HasSubstr("do not belong together"));
}

TEST(Tls, SaysWhenTheCertificateExpires) {
    const Files files;
    const Instant made_to = files.load().expires;
    EXPECT_EQ(files.load().expires, made_to);
    redate(files, -1000, 5000);
    EXPECT_LT(files.load().expires, made_to - std::chrono::days{3000});
}

TEST(Tls, RefusesACertificateOutOfItsTime) {
    const Files files;
    redate(files, -1000, -10);
    EXPECT_THAT(fatal("E-TLS", [&] { files.load(); }), HasSubstr("expired"));
    const Files early;
    redate(early, 1000, 2000);
    EXPECT_THAT(fatal("E-TLS", [&] { early.load(); }), HasSubstr("clock"));
    const Files good;
    redate(good, -10, 1000);
    EXPECT_FALSE(good.load().created);
}

TEST(Tls, RefusesTextThatIsNoCertificateOrKey) {
    const Files files;
    files.load();
    files.scratch.write("tls.crt", "hello", 0644);
    EXPECT_THAT(fatal("E-TLS", [&] { files.load(); }), HasSubstr(files.certificate.string()));
    const Files others;
    others.load();
    others.scratch.write("tls.key", "hello");
    EXPECT_THAT(fatal("E-TLS", [&] { others.load(); }), HasSubstr(others.key.string()));
}

TEST(Tls, RefusesAKeyWithAPasswordInsteadOfAsking) {
    const Files files;
    const TlsIdentity made = files.load();
    const Bio out{BIO_new(BIO_s_mem()), &BIO_free_all};
    ASSERT_EQ(PEM_write_bio_PKCS8PrivateKey(out.get(), key_of(made).get(), EVP_aes_128_cbc(),
                                            "word", 4, nullptr, nullptr),
              1);
    char* text = nullptr;
    const long length = BIO_get_mem_data(out.get(), &text);
    files.scratch.write("tls.key", std::string(text, static_cast<std::size_t>(length)));
    EXPECT_THAT(fatal("E-TLS", [&] { files.load(); }), HasSubstr("password"));
}

TEST(Tls, RefusesAKeyThatOthersMayRead) {
    const Files files;
    files.load();
    std::filesystem::permissions(files.key, std::filesystem::perms{0644});
    fatal("E-KEYMODE", [&] { files.load(); });
}

TEST(Tls, RefusesANameThatIsNone) {
    for (const char* name : {"", "a b", "a,DNS:b", "https://x", "a\n", "*", "*."}) {
        const Files files;
        fatal("E-TLS", [&] { files.load({name}); });
        EXPECT_FALSE(std::filesystem::exists(files.key));
    }
}

TEST(TlsBuffers, AreGivenBackByEveryConnectionMadeAfterwards) {
    EXPECT_TRUE(release_idle_tls_buffers());
    EXPECT_TRUE(release_idle_tls_buffers());
    const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> of_another_library{
        SSL_CTX_new(TLS_server_method()), SSL_CTX_free};
    const std::unique_ptr<SSL, decltype(&SSL_free)> connection{SSL_new(of_another_library.get()),
                                                               SSL_free};
    EXPECT_NE(SSL_get_mode(connection.get()) & SSL_MODE_RELEASE_BUFFERS, 0);
}

}  // namespace
}  // namespace vigil::edge
