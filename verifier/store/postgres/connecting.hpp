#pragma once

#include <libpq-fe.h>
#include <memory>

#include "verifier/store/postgres/address.hpp"

namespace vigil::verifier::postgres {

struct Finish {
    void operator()(PGconn* db) const { PQfinish(db); }
};
using Session = std::unique_ptr<PGconn, Finish>;

/// A session at the first of the hosts that is as the address wants it. Throws TryAgain when nobody
/// answers or takes it now, StoreFailed when it is refused.
Session connect(const Address& address);

}  // namespace vigil::verifier::postgres
