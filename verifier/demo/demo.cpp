#include "verifier/demo/demo.hpp"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fmt/format.h>
#include <future>
#include <optional>
#include <system_error>
#include <thread>

#include "proto/edge/files.hpp"
#include "verifier/demo/play.hpp"
#include "verifier/run.hpp"

namespace vigil::verifier::demo {
namespace {

constexpr std::int64_t days_until_table = 3;
constexpr int exit_interrupted = 130;

/// A directory that is gone when this is.
class TemporaryDirectory {
public:
    TemporaryDirectory() {
        std::string name = (std::filesystem::temp_directory_path() / "vigil-demo-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr)
            throw edge::Fatal{edge::exit_configuration, "E-DEMO",
                              "no temporary directory can be made in " +
                                  std::filesystem::temp_directory_path().string() + "; set TMPDIR"};
        path_ = name;
    }
    ~TemporaryDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

/// The verifier of this process on a thread of its own. Whatever ends it before it is ready is
/// thrown here.
class VerifierThread {
public:
    explicit VerifierThread(const VerifierOptions& options) {
        auto ready = std::make_shared<std::promise<VerifierView>>();
        auto view = ready->get_future();
        thread_ = std::jthread{[this, options, ready](const std::stop_token& stop) {
            try {
                run_verifier(options, stop,
                             [&](const VerifierView& running) { ready->set_value(running); });
            } catch (...) {
                try {
                    ready->set_exception(std::current_exception());
                } catch (const std::future_error&) {
                    failure_ = std::current_exception();  // it was ready and broke later
                }
            }
        }};
        view_.emplace(view.get());
    }

    const VerifierView& view() const { return *view_; }

    /// Returns when it has stopped; throws what broke it.
    void stop() {
        thread_.request_stop();
        thread_.join();
        if (failure_) std::rethrow_exception(failure_);
    }

private:
    std::optional<VerifierView> view_;
    std::exception_ptr failure_;
    std::jthread thread_;
};

VerifierOptions options_for(const DemoOptions& options, const std::filesystem::path& directory) {
    VerifierOptions verifier;
    verifier.data_dir = directory / "verifier";
    verifier.network_name = "demo";
    verifier.policy = "demo";
    verifier.address = "127.0.0.1";
    verifier.port = 0;
    verifier.http_address = "127.0.0.1";
    verifier.http_port = options.http_port;
    verifier.reflection = true;
    verifier.max_sessions = 100;  // its own, and a visitor's; few descriptors are enough
    verifier.clock = options.clock;
    return verifier;
}

/// Answers that carried another's device or challenge: what a replayer sends.
std::uint64_t replays_refused(const VerifierView& view) {
    return view.refused(wire::RefusalReason::foreign_challenge) +
           view.refused(wire::RefusalReason::unknown_challenge);
}

}  // namespace

int run_demo(const DemoOptions& options, const std::stop_token& stop) {
    const std::filesystem::path node_program =
        options.node_program.empty() ? find_node_program(options.own_program, options.search_path)
                                     : options.node_program;
    const TemporaryDirectory directory;
    VerifierThread verifier{options_for(options, directory.path())};
    const VerifierView& view = verifier.view();
    std::fputs(fmt::format("verifier  127.0.0.1:{} (gRPC over TLS, certificate {}…)\n"
                           "pages     http://127.0.0.1:{}/\n"
                           "metrics   http://127.0.0.1:{}/metrics\nfiles     {}\n\n",
                           view.port, view.tls_fingerprint.substr(0, 16), view.http_port,
                           view.http_port, directory.path().string())
                   .c_str(),
               stdout);

    Stage stage{.store = view.store,
                .schedule = view.schedule,
                .address = fmt::format("127.0.0.1:{}", view.port),
                .certificate = view.ca_file,
                .refused = [&view] { return replays_refused(view); },
                .clock = options.clock};
    const Ending ending = play(stage,
                               {.days = options.days > 0 ? options.days : days_until_table,
                                .go_on = options.days == 0,
                                .directory = directory.path(),
                                .node_program = node_program},
                               stop);
    verifier.stop();
    switch (ending) {
        case Ending::as_expected:
            return 0;
        case Ending::not_as_expected:
            return edge::exit_check_failed;
        case Ending::interrupted:
            return exit_interrupted;
    }
    return edge::exit_check_failed;
}

}  // namespace vigil::verifier::demo
