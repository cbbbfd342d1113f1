#include "proto/edge/settings.hpp"

#include <gmock/gmock.h>

#include "tests/edge/scratch.hpp"

namespace vigil::edge {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

/// A program's configuration in small, with its default values.
struct Program {
    std::string endpoint = "localhost:7777", log_format = "text";
    std::int64_t port = 9464, duty = 100;
    bool tls = true;
    std::vector<std::string> devices{"auto"};
    Settings settings;
    std::map<std::string, std::string> environment;

    Program() {
        settings.declare({.key = "verifier.endpoint", .target = &endpoint, .help = "whom to ask"});
        settings.declare({.key = "log.format", .target = &log_format, .help = "text or json"});
        settings.declare(
            {.key = "http.port", .target = &port, .help = "the port", .min = 0, .max = 65535});
        settings.declare({.key = "duty_percent", .target = &duty, .help = "share", .min = 1});
        settings.declare({.key = "tls.on", .target = &tls, .help = "encrypt"});
        settings.declare({.key = "devices", .target = &devices, .help = "which"});
    }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    void load(const std::filesystem::path& file = {}) {
        std::vector<std::string> names;
        for (const auto& [name, value] : environment) names.push_back(name);
        const auto lookup = [&](const char* name) -> const char* {
            const auto found = environment.find(name);
            return found == environment.end() ? nullptr : found->second.c_str();
        };
        settings.load(file, lookup, names);
    }
    Settings::Effective effective(const std::string& key) const {
        for (auto& entry : settings.effective())
            if (entry.key == key) return entry;
        ADD_FAILURE() << key;
        return {};
    }
};

TEST(Settings, KeepTheirDefaults) {
    Program program;
    program.load();
    EXPECT_EQ(program.port, 9464);
    EXPECT_EQ(program.effective("http.port").source, "default");
    EXPECT_EQ(program.effective("http.port").value, "9464");
    EXPECT_EQ(program.effective("tls.on").value, "true");
    EXPECT_EQ(program.effective("devices").value, R"(["auto"])");
    EXPECT_EQ(program.effective("verifier.endpoint").value, R"("localhost:7777")");
    EXPECT_EQ(program.effective("verifier.endpoint").help, "whom to ask");
}

/// load_only of http.port from `text` in a file; what was told.
std::vector<std::string> load_port_only(Program& program, const std::string& text) {
    const Scratch scratch;
    std::vector<std::string> names;
    for (const auto& [name, value] : program.environment) names.push_back(name);
    return program.settings.load_only(
        {"http.port"}, scratch.write("node.toml", text),
        [&](const char* name) -> const char* {
            const auto found = program.environment.find(name);
            return found == program.environment.end() ? nullptr : found->second.c_str();
        },
        names);
}

TEST(Settings, OnlyTheKeysNeededMustBeRight) {
    Program program;
    program.environment = {{"VIGIL_TLS_ON", "perhaps"}, {"VIGIL_DUTTY", "1"}};
    const auto told =
        load_port_only(program, "duty_percent = 0\nprot = 7\ndevices = 5\n[http]\nport = 1000\n");
    EXPECT_EQ(program.port, 1000);
    EXPECT_EQ(program.duty, 100) << "a wrong value leaves the default";
    EXPECT_TRUE(program.tls);
    EXPECT_THAT(told, testing::UnorderedElementsAre(HasSubstr("duty_percent = 0"),
                                                    HasSubstr("\"prot\""), HasSubstr("devices"),
                                                    HasSubstr("tls.on"), HasSubstr("VIGIL_DUTTY")));
}

TEST(Settings, AKeyThatIsNeededIsNotPassedOver) {
    Program of_file;
    EXPECT_THROW(load_port_only(of_file, "[http]\nport = 70000\n"), Fatal);
    Program of_environment;
    of_environment.environment = {{"VIGIL_HTTP_PORT", "x"}};
    EXPECT_THROW(load_port_only(of_environment, ""), Fatal);
    Program no_toml;
    EXPECT_THROW(load_port_only(no_toml, "port = = 1\n"), Fatal);
    Program of_flag;
    of_flag.settings.set_flag("duty_percent", "0");
    EXPECT_THROW(load_port_only(of_flag, ""), Fatal);
}

/// Settings by name, as a program has them for its devices.
struct WithRows : Program {
    struct Row {
        std::optional<std::int64_t> duty;
        std::optional<bool> yields;
        std::optional<std::string> keep;
    };
    std::map<std::string, Row> rows;
    Scratch scratch;

    WithRows() {
        settings.declare_rows("device", [this](const std::string& name) {
            Row& row = rows[name];
            return std::vector<Setting>{
                {.key = "duty", .target = &row.duty, .help = "share", .min = 1, .max = 100},
                {.key = "yields", .target = &row.yields, .help = "whether"},
                {.key = "keep", .target = &row.keep, .help = "memory"}};
        });
    }
    std::string refusal(const std::string& text) {
        try {
            load(scratch.write("node.toml", text));
        } catch (const Fatal& fatal) {
            return fatal.what();
        }
        return "nothing was refused";
    }
};

TEST(SettingsByName, HoldWhatTheFileSaysAndNothingElse) {
    WithRows program;
    program.load(program.scratch.write("node.toml",
                                       "duty_percent = 80\n"
                                       "[device.\"GPU-5f1c\"]\nduty = 50\nyields = true\n"
                                       "[device.cuda1]\nkeep = \"2GiB\"\n"));
    ASSERT_EQ(program.rows.size(), 2u);
    EXPECT_EQ(program.rows["GPU-5f1c"].duty, 50);
    EXPECT_EQ(program.rows["GPU-5f1c"].yields, true);
    EXPECT_EQ(program.rows["GPU-5f1c"].keep, std::nullopt);
    EXPECT_EQ(program.rows["cuda1"].keep, "2GiB");
    EXPECT_EQ(program.duty, 80);
    const auto shown = program.effective("device.\"GPU-5f1c\".duty");
    EXPECT_EQ(shown.value, "50");
    EXPECT_THAT(shown.source, testing::EndsWith("node.toml:3"));
    for (const auto& entry : program.settings.effective())
        EXPECT_NE(entry.key, "device.\"GPU-5f1c\".keep") << "it was not set";
}

TEST(SettingsByName, MayBeAListOfNamedTables) {
    WithRows program;
    program.load(program.scratch.write("p.toml",
                                       "[[device]]\nname = \"cuda1\"\nduty = 50\n"
                                       "[[device]]\nname = \"cuda2\"\nkeep = \"1\"\n"));
    EXPECT_EQ(program.rows["cuda1"].duty, 50);
    EXPECT_EQ(program.rows["cuda2"].keep, "1");
    EXPECT_EQ(program.effective("device.\"cuda1\".duty").value, "50");
    EXPECT_THAT(WithRows{}.refusal("[[device]]\nduty = 5\n"), HasSubstr("needs a name"));
    EXPECT_THAT(WithRows{}.refusal("[[device]]\nname = \"a\"\n[[device]]\nname = \"a\"\n"),
                HasSubstr("a name of its own"));
    EXPECT_THAT(WithRows{}.refusal("[[device]]\nname = \"a\"\nfan = 5\n"), HasSubstr("fan"));
    EXPECT_THAT(WithRows{}.refusal("[device.a]\nname = \"a\"\n"), HasSubstr("name"));
}

TEST(SettingsByName, WrongOnesAreRefusedWithTheLineAndWhatWasMeant) {
    EXPECT_THAT(WithRows{}.refusal("[device.cuda0]\ndutty = 5\n"),
                AllOf(HasSubstr("node.toml:2"), HasSubstr("did you mean \"duty\"")));
    EXPECT_THAT(WithRows{}.refusal("[device.cuda0]\nfan = 5\n"),
                HasSubstr("it may hold duty, yields, keep"));
    EXPECT_THAT(WithRows{}.refusal("[device.cuda0]\nduty = 101\n"),
                AllOf(HasSubstr("device.\"cuda0\".duty = 101"), HasSubstr("1 to 100")));
    EXPECT_THAT(WithRows{}.refusal("[device]\nduty = 50\n"), HasSubstr("write [device.\"duty\"]"));
    EXPECT_THAT(WithRows{}.refusal("device = 5\n"), HasSubstr("[device.\"name\"]"));
    std::string many;
    for (int i = 0; i < 65; ++i) many += "[device.a" + std::to_string(i) + "]\nduty = 5\n";
    EXPECT_THAT(WithRows{}.refusal(many), HasSubstr("more than 64"));
}

TEST(Settings, LayerFileThenEnvironmentThenFlag) {
    const Scratch scratch;
    const auto file = scratch.write("node.toml",
                                    "duty_percent = 50\n"
                                    "devices = [\"gpu0\", \"a,b\"]\n"
                                    "\n"
                                    "[http]\n"
                                    "port = 1000\n"
                                    "[log]\n"
                                    "format = \"json\"\n"
                                    "[verifier]\n"
                                    "endpoint = \"file:1\"\n");
    Program program;
    program.environment = {{"VIGIL_HTTP_PORT", "2000"},
                           {"VIGIL_VERIFIER_ENDPOINT", "environment:1"},
                           {"VIGIL_TLS_ON", "off"},
                           {"PATH", "/bin"},
                           {"VIGIL_CONFIG", file.string()}};
    program.settings.set_flag("http.port", "3000");
    program.load(file);

    EXPECT_EQ(program.duty, 50);
    EXPECT_EQ(program.effective("duty_percent").source, "file " + file.string() + ":1");
    EXPECT_THAT(program.devices, ElementsAre("gpu0", "a,b"));
    EXPECT_EQ(program.effective("devices").value, R"(["gpu0", "a,b"])");
    EXPECT_EQ(program.log_format, "json");
    EXPECT_EQ(program.effective("log.format").source, "file " + file.string() + ":7");
    EXPECT_EQ(program.endpoint, "environment:1");
    EXPECT_EQ(program.effective("verifier.endpoint").source, "environment VIGIL_VERIFIER_ENDPOINT");
    EXPECT_FALSE(program.tls);
    EXPECT_EQ(program.port, 3000);
    EXPECT_EQ(program.effective("http.port").source, "flag --http-port");
}

TEST(Settings, ReadListsAndBoolsFromText) {
    for (const auto& [text, devices] :
         std::map<std::string, std::vector<std::string>>{{"", {}},
                                                         {"gpu0", {"gpu0"}},
                                                         {"gpu0,gpu1", {"gpu0", "gpu1"}},
                                                         {"gpu0,", {"gpu0", ""}}}) {
        Program program;
        program.settings.set_flag("devices", text);
        program.load();
        EXPECT_EQ(program.devices, devices) << text;
    }
    for (const auto& [text, on] : std::map<std::string, bool>{
             {"true", true}, {"on", true}, {"1", true}, {"no", false}, {"0", false}}) {
        Program program;
        program.tls = !on;
        program.environment = {{"VIGIL_TLS_ON", text}};
        program.load();
        EXPECT_EQ(program.tls, on) << text;
    }
}

TEST(Settings, EffectiveValuesAreToml) {
    Program program;
    program.settings.set_flag("verifier.endpoint", "a\"b\\c\n");
    program.load();
    EXPECT_EQ(program.effective("verifier.endpoint").value, R"("a\"b\\c\u000a")");
}

TEST(Settings, RefuseAnUnknownKeyWithItsPlaceAndTheNearest) {
    struct Case {
        const char* text;
        std::vector<const char*> said;
    };
    const std::vector<Case> cases{
        {"[http]\nprot = 1", {"node.toml:2", "\"http.prot\"", "did you mean \"http.port\"?"}},
        {"duty-percent = 1", {"node.toml:1", "did you mean \"duty_percent\"?"}},
        {"\n\nport = 1", {"node.toml:3", "did you mean \"http.port\"?"}},
        {"[log]\nFormat = \"text\"", {"node.toml:2", "did you mean \"log.format\"?"}},
        {"[htpt]\nport = 1", {"\"htpt.port\"", "did you mean \"http.port\"?"}},
        {"banana = 1", {"node.toml:1", "\"banana\"", "lists every key"}},
        {"[empty]", {"node.toml:1", "\"empty\""}},
        {"[[devices2]]\na = 1", {"node.toml:1", "\"devices2\""}},
    };
    for (const auto& [text, said] : cases) {
        const Scratch scratch;
        Program program;
        const auto file = scratch.write("node.toml", text);
        const std::string message = fatal("E-CONFIG", [&] { program.load(file); });
        for (const char* part : said) EXPECT_THAT(message, HasSubstr(part)) << text;
    }
}

TEST(Settings, RefuseAnUnknownEnvironmentName) {
    Program program;
    program.environment = {{"VIGIL_HTTP_PROT", "1"}};
    EXPECT_THAT(fatal("E-CONFIG", [&] { program.load(); }),
                AllOf(HasSubstr("VIGIL_HTTP_PROT"), HasSubstr("VIGIL_HTTP_PORT")));
    Program other;
    other.environment = {{"VIGIL_BANANA", "1"}};
    EXPECT_THAT(fatal("E-CONFIG", [&] { other.load(); }), HasSubstr("unset it"));
}

TEST(Settings, RefuseAnUnknownFlag) {
    Program program;
    EXPECT_THAT(fatal("E-CONFIG", [&] { program.settings.set_flag("http.prot", "1"); }),
                HasSubstr("http.port"));
}

TEST(Settings, RefuseAWrongValueNamingKeyValueAndSource) {
    struct Case {
        const char* text;
        std::vector<const char*> said;
    };
    const std::vector<Case> cases{
        {"[http]\nport = 65536", {"http.port", "65536", "node.toml:2", "0 to 65535"}},
        {"[http]\nport = -1", {"http.port", "-1", "0 to 65535"}},
        {"[http]\nport = \"80\"", {"http.port", "\"80\"", "whole number", "quotes"}},
        {"[http]\nport = 1.5", {"http.port", "whole number"}},
        {"http = 1", {"\"http\""}},
        {"duty_percent = 0", {"duty_percent", "0", "at least 1"}},
        {"[tls]\non = \"yes\"", {"tls.on", "\"yes\"", "true or false"}},
        {"[log]\nformat = 1", {"log.format", "text in quotes"}},
        {"[log.format]\na = 1", {"log.format", "text in quotes"}},
        {"devices = \"gpu0\"", {"devices", "\"gpu0\"", "list of texts"}},
        {"devices = [\"gpu0\", 1]", {"devices", "list of texts only"}},
        {"[http\nport = 1", {"node.toml:1"}},
        {"duty_percent = 1\nduty_percent = 2", {"node.toml:2"}},
    };
    for (const auto& [text, said] : cases) {
        const Scratch scratch;
        Program program;
        const auto file = scratch.write("node.toml", text);
        const std::string message = fatal("E-CONFIG", [&] { program.load(file); });
        for (const char* part : said) EXPECT_THAT(message, HasSubstr(part)) << text;
        EXPECT_EQ(program.port, 9464);
    }
    for (const char* text : {"", "x", "1x", " 1", "1.5", "99999999999999999999", "65536", "0x10"}) {
        Program program;
        program.environment = {{"VIGIL_HTTP_PORT", text}};
        EXPECT_THAT(fatal("E-CONFIG", [&] { program.load(); }),
                    AllOf(HasSubstr("http.port"), HasSubstr("environment VIGIL_HTTP_PORT")));
    }
    Program program;
    program.settings.set_flag("tls.on", "maybe");
    EXPECT_THAT(fatal("E-CONFIG", [&] { program.load(); }),
                AllOf(HasSubstr("tls.on"), HasSubstr("\"maybe\""), HasSubstr("flag --tls-on")));
}

TEST(Settings, SayForAProgramWhatIsWrongWithOne) {
    Program program;
    program.environment["VIGIL_LOG_FORMAT"] = "xml";
    program.load();
    EXPECT_THAT(
        fatal("E-CONFIG", [&] { program.settings.wrong("log.format", "text or json"); }),
        HasSubstr("log.format = \"xml\" (environment VIGIL_LOG_FORMAT): expected text or json"));
}

TEST(Settings, RefuseANamedFileThatIsNotThere) {
    const Scratch scratch;
    Program program;
    EXPECT_THAT(fatal("E-CONFIG", [&] { program.load(scratch.path("none.toml")); }),
                HasSubstr("none.toml"));
}

TEST(Settings, DeclaredTwiceAreABrokenInvariant) {
    Program program;
    std::string other;
    EXPECT_DEATH(program.settings.declare({.key = "http_port", .target = &other, .help = ""}),
                 "share");
}

TEST(Nearest, IsASlipOrNothing) {
    const std::vector<std::string> known{"http.port", "http.listen", "log.format", "log.level"};
    EXPECT_EQ(nearest("http.prot", known), "http.port");
    EXPECT_EQ(nearest("HTTP_PORT", known), "http.port");
    EXPECT_EQ(nearest("httpport", known), "http.port");
    EXPECT_EQ(nearest("log.lvel", known), "log.level");
    EXPECT_EQ(nearest("format", known), "log.format");
    EXPECT_EQ(nearest("metrics", known), "");
    EXPECT_EQ(nearest("", known), "");
    EXPECT_EQ(nearest("x", {}), "");
    EXPECT_EQ(nearest(std::string(100'000, 'a'), known), "");
}

}  // namespace
}  // namespace vigil::edge
