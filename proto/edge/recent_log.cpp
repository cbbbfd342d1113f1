#include "proto/edge/recent_log.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <fcntl.h>
#include <mutex>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <sstream>
#include <string>
#include <sys/file.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include "proto/edge/files.hpp"

namespace vigil::edge {
namespace {

constexpr std::size_t most_lines = 1'000;
constexpr std::size_t longest_line = 2'048;
constexpr std::chrono::seconds write_every{10};

class LastLines : public spdlog::sinks::base_sink<std::mutex> {
public:
    LastLines() {
        set_formatter_(std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%eZ %-7l %v",
                                                                   spdlog::pattern_time_type::utc));
    }
    /// Lines of before, which do not count as seen or unseen.
    void recall(const std::string& text) {
        const std::lock_guard lock{mutex_};
        std::istringstream old{text};
        for (std::string line; std::getline(old, line);) keep(std::move(line) + "\n");
    }
    /// All lines; `seen` becomes how many there ever were. Empty: none since `seen`.
    std::string since(std::uint64_t& seen) {
        const std::lock_guard lock{mutex_};
        if (seen == count_) return {};
        seen = count_;
        std::string text;
        for (const std::string& line : lines_) text += line;
        return text;
    }

protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        spdlog::memory_buf_t line;
        formatter_->format(message, line);
        std::string text{line.data(), std::min(line.size(), longest_line)};
        if (text.empty() || text.back() != '\n') text += '\n';
        keep(std::move(text));
        ++count_;
    }
    void flush_() override {}

private:
    void keep(std::string line) {
        lines_.push_back(std::move(line));
        if (lines_.size() > most_lines) lines_.pop_front();
    }

    std::deque<std::string> lines_;
    std::uint64_t count_ = 0;
};

}  // namespace

struct RecentLog::Running {
    explicit Running(std::filesystem::path path) : file{std::move(path)} {
        // After a crash the lines before it are what is asked for.
        try {
            lines->recall(read_file_or_empty(file, most_lines * longest_line));
        } catch (const Fatal&) {
        }
        spdlog::default_logger()->sinks().push_back(lines);
        own = ::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (own >= 0 && ::flock(own, LOCK_EX | LOCK_NB) != 0) ::close(std::exchange(own, -1));
        thread = std::thread{[this] { run(); }};
    }
    ~Running() {
        {
            const std::lock_guard lock{mutex};
            stopping = true;
        }
        changed.notify_all();
        thread.join();
        std::erase(spdlog::default_logger()->sinks(), lines);
        if (own >= 0) ::close(own);
    }

    void run() {
        std::uint64_t written = 0;
        std::unique_lock lock{mutex};
        for (bool last = false; !last;) {
            changed.wait_for(lock, write_every, [this] { return stopping; });
            last = stopping;
            lock.unlock();
            if (const std::string text = lines->since(written); !text.empty()) write(text);
            lock.lock();
        }
    }

    /// Whole or not at all for a reader; not synced, since it is worth no wait.
    void write(const std::string& text) const {
        if (own < 0) return;
        const std::string draft = file.string() + ".new";
        const int out = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (out < 0) return;
        const bool whole =
            ::write(out, text.data(), text.size()) == static_cast<ssize_t>(text.size());
        ::close(out);
        if (!whole || ::rename(draft.c_str(), file.c_str()) != 0) ::unlink(draft.c_str());
    }

    const std::filesystem::path file;
    int own = -1;  ///< the folder, locked: whoever has it writes
    const std::shared_ptr<LastLines> lines = std::make_shared<LastLines>();
    std::mutex mutex;
    std::condition_variable changed;
    bool stopping = false;  // guarded by mutex
    std::thread thread;
};

RecentLog::RecentLog(std::filesystem::path file)
    : running_{std::make_unique<Running>(std::move(file))} {}
RecentLog::~RecentLog() = default;

}  // namespace vigil::edge
