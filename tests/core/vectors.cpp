#include "tests/core/vectors.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>

namespace vigil::test {

Json load_vectors(const std::string& name) {
    const char* folder = std::getenv("VIGIL_VECTORS");
    const std::filesystem::path path =
        (folder != nullptr ? std::filesystem::path{folder}
                           : std::filesystem::path{VIGIL_SOURCE_DIR "/tests/vectors"}) /
        name;
    std::ifstream file{path};
    if (!file) throw std::runtime_error{"no vector file " + path.string()};
    Json vectors = Json::parse(file);
    if (vectors.at("cases").empty()) throw std::runtime_error{path.string() + " has no cases"};
    return vectors;
}

void only_fields(const Json& object, std::initializer_list<const char*> fields) {
    std::set<std::string> expected{fields.begin(), fields.end()};
    std::set<std::string> got;
    for (const auto& item : object.items()) got.insert(item.key());
    if (got != expected)
        throw std::runtime_error{"the fields of this case are not those compared: " +
                                 object.dump()};
}

std::uint64_t u64_of(const Json& value) {
    const Micro number = micro_of(value);
    const auto out = static_cast<std::uint64_t>(number.count());
    if (out != number.count()) throw std::runtime_error{"not 64 bits: " + value.dump()};
    return out;
}

Micro micro_of(const Json& value) {
    return micro_from_decimal(value.is_string() ? value.get<std::string>() : value.dump()).value();
}

PolicyValues policy_values(const Json& object) {
    PolicyValues values;
    for (const auto& item : object.items()) {
        const Json& value = item.value();
        if (value.is_string())
            values[item.key()] = value.get<std::string>();
        else if (!value.is_array())
            values[item.key()] = value.get<std::int64_t>();
        else if (!value.empty() && value.front().is_array())
            values[item.key()] = value.get<PolicyPairs>();
        else
            values[item.key()] = value.get<PolicyNumbers>();
    }
    return values;
}

Policy policy_named(const std::string& name) {
    const Json vectors = load_vectors("policy.json");
    for (const Json& one : vectors["cases"])
        if (one["policy"]["name"] == name)
            return policy_from_values(policy_values(one["policy"])).value();
    throw std::runtime_error{"policy.json has no policy " + name};
}

}  // namespace vigil::test
