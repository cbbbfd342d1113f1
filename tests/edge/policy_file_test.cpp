#include "proto/edge/policy_file.hpp"

#include <functional>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/edge/scratch.hpp"

namespace vigil::edge {
namespace {

using nlohmann::json;
using testing::HasSubstr;

json vector_cases() {
    return json::parse(content_of(VIGIL_SOURCE_DIR "/tests/vectors/policy.json")).at("cases");
}

/// The flat JSON of a vector as the TOML a person would write: one table for each group of keys.
std::string toml_of(const json& policy) {
    std::map<std::string, std::string> tables;
    for (const auto& [key, value] : policy.items()) {
        const auto dot = key.find('.');
        tables[dot == std::string::npos ? "" : key.substr(0, dot)] +=
            key.substr(dot == std::string::npos ? 0 : dot + 1) + " = " + value.dump() + "\n";
    }
    std::string out = tables[""];
    for (const auto& [name, text] : tables)
        if (!name.empty()) out += "\n[" + name + "]\n" + text;
    return out;
}

TEST(PolicyFile, HasTheHashOfTheVectors) {
    const Scratch scratch;
    for (const auto& test : vector_cases()) {
        const auto file = scratch.write("policy.toml", toml_of(test.at("policy")));
        const Policy policy = load_policy(file.string());
        EXPECT_EQ(canonical_text(policy), test.at("canonical").get<std::string>());
        EXPECT_EQ(to_hex(policy_hash(policy)), test.at("policy_hash").get<std::string>());
    }
}

TEST(PolicyFile, EveryPresetLoadsByName) {
    ASSERT_FALSE(preset_names().empty());
    for (const auto name : preset_names())
        EXPECT_EQ(load_policy(std::string{name}).name, std::string{name});
}

TEST(PolicyFile, TheExampleHasTheRulesOfTheDefault) {
    Policy example = load_policy(VIGIL_SOURCE_DIR "/deploy/config/policy.toml");
    const Policy shipped = load_policy(std::string{preset_names().front()});
    EXPECT_NE(example.name, shipped.name);
    example.name = shipped.name;
    EXPECT_EQ(canonical_text(example), canonical_text(shipped));
}

TEST(PolicyFile, WithoutAKeyNamesIt) {
    const json policy = vector_cases()[0].at("policy");
    for (const auto& [key, value] : policy.items()) {
        const Scratch scratch;
        json without = policy;
        without.erase(key);
        const auto file = scratch.write("policy.toml", toml_of(without));
        EXPECT_THAT(fatal("E-POLICY", [&] { load_policy(file.string()); }),
                    testing::AllOf(HasSubstr(key), HasSubstr(file.string())));
    }
}

TEST(PolicyFile, WithAWrongTypeOrValueNamesTheKey) {
    const json policy = vector_cases()[0].at("policy");
    for (const auto& [key, value] : policy.items()) {
        for (const json& wrong : {json(true), json(0.5), json::array({json("a")}), json(-1),
                                  json::array({json::array({1})}), json(INT64_MAX)}) {
            const Scratch scratch;
            json changed = policy;
            changed[key] = wrong;
            const auto file = scratch.write("policy.toml", toml_of(changed));
            if (key == "base_micro_per_mhs" && wrong == json(INT64_MAX)) continue;  // in range
            EXPECT_THAT(fatal("E-POLICY", [&] { load_policy(file.string()); }), HasSubstr(key))
                << wrong;
        }
    }
}

TEST(PolicyFile, RefusalsSayWhereAndWhatToDo) {
    struct Case {
        std::function<std::string(std::string)> change;
        std::vector<const char*> said;
    };
    const auto append = [](const char* more) {
        return [more](std::string text) { return text + more; };
    };
    const auto prepend = [](const char* more) {
        return [more](std::string text) { return more + text; };
    };
    const std::vector<Case> cases{
        {prepend("day = 1\n"), {"day"}},
        {append("[hourlyy]\nk = 64\n"), {"hourlyy.k", "hourly.k"}},
        {prepend("x = 1.5\n"), {"policy.toml:1", "\"x\"", "decimal point"}},
        {prepend("x = true\n"), {"policy.toml:1", "\"x\"", "whole number"}},
        {prepend("x = 2024-10-01\n"), {"policy.toml:1", "\"x\""}},
        {prepend("x = [[1, 2, 3]]\n"), {"policy.toml:1", "\"x\"", "pairs"}},
        {prepend("x = [[1, 2], 3]\n"), {"policy.toml:1", "\"x\"", "pairs"}},
        {prepend("x = [[1, 2.5]]\n"), {"policy.toml:1", "\"x\"", "whole numbers only"}},
        {prepend("[[x]]\ny = 1\n[z]\n"), {"\"x\""}},
        {prepend("\"spot.k\" = 1\n"), {"\"spot.k\"", "twice"}},
        {prepend("day_ms = 1\n"), {"policy.toml:"}},
        {prepend("= 1\n"), {"policy.toml:1"}},
        {append("[spot"), {"policy.toml:"}},
    };
    const std::string good = toml_of(vector_cases()[0].at("policy"));
    for (const auto& [change, said] : cases) {
        const Scratch scratch;
        const auto file = scratch.write("policy.toml", change(good));
        const std::string message = fatal("E-POLICY", [&] { load_policy(file.string()); });
        for (const char* part : said) EXPECT_THAT(message, HasSubstr(part)) << change("");
    }
}

TEST(PolicyFile, ThatIsNeitherFileNorPresetNamesThePresets) {
    const std::string first{preset_names().front()};
    EXPECT_THAT(fatal("E-POLICY", [] { load_policy("/nowhere/policy.toml"); }),
                testing::AllOf(HasSubstr("/nowhere/policy.toml"), HasSubstr(first)));
    EXPECT_THAT(fatal("E-POLICY", [] { load_policy("dmeo"); }),
                HasSubstr("did you mean \"demo\"?"));
}

TEST(PolicyFile, TooLongIsRefused) {
    const Scratch scratch;
    const auto file = scratch.write("policy.toml", std::string(70'000, '#'));
    fatal("E-FILE", [&] { load_policy(file.string()); });
}

TEST(PolicyValues, AreFlattenedByDottedKey) {
    const PolicyValues values = policy_values_from_toml(
        "name = \"n\"\nslash_tiers = [[1, 25000], [6, 50000]]\nmultiplier_ppm = [0, 1]\n"
        "empty = []\n[roll_call]\nk = 256\n[a.b]\nc = -1\n",
        "text");
    const PolicyValues expected{{"name", std::string{"n"}},
                                {"slash_tiers", PolicyPairs{{1, 25000}, {6, 50000}}},
                                {"multiplier_ppm", PolicyNumbers{0, 1}},
                                {"empty", PolicyNumbers{}},
                                {"roll_call.k", std::int64_t{256}},
                                {"a.b.c", std::int64_t{-1}}};
    EXPECT_EQ(values, expected);
}

}  // namespace
}  // namespace vigil::edge
