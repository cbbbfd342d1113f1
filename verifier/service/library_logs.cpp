#include "verifier/service/library_logs.hpp"

#include <atomic>
#include <chrono>
#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <spdlog/spdlog.h>

#include "proto/edge/logging.hpp"

namespace vigil::verifier {
namespace {

constexpr int lines_a_minute = 20;
constexpr std::size_t longest_line = 400;

void log_line(gpr_log_func_args* line) {
    static std::atomic<std::int64_t> minute{0};
    static std::atomic<int> lines{0};
    const std::int64_t now = std::chrono::duration_cast<std::chrono::minutes>(
                                 std::chrono::steady_clock::now().time_since_epoch())
                                 .count();
    if (minute.exchange(now) != now) lines = 0;
    if (lines++ >= lines_a_minute) return;
    spdlog::warn("grpc: {}", edge::for_log(line->message, longest_line));
}

}  // namespace

void bound_library_logs() {
    google::protobuf::SetLogHandler(nullptr);
    gpr_set_log_function(log_line);
}

}  // namespace vigil::verifier
