#include "proto/edge/tls_buffers.hpp"

#include <memory>
#include <openssl/ssl.h>

namespace vigil::edge {
namespace {

/// OpenSSL tells of every context that is made, so that programs may keep something with it, and
/// connections take their mode over from it. What it tells of connections is too early
/// since 3.2 (openssl/openssl#18612): ossl_ssl_init() does so before ossl_ssl_connection_new_int()
/// copies the context's mode over theirs.
void made(void* context, void*, CRYPTO_EX_DATA*, int, long, void*) {
    SSL_CTX_set_mode(static_cast<SSL_CTX*>(context), SSL_MODE_RELEASE_BUFFERS);
}

struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL* connection) const { SSL_free(connection); }
};

bool new_connections_release() {
    const std::unique_ptr<SSL_CTX, Free> context{SSL_CTX_new(TLS_server_method())};
    if (!context) return false;
    const std::unique_ptr<SSL, Free> connection{SSL_new(context.get())};
    return connection && (SSL_get_mode(connection.get()) & SSL_MODE_RELEASE_BUFFERS) != 0;
}

}  // namespace

bool release_idle_tls_buffers() {
    static const int index = SSL_CTX_get_ex_new_index(0, nullptr, made, nullptr, nullptr);
    return index >= 0 && new_connections_release();
}

}  // namespace vigil::edge
