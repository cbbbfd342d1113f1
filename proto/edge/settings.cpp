#include "proto/edge/settings.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <sstream>
#include <utility>

#include "core/base/require.hpp"
#include "proto/edge/files.hpp"
#include "proto/edge/logging.hpp"
#include "proto/edge/toml_text.hpp"

namespace vigil::edge {

namespace {

constexpr std::size_t file_limit = 1024 * 1024;
constexpr std::size_t most_rows = 64;
constexpr std::string_view environment_prefix = "VIGIL_";
constexpr std::string_view own_path_name = "VIGIL_CONFIG";

[[noreturn]] void refuse(const std::string& why) {
    throw Fatal{exit_configuration, "E-CONFIG", why};
}

/// "; did you mean …?" or, without a near one, `otherwise`.
std::string suggestion(const std::string& near, const std::string& otherwise) {
    return near.empty() ? otherwise : fmt::format("; did you mean \"{}\"?", near);
}

struct Place {
    const Setting& setting;
    const std::string& source;

    [[noreturn]] void wrong(std::string_view got, std::string_view expected) const {
        refuse(
            fmt::format("{} = {} ({}): expected {}", setting.key, for_log(got), source, expected));
    }

    std::int64_t in_range(std::int64_t number) const {
        if (number < setting.min || number > setting.max)
            wrong(std::to_string(number),
                  setting.max == INT64_MAX   ? fmt::format("at least {}", setting.min)
                  : setting.min == INT64_MIN ? fmt::format("at most {}", setting.max)
                                             : fmt::format("{} to {}", setting.min, setting.max));
        return number;
    }
};

struct FromText {
    const std::string& text;
    const Place& place;

    void operator()(std::string* target) const { *target = text; }
    void operator()(std::int64_t* target) const {
        std::int64_t number{};
        const char* const end = text.data() + text.size();
        const auto [stop, error] = std::from_chars(text.data(), end, number);
        if (error != std::errc{} || stop != end) place.wrong(toml_quoted(text), "a whole number");
        *target = place.in_range(number);
    }
    void operator()(bool* target) const {
        constexpr std::array<std::string_view, 4> yes{"true", "on", "yes", "1"};
        constexpr std::array<std::string_view, 4> no{"false", "off", "no", "0"};
        const bool on = std::ranges::find(yes, text) != yes.end();
        if (!on && std::ranges::find(no, text) == no.end())
            place.wrong(toml_quoted(text), "true or false");
        *target = on;
    }
    void operator()(std::vector<std::string>* target) const {
        target->clear();
        if (text.empty()) return;
        for (std::size_t start = 0; start <= text.size();) {
            const std::size_t comma = std::min(text.find(',', start), text.size());
            target->push_back(text.substr(start, comma - start));
            start = comma + 1;
        }
    }
    template <class T>
    void operator()(std::optional<T>* target) const {
        T value{};
        (*this)(&value);
        *target = std::move(value);
    }
};

struct FromToml {
    const toml::node& node;
    const Place& place;

    [[noreturn]] void wrong(std::string_view expected) const {
        std::string got = fmt::format("a TOML {}", [&] {
            std::ostringstream type;
            type << node.type();
            return type.str();
        }());
        // A list of a table that the owner named holds a program's arguments, which may be secret.
        const bool arguments =
            std::holds_alternative<std::vector<std::string>*>(place.setting.target) &&
            place.setting.key.find('"') != std::string::npos;
        if (const auto* text = node.as_string(); text && !arguments)
            got = toml_quoted(text->get());
        place.wrong(got, expected);
    }
    void operator()(std::string* target) const {
        const auto* text = node.as_string();
        if (text == nullptr) wrong("a text in quotes");
        *target = text->get();
    }
    void operator()(std::int64_t* target) const {
        const auto* number = node.as_integer();
        if (number == nullptr) wrong("a whole number, without quotes");
        *target = place.in_range(number->get());
    }
    void operator()(bool* target) const {
        const auto* flag = node.as_boolean();
        if (flag == nullptr) wrong("true or false, without quotes");
        *target = flag->get();
    }
    void operator()(std::vector<std::string>* target) const {
        const auto* array = node.as_array();
        if (array == nullptr) wrong("a list of texts, as in [\"a\", \"b\"]");
        std::vector<std::string> entries;
        for (const auto& entry : *array) {
            const auto* text = entry.as_string();
            if (text == nullptr) wrong("a list of texts only, as in [\"a\", \"b\"]");
            entries.push_back(text->get());
        }
        *target = std::move(entries);
    }
    template <class T>
    void operator()(std::optional<T>* target) const {
        T value{};
        (*this)(&value);
        *target = std::move(value);
    }
};

struct AsToml {
    std::string operator()(const std::string* text) const { return toml_quoted(*text); }
    std::string operator()(const std::int64_t* number) const { return std::to_string(*number); }
    std::string operator()(const bool* flag) const { return *flag ? "true" : "false"; }
    std::string operator()(const std::vector<std::string>* entries) const {
        std::string out = "[";
        for (const auto& entry : *entries)
            (out += out.size() > 1 ? ", " : "") += toml_quoted(entry);
        return out += "]";
    }
    template <class T>
    std::string operator()(const std::optional<T>* target) const {
        return *target ? (*this)(&**target) : "";
    }
};

template <class Judge, class Take>
void judged(const Judge& judge, const std::string& key, Take&& take) {
    try {
        take();
    } catch (const Fatal& error) {
        judge(key, error);
    }
}

}  // namespace

std::string environment_name(std::string_view key) {
    std::string out{environment_prefix};
    for (const char c : key)
        out += c == '.' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return out;
}

std::string flag_name(std::string_view key) {
    std::string out = "--";
    for (const char c : key) out += c == '.' || c == '_' ? '-' : c;
    return out;
}

void Settings::declare(Setting setting) {
    for (const auto& other : settings_)
        require(environment_name(other.key) != environment_name(setting.key) &&
                    flag_name(other.key) != flag_name(setting.key),
                "two settings share a key, an environment name or a flag");
    settings_.push_back(std::move(setting));
}

void Settings::declare_rows(std::string table, RowSettings row) {
    require(std::ranges::none_of(settings_,
                                 [&](const Setting& other) {
                                     return other.key == table ||
                                            other.key.starts_with(table + ".");
                                 }),
            "a table of rows holds settings of its own");
    rows_.push_back({std::move(table), std::move(row)});
}

const Setting* Settings::find(std::string_view key) const {
    const auto found = std::ranges::find(settings_, key, &Setting::key);
    return found == settings_.end() ? nullptr : &*found;
}

std::vector<std::string> Settings::keys() const {
    std::vector<std::string> out;
    for (const auto& setting : settings_) out.push_back(setting.key);
    return out;
}

void Settings::set_flag(const std::string& key, std::string text) {
    if (find(key) == nullptr)
        refuse(fmt::format("unknown setting \"{}\"{}", for_log(key),
                           suggestion(nearest(key, keys()), "")));
    flags_[key] = std::move(text);
}

void Settings::assign(const Setting& setting, const std::string& text, const std::string& source) {
    const Place place{.setting = setting, .source = source};
    std::visit(FromText{.text = text, .place = place}, setting.target);
    sources_[setting.key] = source;
}

void Settings::take_file(const std::filesystem::path& file, const Judge& judge) {
    const std::string origin = file.string();
    std::error_code error;
    if (!std::filesystem::exists(file, error))
        refuse("configuration file " + origin + " does not exist");
    const toml::table document =
        parse_toml(read_file_or_empty(file, file_limit), origin, "E-CONFIG");

    const auto take_value = [&](const Setting& setting, const toml::node& node) {
        const std::string source = "file " + vigil::edge::place(origin, node);
        judged(judge, setting.key, [&] {
            const Place place{.setting = setting, .source = source};
            std::visit(FromToml{.node = node, .place = place}, setting.target);
            sources_[setting.key] = source;
        });
    };
    const auto unknown = [&](const std::string& key, const toml::node& node,
                             const std::string& advice) {
        judged(judge, key, [&] {
            refuse(fmt::format("{}: unknown key \"{}\"{}", vigil::edge::place(origin, node),
                               for_log(key), advice));
        });
    };
    const auto take_row = [&](const Rows& rows, const std::string& name, const toml::node& node,
                              bool listed) {
        const std::string key = rows.table + "." + toml_quoted(name);
        const auto* row = node.as_table();
        if (row == nullptr || rows_met_ == most_rows)
            return judged(judge, key, [&] {
                refuse(fmt::format(
                    "{}: {}", vigil::edge::place(origin, node),
                    row ? fmt::format("more than {} tables in [{}]", most_rows, rows.table)
                        : fmt::format("{} is no table; write [{}]", for_log(key), for_log(key))));
            });
        ++rows_met_;
        std::vector<std::string> names;
        const std::size_t first = row_settings_.size();
        for (Setting& setting : rows.row(name)) {
            names.push_back(setting.key);
            setting.key = key + "." + setting.key;
            row_settings_.push_back(std::move(setting));
        }
        for (const auto& [inner, value] : *row) {
            if (listed && inner.str() == "name") continue;
            const auto at = std::ranges::find(names, inner.str());
            if (at != names.end())
                take_value(row_settings_[first + static_cast<std::size_t>(at - names.begin())],
                           value);
            else
                unknown(key + "." + std::string{inner.str()}, value,
                        suggestion(nearest(inner.str(), names),
                                   fmt::format("; it may hold {}", fmt::join(names, ", "))));
        }
    };
    const auto take_listed = [&](const Rows& rows, const toml::array& list) {
        std::vector<std::string> names;
        for (const auto& row : list) {
            const auto* table = row.as_table();
            const auto name = table ? (*table)["name"].value<std::string>() : std::nullopt;
            if (name && !name->empty() && std::ranges::find(names, *name) == names.end()) {
                names.push_back(*name);
                take_row(rows, *name, row, true);
                continue;
            }
            judged(judge, rows.table, [&] {
                refuse(fmt::format("{}: each [[{}]] needs a name of its own, as in name = \"one\"",
                                   vigil::edge::place(origin, row), rows.table));
            });
        }
    };
    const auto take_rows = [&](const Rows& rows, const toml::node& node) {
        if (const auto* list = node.as_array()) return take_listed(rows, *list);
        const auto* named = node.as_table();
        if (named != nullptr)
            for (const auto& [name, row] : *named)
                take_row(rows, std::string{name.str()}, row, false);
        else
            judged(judge, rows.table, [&] {
                refuse(fmt::format("{}: {} holds a table for each name, as in [{}.\"name\"]",
                                   vigil::edge::place(origin, node), rows.table, rows.table));
            });
    };
    const auto take = [&](const auto& self, const toml::table& table,
                          const std::string& prefix) -> void {
        for (const auto& [name, node] : table) {
            const std::string key = prefix + std::string{name.str()};
            const auto rows = std::ranges::find(rows_, key, &Rows::table);
            if (rows != rows_.end()) {
                take_rows(*rows, node);
            } else if (const Setting* setting = find(key)) {
                take_value(*setting, node);
            } else if (const auto* inner = node.as_table(); inner != nullptr && !inner->empty()) {
                self(self, *inner, key + ".");
            } else {
                unknown(
                    key, node,
                    suggestion(nearest(key, keys()), "; the command \"config\" lists every key"));
            }
        }
    };
    take(take, document, "");
}

void Settings::load(const std::filesystem::path& file,
                    const std::function<const char*(const char*)>& environment,
                    const std::vector<std::string>& environment_names) {
    load_judged(file, environment, environment_names,
                [](const std::string&, const Fatal& error) { throw Fatal{error}; });
}

std::vector<std::string> Settings::load_only(
    const std::vector<std::string>& needed, const std::filesystem::path& file,
    const std::function<const char*(const char*)>& environment,
    const std::vector<std::string>& environment_names) {
    std::vector<std::string> told;
    load_judged(file, environment, environment_names,
                [&](const std::string& key, const Fatal& error) {
                    if (std::ranges::find(needed, key) != needed.end()) throw Fatal{error};
                    told.emplace_back(error.what());
                });
    return told;
}

void Settings::load_judged(const std::filesystem::path& file,
                           const std::function<const char*(const char*)>& environment,
                           const std::vector<std::string>& environment_names, const Judge& judge) {
    if (!file.empty()) take_file(file, judge);

    std::vector<std::string> known;
    for (const auto& setting : settings_) known.push_back(environment_name(setting.key));
    for (const auto& name : environment_names) {
        if (!name.starts_with(environment_prefix) || name == own_path_name ||
            std::ranges::find(known, name) != known.end())
            continue;
        judged(judge, name, [&] {
            refuse(fmt::format("unknown environment variable {}{}", for_log(name),
                               suggestion(nearest(name, known), "; unset it")));
        });
    }
    for (const auto& setting : settings_) {
        const std::string name = environment_name(setting.key);
        if (const char* text = environment(name.c_str()))
            judged(judge, setting.key, [&] { assign(setting, text, "environment " + name); });
    }
    for (const auto& [key, text] : flags_) assign(*find(key), text, "flag " + flag_name(key));
}

void Settings::wrong(std::string_view key, std::string_view expected) const {
    for (const Effective& one : effective())
        if (one.key == key)
            refuse(fmt::format("{} = {} ({}): expected {}", one.key, for_log(one.value), one.source,
                               expected));
    refuse(fmt::format("{}: expected {}", key, expected));
}

std::vector<Settings::Effective> Settings::effective() const {
    std::vector<Effective> out;
    for (const auto& setting : settings_) {
        const auto source = sources_.find(setting.key);
        out.push_back({.key = setting.key,
                       .value = std::visit(AsToml{}, setting.target),
                       .source = source == sources_.end() ? "default" : source->second,
                       .help = setting.help});
    }
    for (const auto& setting : row_settings_) {
        const auto source = sources_.find(setting.key);
        if (source != sources_.end())
            out.push_back({.key = setting.key,
                           .value = std::visit(AsToml{}, setting.target),
                           .source = source->second,
                           .help = setting.help});
    }
    return out;
}

}  // namespace vigil::edge
