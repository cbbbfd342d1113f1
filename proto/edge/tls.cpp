#include "proto/edge/tls.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <ctime>
#include <memory>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdexcept>
#include <utility>

#include "core/base/bytes.hpp"
#include "proto/edge/files.hpp"
#include "proto/edge/logging.hpp"

namespace vigil::edge {

namespace {

constexpr std::size_t certificate_limit = 256 * 1024;
constexpr long day_seconds = 24L * 60 * 60;
constexpr long ten_years_seconds = 3652 * day_seconds;

template <auto free_it>
struct Free {
    template <class T>
    void operator()(T* object) const {
        free_it(object);
    }
};
using Bio = std::unique_ptr<BIO, Free<&BIO_free_all>>;
using Key = std::unique_ptr<EVP_PKEY, Free<&EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<&X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Free<&X509_EXTENSION_free>>;
using AlternativeNames = std::unique_ptr<GENERAL_NAMES, Free<&GENERAL_NAMES_free>>;
using Integer = std::unique_ptr<BIGNUM, Free<&BN_free>>;

[[noreturn]] void refuse(const std::string& why) { throw Fatal{exit_configuration, "E-TLS", why}; }

/// OpenSSL fails here only for want of memory or of a working random generator.
void made(bool ok) {
    if (!ok) throw std::runtime_error{"OpenSSL could not make a certificate"};
}

/// An encrypted key must not make OpenSSL ask at the terminal.
int no_password(char*, int, int, void*) { return 0; }

bool is_address(const std::string& name) {
    std::array<std::uint8_t, 16> bytes{};
    return ::inet_pton(AF_INET, name.c_str(), bytes.data()) == 1 ||
           ::inet_pton(AF_INET6, name.c_str(), bytes.data()) == 1;
}

bool is_dns_name(const std::string& name) {
    const std::string_view rest = name.starts_with("*.") ? std::string_view{name}.substr(2) : name;
    return !rest.empty() && name.size() <= 253 && std::ranges::all_of(rest, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '.' || c == '_';
    });
}

std::string alternative_names(std::vector<std::string> names) {
    names.insert(names.end(), {"localhost", "127.0.0.1"});
    std::string out;
    for (auto name = names.begin(); name != names.end(); ++name) {
        if (std::find(names.begin(), name, *name) != name) continue;
        const bool address = is_address(*name);
        if (!address && !is_dns_name(*name))
            refuse("\"" + for_log(*name) +
                   "\" is neither a DNS name nor an IP address. Give the names by which nodes "
                   "reach this verifier");
        (out += out.empty() ? "" : ",") += (address ? "IP:" : "DNS:") + *name;
    }
    return out;
}

void add_extension(X509* certificate, int kind, const std::string& text) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
    const Extension extension{X509V3_EXT_conf_nid(nullptr, &context, kind, text.c_str())};
    made(extension && X509_add_ext(certificate, extension.get(), -1) == 1);
}

Certificate self_signed(EVP_PKEY* key, const std::vector<std::string>& names) {
    Certificate certificate{X509_new()};
    made(certificate != nullptr);
    X509* const x = certificate.get();
    const Integer serial{BN_new()};
    made(serial && BN_rand(serial.get(), 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
         BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(x)) != nullptr);
    made(X509_set_version(x, X509_VERSION_3) == 1);
    // Valid since yesterday: a node's clock may be behind.
    made(X509_gmtime_adj(X509_getm_notBefore(x), -day_seconds) != nullptr &&
         X509_gmtime_adj(X509_getm_notAfter(x), ten_years_seconds) != nullptr);
    constexpr std::string_view subject = "vigil verifier";
    made(X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(subject.data()),
                                    static_cast<int>(subject.size()), -1, 0) == 1);
    made(X509_set_issuer_name(x, X509_get_subject_name(x)) == 1 && X509_set_pubkey(x, key) == 1);
    add_extension(x, NID_basic_constraints, "critical,CA:FALSE");
    add_extension(x, NID_key_usage, "critical,digitalSignature");
    add_extension(x, NID_ext_key_usage, "serverAuth");
    add_extension(x, NID_subject_key_identifier, "hash");
    add_extension(x, NID_subject_alt_name, alternative_names(names));
    made(X509_sign(x, key, EVP_sha256()) > 0);
    return certificate;
}

std::string text_of(BIO* bio) {
    char* start = nullptr;
    const long length = BIO_get_mem_data(bio, &start);
    return {start, static_cast<std::size_t>(std::max(0L, length))};
}

std::string fingerprint(const X509* certificate) {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    made(X509_digest(certificate, EVP_sha256(), digest.data(), &length) == 1);
    return to_hex(ByteSpan{digest.data(), length});
}

Instant expiry_of(const X509* certificate) {
    std::tm utc{};
    made(ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &utc) == 1);
    return Instant{std::chrono::seconds{::timegm(&utc)}};
}

std::vector<std::string> names_of(const X509* certificate) {
    std::vector<std::string> names;
    const AlternativeNames list{static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr))};
    for (int i = 0; list && i < sk_GENERAL_NAME_num(list.get()); ++i) {
        GENERAL_NAME* const name = sk_GENERAL_NAME_value(list.get(), i);
        if (name->type != GEN_DNS && name->type != GEN_IPADD) continue;
        const Bio bio{BIO_new(BIO_s_mem())};
        made(bio && GENERAL_NAME_print(bio.get(), name) == 1);
        const std::string text = text_of(bio.get());  // "DNS:host", "IP Address:1.2.3.4"
        names.push_back(text.substr(text.find(':') + 1));
    }
    return names;
}

TlsIdentity create(const std::filesystem::path& certificate_path,
                   const std::filesystem::path& key_path, const std::vector<std::string>& names) {
    const Key key{EVP_EC_gen("P-256")};
    made(key != nullptr);
    const Certificate certificate = self_signed(key.get(), names);
    // The secure buffer is wiped when it is freed.
    const Bio key_text{BIO_new(BIO_s_secmem())}, certificate_text{BIO_new(BIO_s_mem())};
    made(key_text && certificate_text &&
         PEM_write_bio_PKCS8PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                       nullptr) == 1 &&
         PEM_write_bio_X509(certificate_text.get(), certificate.get()) == 1);
    TlsIdentity out{.certificate_pem = text_of(certificate_text.get()),
                    .key_pem = text_of(key_text.get()),
                    .fingerprint = fingerprint(certificate.get()),
                    .expires = expiry_of(certificate.get()),
                    .created = true,
                    .names = names_of(certificate.get()),
                    .names_missing = {}};
    write_new_secret(key_path, out.key_pem);
    replace_file(certificate_path, out.certificate_pem);
    return out;
}

Bio bio_over(const std::string& text) {
    Bio bio{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
    made(bio != nullptr);
    return bio;
}

std::string date_of(const ASN1_TIME* time) {
    const Bio bio{BIO_new(BIO_s_mem())};
    made(bio && ASN1_TIME_print(bio.get(), time) == 1);
    return text_of(bio.get());
}

TlsIdentity read(const std::filesystem::path& certificate_path,
                 const std::filesystem::path& key_path, const std::vector<std::string>& names) {
    TlsIdentity out{.certificate_pem = read_file_or_empty(certificate_path, certificate_limit),
                    .key_pem = read_secret(key_path),
                    .fingerprint = {},
                    .expires = {},
                    .created = false,
                    .names = {},
                    .names_missing = {}};
    const Certificate certificate{
        PEM_read_bio_X509(bio_over(out.certificate_pem).get(), nullptr, no_password, nullptr)};
    if (!certificate) refuse(certificate_path.string() + " holds no PEM certificate");
    const Key key{
        PEM_read_bio_PrivateKey(bio_over(out.key_pem).get(), nullptr, no_password, nullptr)};
    if (!key)
        refuse(key_path.string() +
               " holds no PEM private key, or one with a password, which this "
               "program does not ask for. Store it without one, mode 600");
    if (X509_check_private_key(certificate.get(), key.get()) != 1)
        refuse("certificate " + certificate_path.string() + " and key " + key_path.string() +
               " do not belong together. Give the key that the certificate was issued for");
    const ASN1_TIME* const end = X509_get0_notAfter(certificate.get());
    if (X509_cmp_current_time(end) <= 0)
        refuse("certificate " + certificate_path.string() + " expired on " + date_of(end) +
               ". Renew it; if it is self-signed, move it and its key away and start again, then "
               "give nodes the new certificate");
    const ASN1_TIME* const start = X509_get0_notBefore(certificate.get());
    if (X509_cmp_current_time(start) > 0)
        refuse("certificate " + certificate_path.string() + " is valid only from " +
               date_of(start) + ". Check this machine's clock");
    out.fingerprint = fingerprint(certificate.get());
    out.expires = expiry_of(certificate.get());
    out.names = names_of(certificate.get());
    for (const std::string& name : names)
        if (X509_check_host(certificate.get(), name.data(), name.size(), 0, nullptr) != 1 &&
            X509_check_ip_asc(certificate.get(), name.c_str(), 0) != 1)
            out.names_missing.push_back(name);
    return out;
}

}  // namespace

TlsIdentity load_or_create_tls(const std::filesystem::path& certificate,
                               const std::filesystem::path& key,
                               const std::vector<std::string>& names) {
    std::error_code error;
    const bool has_certificate = std::filesystem::exists(certificate, error);
    const bool has_key = std::filesystem::exists(key, error);
    if (has_certificate != has_key)
        refuse((has_certificate ? certificate : key).string() + " exists but " +
               (has_certificate ? key : certificate).string() +
               " does not. Give both, or move the first away to have both made anew");
    return has_key ? read(certificate, key, names) : create(certificate, key, names);
}

}  // namespace vigil::edge
