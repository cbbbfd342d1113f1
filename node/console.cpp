#include "node/console.hpp"

#include <algorithm>
#include <ctime>
#include <mutex>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include "node/console_lines.hpp"
#include "node/limit_keeper.hpp"
#include "node/terminal.hpp"

namespace vigil::node {
namespace {

constexpr Milliseconds redraw_every{1000};

void write_all(const std::string& text) {
    std::size_t done = 0;
    while (done < text.size()) {
        const ssize_t count = ::write(STDERR_FILENO, text.data() + done, text.size() - done);
        if (count <= 0) return;
        done += static_cast<std::size_t>(count);
    }
}

std::chrono::seconds utc_offset(Instant now) {
    const std::time_t time = to_ms(now) / 1000;
    std::tm local{};
    return std::chrono::seconds{::localtime_r(&time, &local) ? local.tm_gmtoff : 0};
}

}  // namespace

KeyAnswer answer_key(char key, const NodeStatus& status, const ConsoleActions& actions) {
    switch (key) {
        case 'h':
            return {rate_table(status)};
        case 'w':
            return {window_table(status, actions.now())};
        case 's':
            return {status_table(status, actions.now())};
        case 'p': {
            if (actions.paused()) return {"Going on.\n", [&actions] { actions.pause(false); }};
            std::string text = "Pause every device?\n";
            for (const DeviceStatus& device : status.devices)
                text += "  " + device.label + ": " + pause_costs(device) + "\n";
            return {text + "Press y to pause, any other key to go on.\n",
                    [&actions] { actions.pause(true); }, true};
        }
        case 'r':
            if (!actions.measure_again)
                return {"A rehearsal does not measure its kernels again.\n"};
            return {
                "Measure every kernel of every device again? The node starts anew for it when no "
                "check is open,\nand learns a check that begins meanwhile late. Press y to do "
                "it, any other key to leave it.\n",
                actions.measure_again, true};
        case '?':
            return {
                "Keys: h  hash rates         w  windows and verdicts   s  status\n"
                "      p  pause or go on     r  measure kernels again  ?  these keys\n"
                "      Ctrl-C  stop after the open check; twice: at once\n"};
        default:
            return {};
    }
}

struct Console::Running {
    /// Writes a log line where the live lines stood; they come back below it.
    class AboveLiveLines : public spdlog::sinks::base_sink<std::mutex> {
    public:
        explicit AboveLiveLines(Running& running) : running_{running} {}

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

    Running(Board& b, ConsoleActions a, bool c)
        : board{b},
          actions{std::move(a)},
          colour{c},
          before{spdlog::default_logger()->sinks().at(0)} {
        auto sink = std::make_shared<AboveLiveLines>(*this);
        sink->set_pattern("%H:%M:%S %^%l%$ %v");
        spdlog::default_logger()->sinks().at(0) = sink;  // others, of files, stay
        thread = std::thread{[this] { follow(); }};
    }
    ~Running() {
        leave(true);
        terminal.wake();
        thread.join();
        spdlog::default_logger()->sinks().at(0) = before;
    }

    void leave(bool for_ever) {
        const std::lock_guard lock{mutex};
        live.clear();
        write_all(erased());
        terminal.leave();
        away = true;
        stopping = stopping || for_ever;
    }
    void go_on() {
        {
            const std::lock_guard lock{mutex};
            away = false;
        }
        terminal.wake();
    }

    void print(const std::string& text) {
        const std::lock_guard lock{mutex};
        write_all(redrawn(text));
    }

    void follow() {
        while (redraw()) {
            const auto key = terminal.key(redraw_every);
            if (key) take(*key);
        }
    }

    bool redraw() {
        const NodeStatus status = board.read();
        const std::lock_guard lock{mutex};
        if (stopping) return false;
        live.clear();
        if (!away && terminal.take()) {
            const Instant now = actions.now();
            const auto size = terminal.size();
            live = live_lines(status, now,
                              {.colour = colour,
                               .width = size.width > 1 ? size.width - 1 : 1,
                               .most = std::max<std::size_t>(size.height / 2, 1),
                               .utc_offset = utc_offset(now)});
        }
        // One write: a terminal that shows what it has between two would flicker.
        write_all(redrawn(""));
        return true;
    }

    void take(char key) {
        if (const auto act = std::exchange(if_yes, nullptr)) {
            if (key == 'y') act();
            print(key == 'y' ? "Yes.\n" : "No.\n");
            return;
        }
        KeyAnswer answer = answer_key(key, board.read(), actions);
        if (!answer.text.empty()) print(answer.text);
        if (answer.asks)
            if_yes = std::move(answer.act);
        else if (answer.act)
            answer.act();
    }

    /// The live lines again, below `text`. With mutex.
    std::string redrawn(const std::string& text) {
        std::string all = erased();  // first: it looks at what is shown now
        all += text;
        return all += drawn(live);
    }
    /// From below the live lines to an empty line where the first of them stood. With mutex.
    std::string erased() {
        if (shown.empty()) return "";
        // A terminal that was made narrower has folded them since.
        const std::size_t width = std::max<std::size_t>(terminal.size().width, 1);
        std::size_t rows = 0;
        for (const std::size_t taken : shown) rows += taken == 0 ? 1 : (taken + width - 1) / width;
        shown.clear();
        // Row by row: some terminals keep a copy of a screen that is cleared from its top.
        std::string text = "\r\x1b[K";
        for (std::size_t row = 1; row < rows; ++row) text += "\x1b[A\x1b[K";
        return text;
    }
    /// With mutex.
    std::string drawn(const std::vector<std::string>& lines) {
        std::string text;
        for (const std::string& line : lines) {
            text.append(text.empty() ? "" : "\r\n").append(line);
            const std::size_t escapes = colour ? 9 : 0;  // "\x1b[32m" and "\x1b[0m"
            shown.push_back(columns(line) - escapes);
        }
        return text;
    }

    Board& board;
    const ConsoleActions actions;
    const bool colour;
    const spdlog::sink_ptr before;
    std::function<void()> if_yes;  // the console's thread
    std::mutex mutex;
    // guarded by mutex, but for key() and wake()
    Terminal terminal;
    bool stopping = false;
    bool away = false;
    std::vector<std::string> live;
    std::vector<std::size_t> shown;  // columns of each line that stands there now
    std::thread thread;
};

Console::Console(Board& board, ConsoleActions actions, bool colour)
    : running_{std::make_unique<Running>(board, std::move(actions), colour)} {}
Console::~Console() = default;
void Console::leave() { running_->leave(false); }
void Console::go_on() { running_->go_on(); }

}  // namespace vigil::node
