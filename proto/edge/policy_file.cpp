#include "proto/edge/policy_file.hpp"

#include <filesystem>
#include <fmt/format.h>
#include <utility>

#include "proto/edge/files.hpp"
#include "proto/edge/settings.hpp"
#include "proto/edge/toml_text.hpp"

namespace vigil::edge {

namespace {

constexpr std::size_t policy_limit = 64 * 1024;

[[noreturn]] void refuse(const std::string& why) {
    throw Fatal{exit_configuration, "E-POLICY", why};
}

/// Flattens one document. Names every value by its dotted key and place when it refuses one.
class Flattened {
public:
    explicit Flattened(const std::string& origin) : origin_{origin} {}

    void take(const toml::table& table, const std::string& prefix) {
        for (const auto& [name, node] : table) {
            const std::string key = prefix + std::string{name.str()};
            if (const auto* inner = node.as_table())
                take(*inner, key + ".");
            else if (!values_.emplace(key, value(key, node)).second)
                refuse(fmt::format("{}: \"{}\" is given twice", place(origin_, node), key));
        }
    }
    PolicyValues values() && { return std::move(values_); }

private:
    [[noreturn]] void wrong(const std::string& key, const toml::node& node,
                            std::string_view what) const {
        refuse(fmt::format("{}: \"{}\" {}", place(origin_, node), key, what));
    }

    PolicyValue value(const std::string& key, const toml::node& node) const {
        if (const auto* number = node.as_integer()) return number->get();
        if (const auto* text = node.as_string()) return text->get();
        if (node.is_floating_point())
            wrong(key, node,
                  "has a decimal point; write a whole number (shares in parts per million, amounts "
                  "in millionths of a credit, times in milliseconds)");
        if (const auto* array = node.as_array()) return list(key, *array);
        wrong(key, node,
              "must be a whole number, a text, or a list of whole numbers or of pairs of them");
    }

    PolicyValue list(const std::string& key, const toml::array& array) const {
        if (array.empty() || !array[0].is_array()) return numbers(key, array);
        PolicyPairs pairs;
        for (const auto& entry : array) {
            const auto* pair = entry.as_array();
            if (pair == nullptr || pair->size() != 2)
                wrong(key, entry, "must hold pairs of whole numbers, as in [[1, 25000]]");
            pairs.push_back(numbers(key, *pair));
        }
        return pairs;
    }

    PolicyNumbers numbers(const std::string& key, const toml::array& array) const {
        PolicyNumbers out;
        for (const auto& entry : array) {
            const auto* number = entry.as_integer();
            if (number == nullptr) wrong(key, entry, "must hold whole numbers only");
            out.push_back(number->get());
        }
        return out;
    }

    const std::string& origin_;
    PolicyValues values_;
};

std::string known_presets() {
    std::string out;
    for (const auto name : preset_names()) (out += out.empty() ? "" : ", ") += name;
    return out;
}

}  // namespace

PolicyValues policy_values_from_toml(std::string_view text, const std::string& origin) {
    Flattened flattened{origin};
    flattened.take(parse_toml(text, origin, "E-POLICY"), "");
    return std::move(flattened).values();
}

Policy load_policy(const std::string& preset_or_path) {
    if (auto shipped = preset(preset_or_path)) return *std::move(shipped);
    std::error_code error;
    if (!std::filesystem::exists(preset_or_path, error)) {
        const auto names = preset_names();
        const std::string near = nearest(preset_or_path, {names.begin(), names.end()});
        refuse(fmt::format("\"{}\" is neither a file nor a preset ({}){}", preset_or_path,
                           known_presets(),
                           near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near)));
    }
    const std::string text = read_file_or_empty(preset_or_path, policy_limit);
    auto policy = policy_from_values(policy_values_from_toml(text, preset_or_path));
    if (!policy) refuse(fmt::format("{}: {}", preset_or_path, policy.error()));
    return *std::move(policy);
}

}  // namespace vigil::edge
