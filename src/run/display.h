// Progress on stderr while a scenario runs: a view redrawn in place on a terminal, one line every
// few seconds otherwise.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "load/engine/engine.h"
#include "report/console.h"
#include "run/terminal.h"

namespace squadload::run {

// Whether no new requests are started any more, and who asked for that.
enum class Stopping { no, by_signal, by_bound };

class Display {
  public:
    static constexpr Nanos kLineEvery = std::chrono::seconds{5};

    // `terminal` outlives this. quiet: nothing is shown.
    Display(const Terminal& terminal, bool quiet);
    Display(const Display&) = delete;
    Display& operator=(const Display&) = delete;
    ~Display();  // shows the cursor again

    // A complete line that stays.
    void line(std::string_view text);
    // Once a second, from the thread of run_engine.
    void update(const report::LiveContext& context, const engine::Progress& progress,
                const std::vector<measure::SeriesPoint>& series, Stopping stopping);
    // The scenario ended: the view goes where the summary follows on the same terminal, else its
    // last frame stays.
    void finish();

  private:
    void draw(std::vector<std::string> lines);
    void erase();

    const Terminal& terminal_;
    bool quiet_;
    bool stop_said_ = false;
    Nanos next_line_ = kLineEvery;
    std::size_t drawn_ = 0;  // lines of the view on the screen
};

}  // namespace squadload::run
