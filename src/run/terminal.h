// Where text goes and what may be done there. stdout carries results, stderr progress and messages.
#pragma once

#include <string>
#include <string_view>

#include "load/scenario/config.h"
#include "report/console.h"

namespace squadload::run {

// What decides how text looks on one descriptor; read by Terminal, given directly by tests.
struct TerminalFacts {
    bool is_terminal = false;
    int columns = 0;  // as the terminal says; 0: it does not
};

// Colour only on a terminal that is not TERM=dumb and without NO_COLOR. Width: COLUMNS, else the
// terminal's, else 80 (100 where it is none). Unicode unless LC_ALL, LC_CTYPE or LANG (the first
// set one) names another encoding.
[[nodiscard]] report::Style style_for(const TerminalFacts& facts,
                                      const scenario::Environment& environment);
// Whether lines may be redrawn in place: a terminal that is not dumb, outside CI.
[[nodiscard]] bool can_redraw(const TerminalFacts& facts, const scenario::Environment& environment);

class Terminal {
  public:
    Terminal(int out_fd, int err_fd, scenario::Environment environment);

    // Write everything; a closed pipe or a full disk is ignored: the exit code still tells the
    // verdict.
    void out(std::string_view text) const;
    void err(std::string_view text) const;

    // Read anew at each call, so that a resized window is followed.
    [[nodiscard]] report::Style out_style() const;
    [[nodiscard]] report::Style err_style() const;
    [[nodiscard]] int err_rows() const;  // lines of the terminal; a large number when unknown
    [[nodiscard]] bool live() const { return live_; }
    [[nodiscard]] bool out_is_terminal() const { return out_is_terminal_; }
    [[nodiscard]] int err_fd() const { return err_fd_; }

  private:
    int out_fd_;
    int err_fd_;
    scenario::Environment environment_;
    bool out_is_terminal_;
    bool live_;
};

}  // namespace squadload::run
