// Progress and warnings for people, on stderr. stdout carries only results. Nothing is logged per
// request.
#pragma once

#include <string_view>

namespace squadload::log {

enum class Level { debug, info, warning, error, off };

// What each line begins with; default "squadload". Before the first line.
void set_program(std::string_view name);
void set_level(Level level);  // default info; any thread
void debug(std::string_view message);
void info(std::string_view message);
void warning(std::string_view message);
void error(std::string_view message);

}  // namespace squadload::log
