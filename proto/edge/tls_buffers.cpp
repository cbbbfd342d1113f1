#include "proto/edge/tls_buffers.hpp"

#include <openssl/ssl.h>

namespace vigil::edge {
namespace {

/// OpenSSL tells of every connection that is made, so that programs may keep something with it.
void made(void* connection, void*, CRYPTO_EX_DATA*, int, long, void*) {
    SSL_set_mode(static_cast<SSL*>(connection), SSL_MODE_RELEASE_BUFFERS);
}

}  // namespace

void release_idle_tls_buffers() {
    [[maybe_unused]] static const int once =
        SSL_get_ex_new_index(0, nullptr, made, nullptr, nullptr);
}

}  // namespace vigil::edge
