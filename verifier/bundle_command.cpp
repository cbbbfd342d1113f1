#include "verifier/bundle_command.hpp"

#include <filesystem>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <iostream>
#include <sys/utsname.h>

#include "proto/edge/bundle.hpp"
#include "proto/edge/http_client.hpp"
#include "proto/edge/recent_log.hpp"
#include "verifier/premises.hpp"
#include "verifier/store/open_store.hpp"
#include "verifier/version.hpp"

namespace vigil::verifier {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t answer_limit = 4 * 1024 * 1024;

std::string asked_of_running(const VerifierOptions& options, const std::string& path) {
    edge::HttpCall call;
    call.url.host = options.http_address;
    if (call.url.host == "0.0.0.0") call.url.host = "127.0.0.1";
    if (call.url.host == "::") call.url.host = "::1";
    call.url.port = options.http_port;
    call.url.target = path;
    call.body_limit = answer_limit;
    const auto answer = edge::http_call(call, [] { return false; });
    if (!answer) return "no running verifier answers: " + answer.error() + "\n";
    return fmt::format("{}{}", answer->status == 200 ? "" : fmt::format("{} ", answer->status),
                       answer->body);
}

std::string versions(Instant now) {
    std::string text = fmt::format("vigil-verifier {}\ntime {:%FT%TZ}\n", version,
                                   std::chrono::floor<std::chrono::seconds>(now));
    utsname system{};
    if (::uname(&system) == 0)
        text += fmt::format("{} {} {}\n", system.sysname, system.release, system.machine);
    return text;
}

/// What there is and how much of it; of the record itself nothing.
std::string store_words(const VerifierOptions& options) {
    std::string text;
    std::error_code failure;
    for (const auto& entry : fs::directory_iterator{options.data_dir, failure})
        if (entry.is_regular_file(failure))
            text += fmt::format("{} {} bytes\n", entry.path().filename().string(),
                                entry.file_size(failure));
    if (failure) text += options.data_dir.string() + ": " + failure.message() + "\n";
    try {
        const auto store = open_store_at_for_reading(premises_of(options).store);
        store->read([&](Reader& reader) {
            const auto closed = reader.last_closed_window();
            const auto settled = reader.last_settled_day();
            text += fmt::format("last closed window {}\nlast settled day {}\nenrolments {}\n",
                                closed ? std::to_string(closed->value) : "none",
                                settled ? std::to_string(settled->day.value) : "none",
                                reader.enrolment_count());
        });
    } catch (const StoreFailed& trouble) {
        text += std::string{trouble.what()} + "\n";
    }
    return text;
}

std::string log_of(const fs::path& data_dir) {
    try {
        const std::string text =
            edge::read_file_or_empty(data_dir / edge::RecentLog::file_name, answer_limit);
        return text.empty() ? "there is none: the verifier has not run here yet\n" : text;
    } catch (const edge::Fatal& trouble) {
        return std::string{trouble.what()} + "\n";
    }
}

}  // namespace

int write_bundle(const VerifierOptions& options, const edge::Settings& settings,
                 const std::string& output) {
    const Instant now = options.clock();
    const fs::path archive = output.empty() ? edge::bundle_name("vigil-verifier", now) : output;
    const Premises premises = premises_of(options);
    std::vector<std::string> secrets = edge::secrets_in(premises.receipt_key);
    for (const std::string& line : edge::secrets_in(premises.key)) secrets.push_back(line);
    for (const fs::path& file : edge::secret_files_of(options.channels))
        for (std::string& line : edge::secrets_in(file)) secrets.push_back(std::move(line));
    const std::vector<edge::BundledFile> files{
        {"versions.txt", versions(now)},
        {"config.toml", edge::settings_without_secrets(settings)},
        {"ready.txt", asked_of_running(options, "/readyz")},
        {"metrics.txt", asked_of_running(options, "/metrics")},
        {"store.txt", store_words(options)},
        {"log.txt", log_of(options.data_dir)}};
    edge::write_bundle(archive, files, secrets, now);
    std::cout << fmt::format(
        "{} (mode 0600) holds\n{}"
        "No key, password or path of a URL is in it; addresses and names of this machine and of "
        "nodes in the log are. Look before you send it: tar xf '{}'\n",
        archive.string(), edge::contents_of(files), archive.string());
    return 0;
}

}  // namespace vigil::verifier
