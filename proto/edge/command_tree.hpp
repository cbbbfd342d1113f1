#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace vigil::edge {

/// A flag as its users know it.
struct FlagDefinition {
    std::vector<std::string> names;  ///< "--output", "-o": the long ones first
    std::string what;
    bool takes_value{};
    std::vector<std::string> choices;  ///< the only values; empty: any
    bool is_setting{};                 ///< also a key of the file and of the environment
    bool required{};
};

/// A command of a program, or the program itself: what its command line was defined with, so that
/// completions and man pages cannot say anything else.
struct CommandDefinition {
    std::string name;
    std::string what;
    std::string footer;  ///< examples and what else its help ends with
    std::vector<FlagDefinition> flags;
    std::vector<std::string> words;         ///< positional arguments
    std::vector<std::string> word_choices;  ///< the only values of those; empty: any
    std::vector<CommandDefinition> commands;
};

/// Everything that is shown in some help; hidden flags and commands are left out.
CommandDefinition definition_of(const CLI::App& app);

/// What a command line that cannot be parsed is answered with: E-USAGE, what is wrong, the flag or
/// command that was perhaps meant, and how to ask for help.
std::string usage_error(const CLI::App& app, const CLI::ParseError& failure);

/// What the group of an app's settings begins with.
constexpr const char* settings_group = "Settings";

/// For "bash", "zsh" and "fish": what they source to complete the program's command line. Throws
/// Fatal of wrong usage for another shell.
std::string completion(const CommandDefinition& program, const std::string& shell);
/// The shells that completion() knows.
const std::vector<std::string>& completion_shells();

/// What a manual page says besides the definitions.
struct ManualNotes {
    std::string version;                                     ///< "0.1.0"
    std::vector<std::pair<std::string, std::string>> files;  ///< path, what it is
    std::vector<std::string> exit_codes;                     ///< by code, from 0; empty: not used
};
/// The program's page of section 1, in the macros of man(7).
std::string manual(const CommandDefinition& program, const ManualNotes& notes);

/// Defines the commands `completion SHELL` and `man`; `shell` outlives `app`, which has its name.
void add_description_commands(CLI::App& app, std::string& shell);
/// After parsing: what those two print; nothing when another command was given.
std::optional<std::string> description_asked(const CLI::App& app, const std::string& shell,
                                             const ManualNotes& notes);

}  // namespace vigil::edge
