#pragma once

#include <cstdint>
#include <exception>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "core/crypto/ed25519.hpp"

namespace vigil::edge {

/// A program cannot start or go on as configured: main prints `what()`, "CODE: what happened and
/// what to do", and exits with `exit_code` (experience: 3 configuration, 4 no usable device, 5
/// verifier unreachable, 6 refused). `code` is the short name that docs/troubleshooting.md
/// lists, e.g. "E-KEYMODE".
struct Fatal : std::runtime_error {
    Fatal(int exit_code_in, std::string code_in, const std::string& what_and_what_to_do);
    int exit_code;
    std::string code;
};

constexpr int exit_check_failed = 1, exit_usage = 2, exit_configuration = 3, exit_no_device = 4,
              exit_unreachable = 5, exit_refused = 6;

/// The end of a program that met what it does not expect: prints E-INTERNAL and what to do, and
/// returns the exit code.
int report_internal(std::string_view program, const std::exception& failure);

/// Reads a secret. Throws Fatal E-KEYMODE when group or others may read it (the message has the
/// chmod to run), E-KEYOWNER when it belongs to somebody else, E-KEYREAD when it cannot be read or
/// is over 64 KiB.
std::string read_secret(const std::filesystem::path& path);

/// Creates a secret with mode 0600, whole or not at all, and its folder (0700) when that is
/// missing. Throws Fatal E-KEYEXISTS rather than overwrite, E-FILE when it cannot be written.
/// Durable when it returns.
void write_new_secret(const std::filesystem::path& path, std::string_view content);

/// An Ed25519 seed as 64 hexadecimal digits and LF in a secret file; made from the system's
/// generator when the file does not exist. `created` tells.
struct LoadedKey {
    SigningKey key;
    bool created{};
};
LoadedKey load_or_create_key(const std::filesystem::path& path);

/// Writes beside the file, syncs, renames: a reader sees the old or the new content, never a part.
/// Durable when it returns; throws Fatal E-FILE.
void replace_file(const std::filesystem::path& path, std::string_view content,
                  unsigned mode = 0644);

/// Empty when there is no such file; throws Fatal E-FILE on any other failure or above `limit`
/// bytes.
std::string read_file_or_empty(const std::filesystem::path& path, std::size_t limit);

/// Bytes from the operating system's generator.
void random_bytes(std::span<std::uint8_t> out);

}  // namespace vigil::edge
