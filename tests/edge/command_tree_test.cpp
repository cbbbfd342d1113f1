#include "proto/edge/command_tree.hpp"

#include <CLI/CLI.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proto/edge/files.hpp"

namespace vigil::edge {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// A small program whose texts try to be something else in every language.
struct CommandTree : testing::Test {
    CommandTree() {
        app.name("vigil-test");
        app.description("vigil-test: does 'nothing' [much]: \\n.\nSecond line.");
        CLI::App* run = app.add_subcommand("run", "Run 'it' [now]: at $HOME `or` \\ there");
        run->add_option("-o,--output", text, "table or json")
            ->check(CLI::IsMember({"table", "json"}))
            ->type_name("");
        run->add_flag("--fast", flag, "hurry – as \"ever\"");
        run->add_option("--config", text, "a file")->required();
        run->add_option("--http-port", text, "a port")->group("Settings (environment)");
        run->add_option("--secret", text, "hidden")->group("");
        run->footer("Examples:\n  vigil-test run\n.not a request\nExit codes: 0 ok\n");
        app.add_subcommand("policy", "Policies")->add_subcommand("lint", "Judge one");
        app.add_subcommand("hidden", "nobody's")->group("");
        add_description_commands(app, shell);
    }
    CLI::App app;
    std::string text, shell;
    bool flag = false;
};

TEST_F(CommandTree, HoldsWhatHelpShowsAndNothingElse) {
    const CommandDefinition program = definition_of(app);
    ASSERT_EQ(program.commands.size(), 4u);
    EXPECT_EQ(program.commands[1].commands.at(0).name, "lint");
    EXPECT_THAT(program.commands[2].word_choices, ElementsAre("bash", "zsh", "fish"));
    const CommandDefinition& run = program.commands[0];
    ASSERT_EQ(run.flags.size(), 5u) << "--help, --output, --fast, --config, --http-port";
    EXPECT_THAT(run.flags[1].names, ElementsAre("--output", "-o"));
    EXPECT_THAT(run.flags[1].choices, ElementsAre("table", "json"));
    EXPECT_FALSE(run.flags[2].takes_value);
    EXPECT_TRUE(run.flags[3].required);
    EXPECT_TRUE(run.flags[3].takes_value);
    EXPECT_TRUE(run.flags[4].is_setting);
}

TEST_F(CommandTree, EveryShellGetsEveryCommandAndFlag) {
    for (const std::string& name : completion_shells()) {
        const std::string script = completion(definition_of(app), name);
        for (const char* word : {"run", "policy", "lint", "completion", "man", "output", "fast",
                                 "config", "http-port", "table json", "bash zsh fish"})
            EXPECT_THAT(script, HasSubstr(word)) << name;
        EXPECT_THAT(script, AllOf(Not(HasSubstr("secret")), Not(HasSubstr("hidden")))) << name;
    }
    EXPECT_THAT(completion(definition_of(app), "zsh"),
                HasSubstr("Run '\\''it'\\'' \\[now\\]\\: at $HOME `or` \\\\ there"));
    EXPECT_THAT(completion(definition_of(app), "fish"),
                HasSubstr("'Run \\'it\\' [now]: at $HOME `or` \\\\ there'"));
    EXPECT_THROW(completion(definition_of(app), "tcsh"), Fatal);
}

TEST_F(CommandTree, TheManualHasEverythingAndNoTextBecomesARequest) {
    const std::string page =
        manual(definition_of(app), {.version = "1.2.3",
                                    .files = {{"/etc/vigil/t.toml", "settings"}},
                                    .exit_codes = {"ok", "", "usage"}});
    EXPECT_THAT(page, HasSubstr(".TH VIGIL\\-TEST 1 \"\" \"vigil\\-test 1.2.3\" \"Vigil\"\n"));
    EXPECT_THAT(page,
                HasSubstr(".SS vigil\\-test run\nRun 'it' [now]: at $HOME `or` \\e there.\n"));
    EXPECT_THAT(page, HasSubstr(".SS vigil\\-test policy lint\n"));
    EXPECT_THAT(page, HasSubstr("\\fB\\-\\-output\\fR, \\fB\\-o\\fR \\fItable|json\\fR\n"));
    EXPECT_THAT(page, HasSubstr("hurry \\[u2013] as"));
    EXPECT_THAT(page, HasSubstr("Environment: \\fBVIGIL_HTTP_PORT\\fR.\n"));
    EXPECT_THAT(page, HasSubstr("\n\\&.not a request\n"));
    EXPECT_THAT(page, Not(HasSubstr("Exit codes:"))) << "they have a section";
    EXPECT_THAT(page, HasSubstr(".SH EXIT STATUS\n.TP\n\\fB0\\fR\nok\n.TP\n\\fB2\\fR\nusage\n"));
    EXPECT_THAT(page, HasSubstr("\\fI/etc/vigil/t.toml\\fR\nsettings\n"));
}

TEST_F(CommandTree, AnswersWhenItIsAsked) {
    app.parse("completion bash");
    EXPECT_THAT(description_asked(app, shell, {}).value(), HasSubstr("complete -o"));
    app.parse("man");
    EXPECT_THAT(description_asked(app, shell, {}).value(), HasSubstr(".TH"));
    app.parse("policy lint");
    EXPECT_FALSE(description_asked(app, shell, {}));
    EXPECT_THROW(app.parse("completion tcsh"), CLI::ParseError);
}

}  // namespace
}  // namespace vigil::edge
