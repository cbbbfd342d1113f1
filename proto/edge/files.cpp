#include "proto/edge/files.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace vigil::edge {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t secret_limit = 64 * 1024;

std::string reason(int error) { return std::generic_category().message(error); }

class Descriptor {
public:
    explicit Descriptor(int number) : number_{number} {}
    Descriptor(Descriptor&& other) noexcept : number_{std::exchange(other.number_, -1)} {}
    Descriptor& operator=(Descriptor&&) = delete;
    ~Descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    int get() const { return number_; }
    explicit operator bool() const { return number_ >= 0; }
    /// Some file systems report a failed write only here.
    bool close() { return ::close(std::exchange(number_, -1)) == 0; }

private:
    int number_;
};

/// Reads to the end, at most `limit` + 1 bytes, so that the caller can tell "too long". 0 or an
/// errno.
int read_all(int descriptor, std::size_t limit, std::string& out) {
    char chunk[16 * 1024];
    while (out.size() <= limit) {
        const auto got = ::read(descriptor, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return errno;
        if (got == 0) break;
        out.append(chunk, static_cast<std::size_t>(got));
    }
    OPENSSL_cleanse(chunk, sizeof chunk);
    return 0;
}

bool write_all(int descriptor, std::string_view content) {
    while (!content.empty()) {
        const auto written = ::write(descriptor, content.data(), content.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        content.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

fs::path folder_of(const fs::path& path) {
    return path.has_parent_path() ? path.parent_path() : fs::path{"."};
}

/// A new name is durable only once its directory is.
bool sync_folder(const fs::path& path) {
    const Descriptor folder{::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    return folder && ::fsync(folder.get()) == 0;
}

/// A finished, synced file beside `target`, under a name of its own. Removed unless `published`.
class Draft {
public:
    Draft(const fs::path& target, std::string_view content, mode_t mode)
        : name_{(folder_of(target) / fmt::format(".{}.XXXXXX", target.filename().string()))
                    .string()} {
        Descriptor file{::mkostemp(name_.data(), O_CLOEXEC)};  // O_EXCL, mode 0600
        if (!file) {
            error_ = errno;
            return;
        }
        exists_ = true;
        if (::fchmod(file.get(), mode) != 0 || !write_all(file.get(), content) ||
            ::fsync(file.get()) != 0 || !file.close())
            error_ = errno;
    }
    Draft(const Draft&) = delete;
    Draft& operator=(const Draft&) = delete;
    ~Draft() {
        if (exists_) ::unlink(name_.c_str());
    }
    int error() const { return error_; }
    const char* name() const { return name_.c_str(); }
    void renamed() { exists_ = false; }

private:
    std::string name_;
    int error_ = 0;
    bool exists_ = false;
};

Fatal cannot_write(const fs::path& path, int error) {
    return Fatal{exit_configuration, "E-FILE",
                 "cannot write " + path.string() + ": " + reason(error) +
                     ". Make the folder writable for this user, or name another path"};
}

void make_private_folder(const fs::path& folder) {
    std::error_code error;
    if (fs::exists(folder, error) || !fs::create_directories(folder, error)) return;
    fs::permissions(folder, fs::perms::owner_all, error);
}

/// For who is not the owner of a secret: chown would take one from a service whose user systemd
/// makes (DynamicUser), and the service would not start again.
std::string own_it(const fs::path& secret, uid_t owner) {
    constexpr uid_t first_dynamic = 61184, last_dynamic = 65519;
    if (owner < first_dynamic || owner > last_dynamic)
        return ". Run: chown " + std::to_string(::geteuid()) + " '" + secret.string() + "'";
    const std::string service = secret.parent_path().filename().string();
    return ", and the other is a service's own (DynamicUser of systemd), which must keep its file. "
           "Run: systemd-run --pipe --wait -p DynamicUser=yes -p User=" +
           service + " -p StateDirectory=" + service + " -p StateDirectoryMode=0700 COMMAND";
}

}  // namespace

int report_internal(std::string_view program, const std::exception& failure) {
    const std::string text = fmt::format(
        "{}: E-INTERNAL: {}. This is a fault of the program, not of its settings: please report "
        "it, "
        "with the lines before this one and what \"{} version\" prints\n",
        program, failure.what(), program);
    std::fputs(text.c_str(), stderr);
    return exit_check_failed;
}

Fatal::Fatal(int exit_code_in, std::string code_in, const std::string& what_and_what_to_do)
    : std::runtime_error{code_in + ": " + what_and_what_to_do},
      exit_code{exit_code_in},
      code{std::move(code_in)} {}

std::string read_secret(const fs::path& path) {
    const auto refuse = [&](const char* code, const std::string& why) {
        return Fatal{exit_configuration, code, "secret file " + path.string() + " " + why};
    };
    // O_NONBLOCK: opening a pipe must not wait for a writer.
    const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (!file)
        throw refuse("E-KEYREAD", "cannot be read: " + reason(errno) +
                                      ". Check the path and that it belongs to this user");
    struct stat state {};
    if (::fstat(file.get(), &state) != 0)
        throw refuse("E-KEYREAD", "cannot be read: " + reason(errno));
    if (!S_ISREG(state.st_mode)) throw refuse("E-KEYREAD", "is not a regular file");
    if (state.st_uid != ::geteuid())
        throw refuse("E-KEYOWNER", "belongs to user " + std::to_string(state.st_uid) +
                                       ", but this program runs as user " +
                                       std::to_string(::geteuid()) + own_it(path, state.st_uid));
    if ((state.st_mode & 077U) != 0) {
        const unsigned mode = state.st_mode & 0777U;
        const char octal[] = {'0', static_cast<char>('0' + (mode >> 6U)),
                              static_cast<char>('0' + (mode >> 3U & 7U)),
                              static_cast<char>('0' + (mode & 7U)), '\0'};
        throw refuse("E-KEYMODE", std::string{"has mode "} + octal +
                                      ", so others than its owner may use it. Run: chmod 600 '" +
                                      path.string() + "'");
    }
    std::string content;
    if (const int error = read_all(file.get(), secret_limit, content); error != 0)
        throw refuse("E-KEYREAD", "cannot be read: " + reason(error));
    if (content.size() > secret_limit)
        throw refuse("E-KEYREAD", "is over 64 KiB, so it is not a key. Check the path");
    return content;
}

void write_new_secret(const fs::path& path, std::string_view content) {
    make_private_folder(folder_of(path));
    const Draft draft{path, content, 0600};
    if (draft.error() != 0) throw cannot_write(path, draft.error());
    // A link never replaces a name, and the file it shows is complete.
    if (::link(draft.name(), path.c_str()) != 0) {
        if (errno != EEXIST) throw cannot_write(path, errno);
        throw Fatal{exit_configuration, "E-KEYEXISTS",
                    path.string() + " exists already and is never overwritten. Move it away first"};
    }
    if (!sync_folder(path)) throw cannot_write(path, errno);
}

LoadedKey load_or_create_key(const fs::path& path) {
    KeySeed seed;
    struct stat state {};
    if (::stat(path.c_str(), &state) != 0 && errno == ENOENT) {
        random_bytes(seed.bytes);
        std::string text = to_hex(seed) + "\n";
        write_new_secret(path, text);
        LoadedKey out{.key = SigningKey{seed}, .created = true};
        OPENSSL_cleanse(text.data(), text.size());
        OPENSSL_cleanse(seed.bytes.data(), seed.bytes.size());
        return out;
    }
    std::string text = read_secret(path);
    std::string_view digits = text;
    if (digits.ends_with('\n')) digits.remove_suffix(1);
    const bool good = digits.size() == 2 * KeySeed::size && hex_into(digits, seed.bytes);
    const std::size_t length = digits.size();
    OPENSSL_cleanse(text.data(), text.size());
    if (!good)
        throw Fatal{exit_configuration, "E-KEYREAD",
                    "key file " + path.string() + " has " + std::to_string(length) +
                        " characters and not 64 hexadecimal digits. Restore it from a backup; a "
                        "new key is a new identity"};
    LoadedKey out{.key = SigningKey{seed}, .created = false};
    OPENSSL_cleanse(seed.bytes.data(), seed.bytes.size());
    return out;
}

void replace_file(const fs::path& path, std::string_view content, unsigned mode) {
    Draft draft{path, content, static_cast<mode_t>(mode)};
    if (draft.error() != 0) throw cannot_write(path, draft.error());
    if (::rename(draft.name(), path.c_str()) != 0) throw cannot_write(path, errno);
    draft.renamed();
    if (!sync_folder(path)) throw cannot_write(path, errno);
}

std::string read_file_or_empty(const fs::path& path, std::size_t limit) {
    const auto refuse = [&](const std::string& why) {
        return Fatal{exit_configuration, "E-FILE", "cannot read " + path.string() + ": " + why};
    };
    const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (!file) {
        if (errno == ENOENT) return {};
        throw refuse(reason(errno));
    }
    std::string content;
    if (const int error = read_all(file.get(), limit, content); error != 0)
        throw refuse(reason(error));
    if (content.size() > limit)
        throw refuse("it is longer than the limit of " + std::to_string(limit) +
                     " bytes. Check that this is the right file");
    return content;
}

void random_bytes(std::span<std::uint8_t> out) {
    while (!out.empty()) {
        const auto got = ::getrandom(out.data(), out.size(), 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw std::system_error{errno, std::generic_category(), "getrandom"};
        out = out.subspan(static_cast<std::size_t>(got));
    }
}

}  // namespace vigil::edge
