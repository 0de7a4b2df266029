#include "run/display.h"

#include <fmt/format.h>

#include "base/units.h"
#include "run/signals.h"

namespace squadload::run {
namespace {

constexpr std::string_view kHideCursor = "\x1b[?25l";
constexpr std::string_view kShowCursor = "\x1b[?25h";
constexpr std::string_view kClearToEndOfLine = "\x1b[K";
constexpr std::string_view kClearBelow = "\x1b[J";

std::string stopping_text(const report::LiveContext& context, std::uint32_t in_flight,
                          Stopping stopping) {
    if (in_flight == 0) return "stopping: no new requests";
    return fmt::format("stopping: no new requests, waiting up to {} for {} in flight{}",
                       format_duration(context.scenario.graceful_stop), in_flight,
                       stopping == Stopping::by_signal ? "; Ctrl-C again quits at once" : "");
}

}  // namespace

Display::Display(const Terminal& terminal, bool quiet) : terminal_(terminal), quiet_(quiet) {}

Display::~Display() {
    finish();
}

void Display::line(std::string_view text) {
    if (quiet_) return;
    erase();
    terminal_.err(report::message(text, terminal_.err_style(), terminal_.live()) + "\n");
}

void Display::update(const report::LiveContext& context, const engine::Progress& progress,
                     const std::vector<measure::SeriesPoint>& series, Stopping stopping) {
    if (quiet_) return;
    if (stopping != Stopping::no && !stop_said_) {
        stop_said_ = true;
        line(stopping_text(context, progress.point.in_flight, stopping));
    }
    if (terminal_.live()) {
        draw(report::live_view(context, progress, series, terminal_.err_style()));
        return;
    }
    if (progress.elapsed < next_line_) return;
    line(report::progress_line(context, progress));
    while (next_line_ <= progress.elapsed) next_line_ += kLineEvery;
}

void Display::draw(std::vector<std::string> lines) {
    // A view taller than the terminal would scroll and could not be drawn over: its head is what
    // counts.
    const auto rows = static_cast<std::size_t>(terminal_.err_rows());
    if (lines.size() >= rows) lines.resize(rows - 1);
    std::string text;
    if (drawn_ == 0) {
        text += kHideCursor;
        set_hidden_cursor(terminal_.err_fd());
    } else {
        text += fmt::format("\x1b[{}A\r", drawn_);
    }
    for (const auto& one : lines) {
        text += one;
        text += kClearToEndOfLine;
        text += '\n';
    }
    text += kClearBelow;
    drawn_ = lines.size();
    terminal_.err(text);
}

void Display::erase() {
    if (drawn_ == 0) return;
    terminal_.err(fmt::format("\x1b[{}A\r{}{}", drawn_, kClearBelow, kShowCursor));
    set_hidden_cursor(-1);
    drawn_ = 0;
}

void Display::finish() {
    if (terminal_.out_is_terminal()) {
        erase();
    } else if (drawn_ > 0) {
        terminal_.err(kShowCursor);
        set_hidden_cursor(-1);
        drawn_ = 0;
    }
    next_line_ = kLineEvery;
    stop_said_ = false;
}

}  // namespace squadload::run
