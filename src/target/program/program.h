// What the programs that serve until a signal have in common: options, messages, exit codes.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace CLI {
class App;
}

namespace squadload::program {

inline constexpr int kGood = 0;
inline constexpr int kUsage = 2;  // options, configuration, the address
inline constexpr int kInternal = 70;

struct Program {
    std::string_view name;         // "squad-api", as lines on stderr begin
    std::string_view description;  // a sentence behind the name, for --help
    std::string_view footer;
};

// main(): adds the options, parses, serves. Raises the limit of open files first. Gives the exit
// code; nothing is thrown.
[[nodiscard]] int service_main(int argc, char** argv, const Program& program,
                               const std::function<void(CLI::App&)>& add_options,
                               const std::function<int()>& serve);

// Says the error on stderr; gives the exit code.
[[nodiscard]] int told(const Program& program, const Error& error);

// Prints the line on stdout once the loop runs: who reads it may send a signal at once.
void print_when_running(boost::asio::io_context& io, std::string line);

}  // namespace squadload::program
