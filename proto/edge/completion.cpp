#include <algorithm>
#include <functional>
#include <set>

#include "proto/edge/command_tree.hpp"
#include "proto/edge/files.hpp"
#include "proto/edge/logging.hpp"

namespace vigil::edge {
namespace {

enum class Values : std::uint8_t { none, any, choices, files, folders };

Values values_of(const FlagDefinition& flag) {
    if (!flag.takes_value) return Values::none;
    if (!flag.choices.empty()) return Values::choices;
    const std::string& name = flag.names.front();
    if (name.ends_with("-dir")) return Values::folders;
    for (const char* end : {"config", "-ca", "--ca", "store", "-log", "-from", "policy", "-file"})
        if (name.ends_with(end)) return Values::files;
    return Values::any;
}

std::string joined(const std::vector<std::string>& words, const std::string& between) {
    std::string out;
    for (const std::string& word : words) out += (out.empty() ? "" : between) + word;
    return out;
}

/// Calls `visit` for the program and each of its commands, with the words that lead to it.
void walk(const CommandDefinition& command, const std::string& path,
          const std::function<void(const CommandDefinition&, const std::string&)>& visit) {
    visit(command, path);
    for (const CommandDefinition& below : command.commands)
        walk(below, path.empty() ? below.name : path + " " + below.name, visit);
}

std::string function_name(std::string name) {
    std::replace(name.begin(), name.end(), '-', '_');
    return "_" + name;
}

std::string head(const CommandDefinition& program, const std::string& shell) {
    return "# Completes " + program.name + "; written by `" + program.name + " completion " +
           shell + "`.\n";
}

std::string bash(const CommandDefinition& program) {
    std::string paths, values, words;
    walk(program, "", [&](const CommandDefinition& command, const std::string& path) {
        std::vector<std::string> all = command.word_choices;
        for (const CommandDefinition& below : command.commands) all.push_back(below.name);
        for (const FlagDefinition& flag : command.flags) {
            all.insert(all.end(), flag.names.begin(), flag.names.end());
            std::vector<std::string> places;
            for (const std::string& name : flag.names)
                places.push_back("'" + path + ":" + name + "'");
            const std::string place = "        " + joined(places, " | ") + ") ";
            switch (values_of(flag)) {
                case Values::none:
                    break;
                case Values::any:
                    values += place + "return ;;\n";
                    break;
                case Values::choices:
                    values += place + "mapfile -t COMPREPLY < <(compgen -W '" +
                              joined(flag.choices, " ") + "' -- \"$current\"); return ;;\n";
                    break;
                case Values::files:
                    values +=
                        place + "mapfile -t COMPREPLY < <(compgen -f -- \"$current\"); return ;;\n";
                    break;
                case Values::folders:
                    values +=
                        place + "mapfile -t COMPREPLY < <(compgen -d -- \"$current\"); return ;;\n";
                    break;
            }
        }
        if (!path.empty()) paths += (paths.empty() ? "'" : " | '") + path + "'";
        words += "        '" + path + "') words='" + joined(all, " ") + "' ;;\n";
    });
    const std::string name = function_name(program.name);
    return head(program, "bash") + name +
           "() {\n"
           "    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} path= "
           "words= i\n"
           "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
           "        case ${path:+$path }${COMP_WORDS[i]} in\n"
           "        " +
           paths +
           ") path=${path:+$path }${COMP_WORDS[i]} ;;\n"
           "        esac\n"
           "    done\n"
           "    COMPREPLY=()\n"
           "    case $path:$before in\n" +
           values +
           "    esac\n"
           "    case $path in\n" +
           words +
           "    esac\n"
           "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
           "    # What is not a flag may be a file.\n"
           "    if [[ -n $path && $current != -* && ${#COMPREPLY[@]} -eq 0 ]]; then\n"
           "        mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
           "    fi\n"
           "}\n"
           "complete -o filenames -F " +
           name + " " + program.name + "\n";
}

/// Between single quotes, where _arguments and _describe read brackets and colons.
std::string zsh_text(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if (c == '\'')
            out += "'\\''";
        else if (c == '\n')
            out += ' ';
        else if (c == '[' || c == ']' || c == ':' || c == '\\')
            (out += '\\') += c;
        else
            out += c;
    }
    return out;
}

std::string zsh_flags(const CommandDefinition& command, const std::string& indent) {
    std::string out;
    for (const FlagDefinition& flag : command.flags)
        for (const std::string& name : flag.names) {
            out += " \\\n" + indent + "'" + name + "[" + zsh_text(flag.what) + "]";
            switch (values_of(flag)) {
                case Values::none:
                    break;
                case Values::any:
                    out += ":value: ";
                    break;
                case Values::choices:
                    out += ":value:(" + joined(flag.choices, " ") + ")";
                    break;
                case Values::files:
                    out += ":file:_files";
                    break;
                case Values::folders:
                    out += ":folder:_files -/";
                    break;
            }
            out += "'";
        }
    return out;
}

/// One function a command; those below it have their own.
void append_zsh(const CommandDefinition& command, const std::string& name, std::string& out) {
    for (const CommandDefinition& below : command.commands)
        append_zsh(below, name + function_name(below.name), out);
    out += name + "() {\n";
    if (command.commands.empty()) {
        out += "    _arguments -s" + zsh_flags(command, "        ");
        const std::string values =
            command.word_choices.empty() ? "_files" : "(" + joined(command.word_choices, " ") + ")";
        for (const std::string& word : command.words)
            out += " \\\n        ':" + word + ":" + values + "'";
        out += "\n}\n";
        return;
    }
    out +=
        "    local curcontext=$curcontext state line\n"
        "    typeset -A opt_args\n"
        "    _arguments -C" +
        zsh_flags(command, "        ") +
        " \\\n        '1: :->command' '*:: :->rest'\n"
        "    case $state in\n"
        "    command)\n"
        "        local -a commands=(\n";
    for (const CommandDefinition& below : command.commands)
        out += "            '" + below.name + ":" + zsh_text(below.what) + "'\n";
    out +=
        "        )\n"
        "        _describe command commands ;;\n"
        "    rest)\n"
        "        case $line[1] in\n";
    for (const CommandDefinition& below : command.commands)
        out += "        " + below.name + ") " + name + function_name(below.name) + " ;;\n";
    out +=
        "        esac ;;\n"
        "    esac\n"
        "}\n";
}

std::string zsh(const CommandDefinition& program) {
    const std::string name = function_name(program.name);
    std::string out = "#compdef " + program.name + "\n" + head(program, "zsh");
    append_zsh(program, name, out);
    // Sourced, it announces itself; found on fpath, it is the function that was asked for.
    return out + "if [[ $funcstack[1] = " + name + " ]]; then\n    " + name +
           " \"$@\"\nelse\n    compdef " + name + " " + program.name + "\nfi\n";
}

std::string fish_text(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if (c == '\'' || c == '\\') out += '\\';
        out += c == '\n' ? ' ' : c;
    }
    return "'" + out + "'";
}

std::string fish(const CommandDefinition& program) {
    std::string out = head(program, "fish") + "complete -c " + program.name + " -f\n";
    walk(program, "", [&](const CommandDefinition& command, const std::string& path) {
        std::string seen;
        for (std::size_t at = 0; at < path.size();) {
            const std::size_t end = std::min(path.find(' ', at), path.size());
            seen += (seen.empty() ? "" : "; and ") +
                    ("__fish_seen_subcommand_from " + path.substr(at, end - at));
            at = end + 1;
        }
        std::vector<std::string> below;
        for (const CommandDefinition& one : command.commands) below.push_back(one.name);
        std::string none_yet = seen;
        if (path.empty())
            none_yet = "__fish_use_subcommand";
        else if (!below.empty())
            none_yet += "; and not __fish_seen_subcommand_from " + joined(below, " ");
        for (const CommandDefinition& one : command.commands)
            out += "complete -c " + program.name + " -n '" + none_yet + "' -a " + one.name +
                   " -d " + fish_text(one.what) + "\n";
        if (!command.words.empty())
            out += "complete -c " + program.name + " -n '" + seen + "' " +
                   (command.word_choices.empty()
                        ? "-F"
                        : "-a " + fish_text(joined(command.word_choices, " "))) +
                   "\n";
        for (const FlagDefinition& flag : command.flags) {
            out += "complete -c " + program.name + " -n '" + (path.empty() ? none_yet : seen) + "'";
            for (const std::string& name : flag.names)
                out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
            switch (values_of(flag)) {
                case Values::none:
                    break;
                case Values::any:
                    out += " -x";
                    break;
                case Values::choices:
                    out += " -x -a " + fish_text(joined(flag.choices, " "));
                    break;
                case Values::files:
                    out += " -r -F";
                    break;
                case Values::folders:
                    out += " -x -a '(__fish_complete_directories)'";
                    break;
            }
            out += " -d " + fish_text(flag.what) + "\n";
        }
    });
    return out;
}

}  // namespace

const std::vector<std::string>& completion_shells() {
    static const std::vector<std::string> shells{"bash", "zsh", "fish"};
    return shells;
}

std::string completion(const CommandDefinition& program, const std::string& shell) {
    if (shell == "bash") return bash(program);
    if (shell == "zsh") return zsh(program);
    if (shell == "fish") return fish(program);
    throw Fatal{exit_usage, "E-CONFIG",
                "there is no completion for \"" + for_log(shell) +
                    "\"; there is for bash, zsh and "
                    "fish"};
}

}  // namespace vigil::edge
