#include "target/program/program.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <boost/asio/post.hpp>
#include <cstdio>
#include <exception>
#include <utility>

#include "base/descriptors.h"
#include "base/log.h"

namespace squadload::program {
namespace {

int run(int argc, char** argv, const Program& program,
        const std::function<void(CLI::App&)>& add_options, const std::function<int()>& serve) {
    log::set_program(program.name);
    static_cast<void>(raise_descriptor_limit());
    CLI::App app{fmt::format("{}: {}", program.name, program.description)};
    app.name(std::string(program.name));
    app.footer(std::string(program.footer));
    app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    add_options(app);
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        fmt::print("{}", app.help());
        return kGood;
    } catch (const CLI::ParseError& error) {
        fmt::print(stderr, "{0}: {1}\n{0} --help shows the options.\n", program.name, error.what());
        return kUsage;
    }
    return serve();
}

}  // namespace

int service_main(int argc, char** argv, const Program& program,
                 const std::function<void(CLI::App&)>& add_options,
                 const std::function<int()>& serve) {
    try {
        return run(argc, argv, program, add_options, serve);
    } catch (const std::exception& error) {
        fmt::print(stderr, "{}: internal error: {}\n", program.name, error.what());
        return kInternal;
    }
}

int told(const Program& program, const Error& error) {
    fmt::print(stderr, "{}: {}\n", program.name, error.text());
    return error.kind == ErrorKind::internal ? kInternal : kUsage;
}

void print_when_running(boost::asio::io_context& io, std::string line) {
    boost::asio::post(io, [line = std::move(line)] {
        fmt::print("{}\n", line);
        static_cast<void>(std::fflush(stdout));
    });
}

}  // namespace squadload::program
