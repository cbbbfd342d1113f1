#include "verifier/commands.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "core/policy/policy.hpp"
#include "proto/edge/files.hpp"
#include "proto/edge/policy_file.hpp"

namespace vigil::verifier {
namespace {

using Json = nlohmann::ordered_json;

void print(const std::string& text) { std::fputs(text.c_str(), stdout); }
void print(const Json& json) { print(json.dump(2) + "\n"); }

}  // namespace

int print_config(const edge::Settings& settings, OutputFormat format) {
    const auto effective = settings.effective();
    if (format == OutputFormat::json) {
        Json all = Json::array();
        for (const auto& one : effective)
            all.push_back({{"key", one.key}, {"value", one.value}, {"source", one.source}});
        print(all);
        return 0;
    }
    std::size_t key_width = 0;
    std::size_t value_width = 0;
    for (const auto& one : effective) {
        key_width = std::max(key_width, one.key.size());
        value_width = std::max(value_width, one.value.size());
    }
    for (const auto& one : effective)
        print(fmt::format("{:<{}} = {:<{}}  # {}; {}\n", one.key, key_width, one.value, value_width,
                          one.source, one.help));
    return 0;
}

int lint_policy(const std::string& policy, OutputFormat format) {
    const Policy loaded = edge::load_policy(policy);
    const std::string hash = to_hex(policy_hash(loaded));
    if (format == OutputFormat::json)
        print(Json{{"usable", true}, {"name", loaded.name}, {"hash", hash}});
    else
        print(fmt::format("policy \"{}\" is usable, hash {}\n", loaded.name, hash));
    return 0;
}

int show_policy(const std::string& policy, OutputFormat format) {
    const Policy loaded = edge::load_policy(policy);
    const std::string hash = to_hex(policy_hash(loaded));
    const std::string text = canonical_text(loaded);
    if (format == OutputFormat::json)
        print(Json{{"name", loaded.name}, {"hash", hash}, {"canonical", text}});
    else
        print(text + "# hash " + hash + "\n");
    return 0;
}

int print_policy_hash(const std::string& policy) {
    print(to_hex(policy_hash(edge::load_policy(policy))) + "\n");
    return 0;
}

}  // namespace vigil::verifier
