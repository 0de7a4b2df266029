#include "cli/completion.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <set>
#include <vector>

namespace squadload::cli {
namespace {

using Apps = std::vector<const CLI::App*>;
using Options = std::vector<const CLI::Option*>;

Apps commands_of(const CLI::App& app) {
    return app.get_subcommands([](const CLI::App*) { return true; });
}

Options options_of(const CLI::App& app) {
    auto options = app.get_options();
    std::erase_if(options, [](const CLI::Option* o) { return o->get_positional(); });
    return options;
}

std::string join(const std::vector<std::string>& words, const char* between) {
    return fmt::format("{}", fmt::join(words, between));
}

// Of an option as typed, long ones first.
std::vector<std::string> spellings(const CLI::Option& option) {
    std::vector<std::string> out;
    for (const auto& name : option.get_lnames()) out.push_back("--" + name);
    for (const auto& name : option.get_snames()) out.push_back("-" + name);
    return out;
}

bool takes_value(const CLI::Option& option) {
    return option.get_items_expected_max() > 0;
}
bool is_path(const CLI::Option& option) {
    return option.get_type_name() == "FILE" || option.get_type_name() == "DIR";
}

// Spellings of the commands' options that are wanted, as a pattern of bash.
template <class Wanted>
std::string pattern(const CLI::App& app, Wanted wanted) {
    std::set<std::string> words;
    for (const auto* command : commands_of(app))
        for (const auto* option : options_of(*command))
            if (takes_value(*option) && wanted(*option))
                for (const auto& spelling : spellings(*option)) words.insert(spelling);
    return fmt::format("{}", fmt::join(words, "|"));
}

// What is left to "-o default": names of files.
std::string bash(const CLI::App& app) {
    std::vector<std::string> commands;
    std::string cases;
    for (const auto* command : commands_of(app)) {
        commands.push_back(command->get_name());
        cases += fmt::format("        {}) words='{}' ;;\n", command->get_name(),
                             join(option_names(*command), " "));
    }
    return fmt::format(
        R"sh(# bash completion for squadload
_squadload_scenarios() {{
    squadload list 2>/dev/null | cut -d' ' -f1
}}
_squadload() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}}
    local command= words= i
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ ${{COMP_WORDS[i]}} != -* ]]; then command=${{COMP_WORDS[i]}}; break; fi
    done
    COMPREPLY=()
    case $previous in
        {files}) return ;;
        {folders}) COMPREPLY=($(compgen -d -- "$current")); return ;;
        --scenario)
            COMPREPLY=($(compgen -W "$(_squadload_scenarios)" -- "$current"))
            return ;;
        {values}) return ;;
    esac
    case $command in
        '') words='{commands} {options}' ;;
{cases}    esac
    if [[ -n $command && $current != -* ]]; then
        case $command in
            run|capacity) words="$(_squadload_scenarios)" ;;
            completion) words='bash zsh fish' ;;
            *) return ;;
        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _squadload squadload
)sh",
        fmt::arg("files", pattern(app, [](const auto& o) { return o.get_type_name() == "FILE"; })),
        fmt::arg("folders", pattern(app, [](const auto& o) { return o.get_type_name() == "DIR"; })),
        fmt::arg(
            "values",
            pattern(app, [](const auto& o) { return !is_path(o) && !o.check_lname("scenario"); })),
        fmt::arg("commands", join(commands, " ")),
        fmt::arg("options", join(option_names(app), " ")), fmt::arg("cases", cases));
}

std::string zsh(const CLI::App& app) {
    // Autoloaded, the file is the function's body at the first call.
    return "#compdef squadload\nautoload -U +X bashcompinit && bashcompinit\n" + bash(app) +
           "[[ $funcstack[1] == _squadload ]] && _bash_complete -o default -F _squadload\n";
}

std::string quoted(std::string text) {
    for (auto at = text.find_first_of("'\\"); at != std::string::npos;
         at = text.find_first_of("'\\", at + 2))
        text.insert(at, "\\");
    return "'" + text + "'";
}

std::string fish(const CLI::App& app) {
    std::string out =
        "# fish completion for squadload\n"
        "complete -c squadload -n __fish_use_subcommand -l help -s h -d 'Help'\n"
        "complete -c squadload -n __fish_use_subcommand -l version -s V -d 'Version'\n"
        "complete -c squadload -f -n '__fish_seen_subcommand_from completion' "
        "-a 'bash zsh fish'\n";
    for (const auto* command : commands_of(app)) {
        out += fmt::format("complete -c squadload -f -n __fish_use_subcommand -a {} -d {}\n",
                           command->get_name(), quoted(command->get_description()));
        const auto within = fmt::format("-n '__fish_seen_subcommand_from {}'", command->get_name());
        for (const auto* option : options_of(*command)) {
            out += "complete -c squadload " + within;
            for (const auto& name : option->get_lnames()) out += " -l " + name;
            for (const auto& name : option->get_snames()) out += " -s " + name;
            if (takes_value(*option)) {
                out += is_path(*option) ? " -r" : " -x";
                if (option->check_lname("scenario"))
                    out += " -a '(squadload list 2>/dev/null | string split -f1 \" \")'";
            }
            out += " -d " + quoted(option->get_description()) + "\n";
        }
    }
    return out +
           "complete -c squadload -f -n '__fish_seen_subcommand_from run capacity' "
           "-a '(squadload list 2>/dev/null | string split -f1 \" \")'\n";
}

}  // namespace

std::vector<std::string> option_names(const CLI::App& app) {
    std::vector<std::string> names;
    for (const auto* option : options_of(app))
        for (const auto& spelling : spellings(*option)) names.push_back(spelling);
    return names;
}

std::string completion(const CLI::App& app, const std::string& shell) {
    if (shell == "bash") return bash(app);
    if (shell == "zsh") return zsh(app);
    if (shell == "fish") return fish(app);
    return "";
}

}  // namespace squadload::cli
