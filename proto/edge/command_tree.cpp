#include "proto/edge/command_tree.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <sstream>

#include "proto/edge/logging.hpp"
#include "proto/edge/settings.hpp"

namespace vigil::edge {
namespace {

/// "TEXT:{table,json}", "value in {table->0,json->1} OR {0,1}": the words between the first braces.
std::vector<std::string> choices_of(const std::string& type) {
    const std::size_t open = type.find('{'), close = type.find('}');
    if (open == std::string::npos || close == std::string::npos || close < open) return {};
    std::vector<std::string> out;
    std::istringstream words{type.substr(open + 1, close - open - 1)};
    for (std::string word; std::getline(words, word, ',');)
        out.push_back(word.substr(0, word.find("->")));
    return out;
}

FlagDefinition flag_of(const CLI::Option& option) {
    FlagDefinition flag{.names = {},
                        .what = option.get_description(),
                        .takes_value = option.get_items_expected_max() > 0,
                        .choices = {},
                        .is_setting = option.get_group().starts_with(settings_group),
                        .required = option.get_required()};
    for (const std::string& name : option.get_lnames()) flag.names.push_back("--" + name);
    for (const std::string& name : option.get_snames()) flag.names.push_back("-" + name);
    if (flag.takes_value) flag.choices = choices_of(option.get_type_name());
    return flag;
}

}  // namespace

CommandDefinition definition_of(const CLI::App& app) {
    CommandDefinition out{.name = app.get_name(),
                          .what = app.get_description(),
                          .footer = app.get_footer(),
                          .flags = {},
                          .words = {},
                          .word_choices = {},
                          .commands = {}};
    for (const CLI::Option* option : app.get_options()) {
        if (option->get_group().empty()) continue;
        if (!option->get_positional()) {
            out.flags.push_back(flag_of(*option));
            continue;
        }
        out.words.push_back(option->get_name(true));
        for (std::string& choice : choices_of(option->get_type_name()))
            out.word_choices.push_back(std::move(choice));
    }
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
        if (!command->get_group().empty()) out.commands.push_back(definition_of(*command));
    return out;
}

std::string usage_error(const CLI::App& app, const CLI::ParseError& failure) {
    std::string help = app.get_name();
    const CLI::App* command = &app;
    for (auto given = app.get_subcommands(); !given.empty(); given = command->get_subcommands()) {
        command = given.front();
        help.append(" ").append(command->get_name());
    }
    std::vector<std::string> known;
    const CommandDefinition definition = definition_of(*command);
    for (const FlagDefinition& flag : definition.flags)
        known.insert(known.end(), flag.names.begin(), flag.names.end());
    for (const CommandDefinition& inner : definition.commands) known.push_back(inner.name);
    std::string meant;
    for (const std::string& word : app.remaining(true))
        if (meant.empty()) meant = nearest(word.substr(0, word.find('=')), known);
    if (!meant.empty()) meant = fmt::format("; did you mean {}?", meant);
    return fmt::format("{}: E-USAGE: {}{}\n{} --help says what there is\n", app.get_name(),
                       for_log(failure.what()), meant, help);
}

void add_description_commands(CLI::App& app, std::string& shell) {
    CLI::App* completion = app.add_subcommand(
        "completion", "Print what a shell sources to complete this command line");
    completion->add_option("shell", shell, "bash, zsh or fish")
        ->required()
        ->check(CLI::IsMember(completion_shells()));
    completion->footer("Examples:\n  source <(" + app.get_name() + " completion bash)\n  " +
                       app.get_name() + " completion fish > ~/.config/fish/completions/" +
                       app.get_name() + ".fish\n");
    app.add_subcommand("man", "Print the manual page")
        ->footer("Example:\n  " + app.get_name() + " man | man -l -\n");
}

std::optional<std::string> description_asked(const CLI::App& app, const std::string& shell,
                                             const ManualNotes& notes) {
    if (app.got_subcommand("completion")) return completion(definition_of(app), shell);
    if (app.got_subcommand("man")) return manual(definition_of(app), notes);
    return std::nullopt;
}

}  // namespace vigil::edge
