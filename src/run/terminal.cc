#include "run/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>

#include "base/units.h"

namespace squadload::run {
namespace {

constexpr int kTerminalColumns = 80;
constexpr int kFileColumns = 100;
constexpr int kUnknownRows = 1000;

std::string value(const scenario::Environment& environment, const std::string& name) {
    return environment(name).value_or("");
}

bool dumb(const scenario::Environment& environment) {
    const auto term = value(environment, "TERM");
    return term.empty() || term == "dumb";
}

bool unicode_locale(const scenario::Environment& environment) {
    for (const auto* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
        auto locale = value(environment, name);
        if (locale.empty()) continue;
        std::transform(locale.begin(), locale.end(), locale.begin(),
                       [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        return locale.find("utf-8") != std::string::npos ||
               locale.find("utf8") != std::string::npos;
    }
    return true;
}

bool in_ci(const scenario::Environment& environment) {
    const auto ci = value(environment, "CI");
    return !ci.empty() && ci != "false" && ci != "0";
}

TerminalFacts facts_of(int fd) {
    TerminalFacts facts{::isatty(fd) == 1, 0};
    winsize size{};
    if (facts.is_terminal && ::ioctl(fd, TIOCGWINSZ, &size) == 0) facts.columns = size.ws_col;
    return facts;
}

void write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const auto n = ::write(fd, text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return;
        text.remove_prefix(static_cast<std::size_t>(n));
    }
}

}  // namespace

report::Style style_for(const TerminalFacts& facts, const scenario::Environment& environment) {
    report::Style style;
    style.colour =
        facts.is_terminal && !dumb(environment) && value(environment, "NO_COLOR").empty();
    style.unicode = unicode_locale(environment);
    const int fallback = facts.is_terminal ? kTerminalColumns : kFileColumns;
    style.width = facts.columns > 0 ? facts.columns : fallback;
    if (const auto columns = parse_integer(value(environment, "COLUMNS"));
        columns && *columns > 0 && *columns < 10'000) {
        style.width = static_cast<int>(*columns);
    }
    style.width = std::max(style.width, 40);
    return style;
}

bool can_redraw(const TerminalFacts& facts, const scenario::Environment& environment) {
    return facts.is_terminal && !dumb(environment) && !in_ci(environment);
}

Terminal::Terminal(int out_fd, int err_fd, scenario::Environment environment)
    : out_fd_(out_fd),
      err_fd_(err_fd),
      environment_(std::move(environment)),
      out_is_terminal_(facts_of(out_fd).is_terminal),
      live_(can_redraw(facts_of(err_fd), environment_)) {}

void Terminal::out(std::string_view text) const {
    write_all(out_fd_, text);
}
void Terminal::err(std::string_view text) const {
    write_all(err_fd_, text);
}

report::Style Terminal::out_style() const {
    return style_for(facts_of(out_fd_), environment_);
}
report::Style Terminal::err_style() const {
    return style_for(facts_of(err_fd_), environment_);
}

int Terminal::err_rows() const {
    winsize size{};
    if (::ioctl(err_fd_, TIOCGWINSZ, &size) == 0 && size.ws_row > 0) return size.ws_row;
    return kUnknownRows;
}

}  // namespace squadload::run
