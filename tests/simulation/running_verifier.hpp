#pragma once

#include <atomic>
#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <sstream>
#include <string>
#include <thread>

#include "tests/edge/http_client.hpp"
#include "verifier/run.hpp"

namespace vigil::verifier {

/// A whole verifier in a thread.
class RunningVerifier {
public:
    RunningVerifier(const std::filesystem::path& data_dir, std::atomic<Milliseconds>& jump) {
        VerifierOptions options;
        options.data_dir = data_dir;
        options.policy = "demo";
        options.address = options.http_address = "127.0.0.1";
        options.port = options.http_port = 0;
        options.clock = [&jump, began = std::chrono::steady_clock::now()] {
            return begin + jump.load() +
                   std::chrono::floor<Milliseconds>(std::chrono::steady_clock::now() - began);
        };
        std::promise<const VerifierView*> ready;
        auto when_ready = ready.get_future();
        thread_ = std::thread{[this, options, &ready] {
            run_verifier(options, stop_.get_token(),
                         [&](const VerifierView& view) { ready.set_value(&view); });
        }};
        view_ = when_ready.get();
    }
    ~RunningVerifier() {
        stop_.request_stop();
        thread_.join();
    }

    /// What /readyz says once it has this status; empty when it does not come to that.
    std::string readiness(unsigned status) const {
        for (int i = 0; i < 100; ++i) {
            edge::RawConnection connection{view_->http_port};
            connection.send("GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            const std::string response = connection.rest();
            if (edge::status_of(response) == status) return edge::body_of(response);
            std::this_thread::sleep_for(std::chrono::milliseconds{50});
        }
        return {};
    }
    std::optional<WindowIndex> last_closed() const {
        std::optional<WindowIndex> closed;
        view_->store.read([&](Reader& reader) { closed = reader.last_closed_window(); });
        return closed;
    }

private:
    /// The begin of a window of the demo's calendar, so that none ends while a test looks.
    static constexpr Instant begin = instant_from_ms(14'000'000 * std::int64_t{120'000});

    std::stop_source stop_;
    const VerifierView* view_{};
    std::thread thread_;
};

/// Everything logged while it lives.
class KeptLog {
public:
    KeptLog() : before_{spdlog::default_logger()} {
        spdlog::set_default_logger(std::make_shared<spdlog::logger>(
            "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(text_)));
    }
    ~KeptLog() { spdlog::set_default_logger(before_); }
    std::size_t count(const std::string& words) const {
        const std::string text = text_.str();
        std::size_t found = 0;
        for (auto at = text.find(words); at != std::string::npos; at = text.find(words, at + 1))
            ++found;
        return found;
    }
    std::string line_with(const std::string& words) const {
        std::istringstream lines{text_.str()};
        for (std::string line; std::getline(lines, line);)
            if (line.find(words) != std::string::npos) return line;
        return {};
    }

private:
    std::shared_ptr<spdlog::logger> before_;
    std::ostringstream text_;
};

}  // namespace vigil::verifier
