#pragma once

#include <memory>
#include <mutex>
#include <set>

#include "grpc/health/v1/health.grpc.pb.h"
#include "verifier/service/network_thread.hpp"

namespace vigil::verifier {

/// grpc.health.v1, for balancers and orchestrators: the server as a whole is serving until its end
/// is announced. A watcher is told so, told of the end, and its stream is ended; at most 64 watch.
class HealthRpc final : public grpc::health::v1::Health::AsyncService {
public:
    explicit HealthRpc(Parts& parts) : parts_{parts} {}

    std::vector<NetworkThread::Listen> methods();
    void tell_watchers();  ///< once parts.not_serving is set; any thread

private:
    class Watcher;
    void listen_for_watchers(NetworkThread& thread, grpc::ServerCompletionQueue& queue);
    bool admit(Watcher& watcher);
    void forget(Watcher& watcher);

    Parts& parts_;
    std::mutex mutex_;
    // guarded by mutex_
    std::set<Watcher*> watchers_;
};

}  // namespace vigil::verifier
