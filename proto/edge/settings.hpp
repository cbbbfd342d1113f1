#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proto/edge/files.hpp"

namespace vigil::edge {

/// Where a setting may go. The pointed-to variable holds the default when it is declared.
/// An optional one is empty until it is set.
using SettingTarget =
    std::variant<std::string*, std::int64_t*, bool*, std::vector<std::string>*,
                 std::optional<std::string>*, std::optional<std::int64_t>*, std::optional<bool>*>;

struct Setting {
    std::string
        key;  ///< dotted TOML key, e.g. "http.port"; environment VIGIL_HTTP_PORT; flag --http-port
    SettingTarget target;
    std::string help;                               ///< one line
    std::int64_t min = INT64_MIN, max = INT64_MAX;  ///< of an integer
};

/// Configuration of one program, layered default < file < environment < flag, each value with its
/// source.
///
/// Use: declare() every setting, hand each flag that was given to set_flag(), then load(). After
/// load() the variables hold the effective values. Errors throw Fatal E-CONFIG with the key, what
/// was read, where it came from, and for an unknown key the nearest known one. Secrets are never
/// settings, only paths to them. In text, a bool is true/false, on/off, yes/no or 1/0; an empty
/// text is the empty list.
class Settings {
public:
    void declare(Setting setting);
    const std::vector<Setting>& declared() const { return settings_; }

    /// A table of tables whose names the owner chooses, as in [device."GPU-5f1c…"], or the same
    /// as a list, [[device]] with a key `name`; at most 64. The settings of a name that is met,
    /// their keys without table and name; their variables outlive this. Only the file reaches them,
    /// no environment and no flag, and effective() lists those that it sets.
    using RowSettings = std::function<std::vector<Setting>(const std::string& name)>;
    void declare_rows(std::string table, RowSettings row);

    /// `text` as typed on the command line; lists are comma-separated.
    void set_flag(const std::string& key, std::string text);

    /// `file` empty: no file. A named file that does not exist is an error. `environment`: name →
    /// value or nullptr; only main passes the real one. `environment_names` are all names that
    /// exist: an unknown VIGIL_… among them is an error, except VIGIL_CONFIG, by which main finds
    /// the file.
    void load(const std::filesystem::path& file,
              const std::function<const char*(const char*)>& environment,
              const std::vector<std::string>& environment_names);

    /// For a command that needs only some keys, such as a health check: what is wrong with any
    /// other key of the file or of the environment is left at its default, and told, a sentence
    /// each. Errors of the keys named, of flags, and a file that cannot be read as TOML throw as in
    /// load().
    std::vector<std::string> load_only(const std::vector<std::string>& needed,
                                       const std::filesystem::path& file,
                                       const std::function<const char*(const char*)>& environment,
                                       const std::vector<std::string>& environment_names);

    struct Effective {
        std::string key;
        std::string value;   ///< as TOML
        std::string source;  ///< "default", "file /etc/vigil/node.toml:12", "environment
                             ///< VIGIL_HTTP_PORT", "flag --http-port"
        std::string help;
    };
    std::vector<Effective> effective() const;

    /// For a program's own checks after load(): throws Fatal E-CONFIG as load() does, with the key,
    /// its value, where that came from, and what was expected.
    [[noreturn]] void wrong(std::string_view key, std::string_view expected) const;

private:
    const Setting* find(std::string_view key) const;
    std::vector<std::string> keys() const;
    /// Told of a key and of what is wrong with it; throws the error where it matters.
    using Judge = std::function<void(const std::string& key, const Fatal& error)>;
    void load_judged(const std::filesystem::path& file,
                     const std::function<const char*(const char*)>& environment,
                     const std::vector<std::string>& environment_names, const Judge& judge);
    void take_file(const std::filesystem::path& file, const Judge& judge);
    void assign(const Setting& setting, const std::string& text, const std::string& source);

    struct Rows {
        std::string table;
        RowSettings row;
    };
    std::vector<Setting> settings_;
    std::vector<Rows> rows_;
    std::vector<Setting> row_settings_;  // of the names met, by their full keys
    std::size_t rows_met_ = 0;
    std::map<std::string, std::string> flags_;
    std::map<std::string, std::string> sources_;
};

/// "http.port" → "VIGIL_HTTP_PORT", "--http-port".
std::string environment_name(std::string_view key);
std::string flag_name(std::string_view key);

/// The nearest of `known` to `word` when it is near enough to be a slip (a typing error, other
/// separators, a forgotten table name); else empty.
std::string nearest(std::string_view word, const std::vector<std::string>& known);

}  // namespace vigil::edge
