// Pieces of a terminal view: widths in columns (UTF-8 aware), colours, lines made of segments,
// tables. For this room.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "report/console.h"

namespace squadload::report {

// Colours of the one palette, safe for colour-blind readers on light and dark (256-colour ANSI).
enum class Tone { plain, strong, ok, rate_limited, failed, muted };

// Columns a terminal gives the text: 0 for combining marks, 2 for wide East Asian characters and
// emoji. Bytes that are no UTF-8 count 1.
[[nodiscard]] int display_width(std::string_view text);
// At most `width` columns; what is cut off becomes "…". Control characters become '.'.
[[nodiscard]] std::string cut(std::string_view text, int width);
[[nodiscard]] std::string padded_left(std::string_view text, int width);
[[nodiscard]] std::string padded_right(std::string_view text, int width);
// The text itself, or its plain ASCII form where style.unicode is off. Control characters become
// '.'.
[[nodiscard]] std::string printable(std::string_view text, const Style& style);
[[nodiscard]] std::string painted(std::string_view text, Tone tone, const Style& style);
// Lines of at most `width` columns broken at spaces, and within words longer than that.
[[nodiscard]] std::vector<std::string> wrapped(std::string_view text, int width);
[[nodiscard]] int columns(const Style& style);  // style.width, at least 40

struct Segment {
    std::string text;
    Tone tone = Tone::plain;
};
// One line of segments as they stand; those that do not fit whole are left out from the end, the
// first is cut.
[[nodiscard]] std::string line(const std::vector<Segment>& segments, const Style& style);

// A bar of `width` columns filled to `share` (0 … 1), to an eighth of a column where unicode is on.
[[nodiscard]] std::string bar(double share, int width, const Style& style);
// One column per value, height relative to `top`; "" without unicode.
[[nodiscard]] std::string sparkline(const std::vector<double>& values, double top,
                                    const Style& style);

struct Column {
    std::string title;
    bool right = true;  // alignment of title and cells
    int drop = 0;       // the highest goes first when the table is too wide; 0: never
};

class Table {
  public:
    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
    void add(std::vector<Segment> row) { rows_.push_back(std::move(row)); }
    // What is too long in the last column goes on in the line below, as long as that leaves it a
    // width worth reading.
    void wrap_last() { wraps_ = true; }
    [[nodiscard]] bool fits(const Style& style) const;
    // One leading space, two between columns. What still is too wide is cut in the last
    // left-aligned column.
    [[nodiscard]] std::vector<std::string> lines(const Style& style) const;

  private:
    [[nodiscard]] std::vector<int> widths(const Style& style) const;

    std::vector<Column> columns_;
    std::vector<std::vector<Segment>> rows_;
    bool wraps_ = false;
};

// Texts such as "99.79 %" and "1,310 ms" rewritten so that, right-aligned, numbers end and units
// begin below each other.
void align_units(std::vector<std::string>& texts);
// Numbers such as "744" and "5.04" rewritten so that, right-aligned, they align on the decimal
// point.
void align_points(std::vector<std::string>& texts);

}  // namespace squadload::report
