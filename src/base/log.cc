#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <string>

namespace squadload::log {
namespace {

std::string& program() {
    static std::string name = "squadload";
    return name;
}

spdlog::logger& logger() {
    static const auto instance = [] {
        auto l = spdlog::stderr_logger_mt(program());
        l->set_pattern("%n: %v");
        return l;
    }();
    return *instance;
}

}  // namespace

void set_program(std::string_view name) {
    program() = name;
}

void set_level(Level level) {
    switch (level) {
        case Level::debug:
            logger().set_level(spdlog::level::debug);
            break;
        case Level::info:
            logger().set_level(spdlog::level::info);
            break;
        case Level::warning:
            logger().set_level(spdlog::level::warn);
            break;
        case Level::error:
            logger().set_level(spdlog::level::err);
            break;
        case Level::off:
            logger().set_level(spdlog::level::off);
            break;
    }
}
void debug(std::string_view message) {
    logger().debug("{}", message);
}
void info(std::string_view message) {
    logger().info("{}", message);
}
void warning(std::string_view message) {
    logger().warn("warning: {}", message);
}
void error(std::string_view message) {
    logger().error("error: {}", message);
}

}  // namespace squadload::log
