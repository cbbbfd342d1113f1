#include "tests/load/byte_stream.hpp"

#include <utility>

namespace vigil::load {

std::shared_ptr<grpc::Channel> connect(const Target& target) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 20'000);
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1'000);
    // Names and service configurations are not looked up: there are thousands of channels.
    arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);  // as the node does
    if (target.ca_pem.empty())
        return grpc::CreateCustomChannel(target.address, grpc::InsecureChannelCredentials(),
                                         arguments);
    grpc::SslCredentialsOptions ssl;
    ssl.pem_root_certs = target.ca_pem;
    return grpc::CreateCustomChannel(target.address, grpc::SslCredentials(ssl), arguments);
}

ByteStream::ByteStream(Loop& loop, const std::shared_ptr<grpc::Channel>& channel,
                       const char* method, Events events)
    : loop_{loop},
      stub_{channel},
      method_{method},
      events_{std::move(events)},
      started_{[this](bool ok) {
          reading_ = false;
          live_ = ok;
          broken_ = !ok;
          read();
          write_next();
          end();
      }},
      have_read_{[this](bool ok) {
          reading_ = false;
          if (ok)
              events_.message(incoming_);
          else
              broken_ = true;
          read();
          end();
      }},
      have_written_{[this](bool ok) {
          writing_ = false;
          if (!ok) broken_ = true;
          write_next();
          end();
      }},
      finished_{[this](bool) { events_.ended(status_); }} {}

void ByteStream::start() {
    // A stream waits for its connection instead of failing at the first refused attempt.
    context_.set_wait_for_ready(true);
    stream_ = stub_.PrepareCall(&context_, method_, &loop_.queue());
    reading_ = true;
    stream_->StartCall(&started_);
}

void ByteStream::write(grpc::ByteBuffer message) {
    outbox_.push_back(std::move(message));
    write_next();
}

void ByteStream::pause_reading(bool paused) {
    paused_ = paused;
    if (!paused) read();
}

void ByteStream::cancel() {
    context_.TryCancel();
    if (reading_ || writing_) return;
    broken_ = true;
    end();
}

void ByteStream::read() {
    if (!live_ || reading_ || paused_ || broken_ || finishing_) return;
    reading_ = true;
    stream_->Read(&incoming_, &have_read_);
}

void ByteStream::write_next() {
    if (!live_ || writing_ || broken_ || finishing_ || outbox_.empty()) return;
    const grpc::ByteBuffer message = std::move(outbox_.front());
    outbox_.pop_front();
    writing_ = true;
    stream_->Write(message, &have_written_);
}

void ByteStream::end() {
    if (!broken_ || reading_ || writing_ || std::exchange(finishing_, true)) return;
    stream_->Finish(&status_, &finished_);
}

}  // namespace vigil::load
