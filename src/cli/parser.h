// The commands and options of squadload (option_table.cc), and what a command line makes of them
// (options.cc). Used through parse() in options.h.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cli/options.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace squadload::cli {

// Collects what CLI11 writes, so that parse() stays a function of its arguments.
class Parser {
  public:
    Parser();
    ~Parser();
    Parser(const Parser&) = delete;
    Parser& operator=(const Parser&) = delete;
    std::variant<Invocation, Ended> parse(const std::vector<std::string>& arguments,
                                          const scenario::Environment& environment);

  private:
    CLI::App* subcommand(Command command, const std::string& name, const std::string& description,
                         const char* examples);
    void add_config(CLI::App& app);
    void add_load(CLI::App& app);
    void add_way(CLI::App& app);
    void add_backend(CLI::App& app);
    void add_run();
    void add_others();
    void add_audit();
    void add_capacity();
    void add_report();
    void add_compare();
    void add_merge();
    void add_judge();
    void add_output_dir(CLI::App& app);
    void add_outputs(CLI::App& app);
    void add_worker();
    void add_completion();
    // Shown by --help-all alone.
    void rare(CLI::App& app, const std::vector<std::string>& options);
    [[nodiscard]] std::string help(bool all) const;
    [[nodiscard]] Result<void> read_capacity();
    [[nodiscard]] Result<void> read_tolerance();
    [[nodiscard]] Result<void> read_master(const scenario::Environment& environment);
    [[nodiscard]] Result<void> check_leftovers() const;
    [[nodiscard]] Result<void> apply_environment(const scenario::Environment& environment);
    [[nodiscard]] Ended wrong(const std::string& sentence) const;

    std::unique_ptr<CLI::App> app_;
    Invocation invocation_;
    std::vector<std::pair<CLI::App*, Command>> commands_;
    std::vector<CLI::Option*> rare_;
    std::optional<std::string> lag_budget_;
    std::optional<std::string> argument_;  // the one argument of the other commands
    std::optional<std::string> scenario_;  // try takes one
    std::optional<std::string> master_host_, master_port_;
    bool headless_ = false;
    std::optional<std::string> from_, to_, step_, precision_;  // of capacity
    std::optional<std::string> other_;                         // the second argument of compare
    std::optional<std::string> tolerance_, time_tolerance_, share_tolerance_;
};

}  // namespace squadload::cli
