#pragma once

#include <deque>
#include <grpcpp/generic/generic_stub.h>
#include <memory>
#include <string>

#include "tests/load/loop.hpp"

namespace vigil::load {

struct Target {
    std::string address;  ///< host:port
    std::string ca_pem;   ///< empty: plain
};

/// A connection of its own: nothing is shared with another channel to the same address.
std::shared_ptr<grpc::Channel> connect(const Target& target);

/// One bidirectional stream of serialised messages. On its loop's thread only; deleted after
/// `ended` was told, or before start().
class ByteStream {
public:
    struct Events {
        std::function<void(grpc::ByteBuffer&)> message;
        std::function<void(const grpc::Status&)> ended;  ///< the last one
    };

    ByteStream(Loop& loop, const std::shared_ptr<grpc::Channel>& channel, const char* method,
               Events events);

    void start();
    void write(grpc::ByteBuffer message);  ///< queued behind those before it
    void pause_reading(bool paused);
    void cancel();

private:
    void read();
    void write_next();
    void end();

    Loop& loop_;
    grpc::GenericStub stub_;
    const std::string method_;
    const Events events_;
    grpc::ClientContext context_;
    std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
    Loop::Done started_, have_read_, have_written_, finished_;
    grpc::ByteBuffer incoming_;
    std::deque<grpc::ByteBuffer> outbox_;
    grpc::Status status_;
    bool live_ = false, reading_ = false, writing_ = false, paused_ = false, broken_ = false;
    bool finishing_ = false;
};

}  // namespace vigil::load
