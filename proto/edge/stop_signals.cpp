#include "proto/edge/stop_signals.hpp"

#include <csignal>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "proto/edge/files.hpp"

namespace vigil::edge {
namespace {

constexpr int interrupted_twice = 130;

int wake_pipe[2] = {-1, -1};

extern "C" void on_stop_signal(int) {
    const char signal = 's';
    (void)!write(wake_pipe[1], &signal, 1);
}

void handle(void (*handler)(int)) {
    struct sigaction action {};
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
}

}  // namespace

StopSignals::StopSignals() {
    if (pipe2(wake_pipe, O_CLOEXEC) != 0)
        throw Fatal{exit_configuration, "E-FILES",
                    "no file descriptor is free; raise the limit (ulimit -n)"};
    std::signal(SIGPIPE, SIG_IGN);
    handle(on_stop_signal);
    waiter_ = std::thread{[this] { wait(); }};
}

StopSignals::~StopSignals() {
    handle(SIG_DFL);
    (void)!write(wake_pipe[1], "e", 1);
    waiter_.join();
    close(wake_pipe[0]);
    close(wake_pipe[1]);
}

void StopSignals::wait() {
    for (char what{}; read(wake_pipe[0], &what, 1) == 1 && what == 's';) {
        if (source_.stop_requested()) _exit(interrupted_twice);
        source_.request_stop();
    }
}

}  // namespace vigil::edge
