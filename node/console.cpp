#include "node/console.hpp"

#include <condition_variable>
#include <mutex>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <thread>
#include <unistd.h>

#include "node/console_lines.hpp"

namespace vigil::node {
namespace {

void write_all(const std::string& text) {
    std::size_t done = 0;
    while (done < text.size()) {
        const ssize_t count = ::write(STDERR_FILENO, text.data() + done, text.size() - done);
        if (count <= 0) return;
        done += static_cast<std::size_t>(count);
    }
}

std::size_t terminal_width() {
    winsize size{};
    if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 100;
    return size.ws_col;
}

}  // namespace

struct Console::Running {
    /// Writes a log line where the live line stood; the live line comes back below it.
    class AboveLiveLine : public spdlog::sinks::base_sink<std::mutex> {
    public:
        explicit AboveLiveLine(Running& running) : running_{running} {}

    protected:
        void sink_it_(const spdlog::details::log_msg& message) override {
            spdlog::memory_buf_t line;
            formatter_->format(message, line);
            running_.print(std::string{line.data(), line.size()});
        }
        void flush_() override {}

    private:
        Running& running_;
    };

    Running(Board& b, bool c) : board{b}, colour{c}, before{spdlog::default_logger()->sinks()} {
        auto sink = std::make_shared<AboveLiveLine>(*this);
        sink->set_pattern("%H:%M:%S %^%l%$ %v");
        spdlog::default_logger()->sinks() = {sink};
        refresher = std::thread{[this] { refresh(); }};
    }
    ~Running() {
        {
            const std::lock_guard lock{mutex};
            stopping = true;
            changed.notify_all();
        }
        refresher.join();
        spdlog::default_logger()->sinks() = before;
        write_all("\r\x1b[K");
    }

    void print(const std::string& line) {
        const std::lock_guard lock{mutex};
        write_all("\r\x1b[K" + line + live);
    }
    void refresh() {
        std::unique_lock lock{mutex};
        while (!stopping) {
            live = live_line(board.read(), {colour, terminal_width() - 1});
            write_all("\r\x1b[K" + live);
            changed.wait_for(lock, std::chrono::seconds{1});
        }
    }

    Board& board;
    const bool colour;
    const std::vector<spdlog::sink_ptr> before;
    std::mutex mutex;
    std::condition_variable changed;
    // guarded by mutex
    bool stopping = false;
    std::string live;
    std::thread refresher;
};

Console::Console(Board& board, bool colour) : running_{std::make_unique<Running>(board, colour)} {}
Console::~Console() = default;

}  // namespace vigil::node
