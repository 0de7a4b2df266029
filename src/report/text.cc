#include "report/text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

namespace squadload::report {
namespace {

struct Glyph {
    std::string_view bytes;
    char32_t code = 0;  // 0xFFFD where the bytes are no UTF-8
};

// The first character of a text that is not empty.
Glyph first_glyph(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80) return {text.substr(0, 1), lead};
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return {text.substr(0, 1), 0xFFFD};
    char32_t code = lead & (0x7FU >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0U) != 0x80) return {text.substr(0, 1), 0xFFFD};
        code = (code << 6U) | (byte(i) & 0x3FU);
    }
    return {text.substr(0, length), code};
}

struct CodeRange {
    char32_t first, last;
};

template <std::size_t N>
bool within(char32_t code, const std::array<CodeRange, N>& ranges) {
    return std::any_of(ranges.begin(), ranges.end(),
                       [&](const CodeRange& r) { return code >= r.first && code <= r.last; });
}

// The broad ranges of Unicode's East Asian Width and of its combining marks; enough for names and
// messages.
constexpr std::array kWide{
    CodeRange{0x1100, 0x115F},   CodeRange{0x2E80, 0x303E},   CodeRange{0x3041, 0xA4CF},
    CodeRange{0xAC00, 0xD7A3},   CodeRange{0xF900, 0xFAFF},   CodeRange{0xFE30, 0xFE6F},
    CodeRange{0xFF00, 0xFF60},   CodeRange{0xFFE0, 0xFFE6},   CodeRange{0x1F300, 0x1F64F},
    CodeRange{0x1F680, 0x1F6FF}, CodeRange{0x1F900, 0x1F9FF}, CodeRange{0x20000, 0x3FFFD}};
constexpr std::array kNarrow{CodeRange{0x0300, 0x036F}, CodeRange{0x200B, 0x200F},
                             CodeRange{0x20D0, 0x20FF}, CodeRange{0xFE00, 0xFE0F}};

int glyph_width(char32_t code) {
    if (within(code, kNarrow)) return 0;
    return within(code, kWide) ? 2 : 1;
}

bool is_control(char32_t code) {
    return code < 0x20 || (code >= 0x7F && code < 0xA0);
}

std::string_view ascii_form(char32_t code) {
    switch (code) {
        case U'≤':
            return "<=";
        case U'≥':
            return ">=";
        case U'—':
        case U'–':
        case U'·':
            return "-";
        case U'…':
            return "...";
        case U'✔':
            return "ok";
        case U'✘':
            return "NO";
        case U'×':
            return "x";
        case U'±':
            return "+-";
        case U'µ':
            return "u";
        default:
            return "?";
    }
}

const char* escape_of(Tone tone) {
    switch (tone) {
        case Tone::strong:
            return "\x1b[1m";
        case Tone::ok:
            return "\x1b[38;5;36m";
        case Tone::rate_limited:
            return "\x1b[38;5;172m";
        case Tone::failed:
            return "\x1b[38;5;202m";
        case Tone::muted:
            return "\x1b[38;5;245m";
        case Tone::plain:
            break;
    }
    return "";
}

}  // namespace

int display_width(std::string_view text) {
    int width = 0;
    while (!text.empty()) {
        const Glyph glyph = first_glyph(text);
        width += glyph_width(glyph.code);
        text.remove_prefix(glyph.bytes.size());
    }
    return width;
}

std::string cut(std::string_view text, int width) {
    const bool fits = display_width(text) <= width;
    const int room = fits ? width : width - 1;
    std::string out;
    int used = 0;
    while (!text.empty()) {
        const Glyph glyph = first_glyph(text);
        used += glyph_width(glyph.code);
        if (used > room) break;
        if (is_control(glyph.code))
            out += '.';
        else if (glyph.code == 0xFFFD)
            out += "\uFFFD";
        else
            out += glyph.bytes;
        text.remove_prefix(glyph.bytes.size());
    }
    if (!fits && width > 0) out += "…";
    return out;
}

std::string padded_left(std::string_view text, int width) {
    return std::string(static_cast<std::size_t>(std::max(0, width - display_width(text))), ' ') +
           std::string(text);
}

std::string padded_right(std::string_view text, int width) {
    return std::string(text) +
           std::string(static_cast<std::size_t>(std::max(0, width - display_width(text))), ' ');
}

std::string printable(std::string_view text, const Style& style) {
    std::string out;
    while (!text.empty()) {
        const Glyph glyph = first_glyph(text);
        if (is_control(glyph.code))
            out += '.';
        else if (glyph.code >= 0x80 && !style.unicode)
            out += ascii_form(glyph.code);
        else if (glyph.code == 0xFFFD)
            out += "\uFFFD";
        else
            out += glyph.bytes;
        text.remove_prefix(glyph.bytes.size());
    }
    return out;
}

std::string painted(std::string_view text, Tone tone, const Style& style) {
    if (!style.colour || tone == Tone::plain || text.empty()) return std::string(text);
    return escape_of(tone) + std::string(text) + "\x1b[0m";
}

std::vector<std::string> wrapped(std::string_view text, int width) {
    std::vector<std::string> out;
    std::string current;
    int used = 0;
    const auto flush = [&] {
        if (used > 0) out.push_back(std::move(current));
        current.clear();
        used = 0;
    };
    while (!text.empty()) {
        const std::string_view word = text.substr(0, text.find(' '));
        text.remove_prefix(std::min(word.size() + 1, text.size()));
        if (word.empty()) continue;
        if (used > 0 && used + 1 + display_width(word) > width) flush();
        if (used > 0) current += ' ', ++used;
        for (std::string_view rest = word; !rest.empty();) {
            const Glyph glyph = first_glyph(rest);
            if (used + glyph_width(glyph.code) > width) flush();
            current += glyph.bytes;
            used += glyph_width(glyph.code);
            rest.remove_prefix(glyph.bytes.size());
        }
    }
    flush();
    return out;
}

std::string message(std::string_view text, const Style& style, bool wrap) {
    std::string plain = printable(text, style);
    if (!wrap) return plain;
    std::string out;
    for (const auto& part : wrapped(plain, columns(style) - 2)) {
        out += (out.empty() ? "" : "\n  ") + part;
    }
    return out;
}

int columns(const Style& style) {
    return std::max(style.width, 40);
}

std::string line(const std::vector<Segment>& segments, const Style& style) {
    std::string out;
    int used = 0;
    for (std::size_t i = 0; i < segments.size(); ++i) {
        std::string text = printable(segments[i].text, style);
        const int room = columns(style) - used;
        if (display_width(text) > room) {
            if (i > 0) break;
            text = cut(text, room);
            if (!style.unicode)
                text = printable(text, style).substr(0, static_cast<std::size_t>(room));
        }
        used += display_width(text);
        out += painted(text, segments[i].tone, style);
    }
    return out;
}

std::string bar(double share, int width, const Style& style) {
    static constexpr std::array kEighths{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    share = std::clamp(std::isfinite(share) ? share : 0.0, 0.0, 1.0);
    const auto eighths = static_cast<std::size_t>(share * width * 8);
    std::string out;
    for (std::size_t i = 0; i < eighths / 8; ++i) out += style.unicode ? "█" : "#";
    if (style.unicode) out += kEighths[eighths % 8];
    return padded_right(out, width);
}

std::string sparkline(const std::vector<double>& values, double top, const Style& style) {
    static constexpr std::array kLevels{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    std::string out;
    if (!style.unicode) return out;
    for (const double value : values) {
        const double share = top > 0 ? std::clamp(value / top, 0.0, 1.0) : 0;
        out += kLevels[static_cast<std::size_t>(std::lround(share * 7))];
    }
    return out;
}

constexpr int kLeastWrapped = 30;

std::vector<int> Table::widths(const Style& style) const {
    std::vector<int> out;
    for (const auto& column : columns_)
        out.push_back(display_width(printable(column.title, style)));
    for (const auto& row : rows_) {
        for (std::size_t i = 0; i < std::min(row.size(), out.size()); ++i) {
            out[i] = std::max(out[i], display_width(printable(row[i].text, style)));
        }
    }
    const auto total = [&] {
        int sum = -1;
        for (const int w : out) sum += w < 0 ? 0 : w + 2;
        return sum;
    };
    if (const int over = total() - columns(style); wraps_ && over > 0)
        out.back() = std::min(out.back(), std::max(kLeastWrapped, out.back() - over));
    for (int over = total() - columns(style); over > 0; over = total() - columns(style)) {
        const auto drop = std::max_element(
            columns_.begin(), columns_.end(), [&](const Column& a, const Column& b) {
                const auto rank = [&](const Column& c) {
                    return out[static_cast<std::size_t>(&c - columns_.data())] < 0 ? -1 : c.drop;
                };
                return rank(a) < rank(b);
            });
        const auto at = static_cast<std::size_t>(drop - columns_.begin());
        if (drop->drop == 0 || out[at] < 0) break;
        out[at] = -1;
    }
    // What a dropped column has left free is the last one's.
    if (const int spare = columns(style) - total(); wraps_ && spare > 0) out.back() += spare;
    if (const int over = total() - columns(style); over > 0) {
        for (std::size_t i = columns_.size(); i-- > 0;) {
            if (columns_[i].right || out[i] < 0) continue;
            out[i] = std::max(4, out[i] - over);
            break;
        }
    }
    return out;
}

bool Table::fits(const Style& style) const {
    const auto all = widths(style);
    return std::none_of(all.begin(), all.end(), [](int w) { return w < 0; });
}

std::vector<std::string> Table::lines(const Style& style) const {
    const auto all = widths(style);
    const auto row_line = [&](const std::vector<Segment>& row) {
        std::vector<Segment> segments;
        std::string gap = " ";
        for (std::size_t i = 0; i < std::min(row.size(), all.size()); ++i) {
            if (all[i] < 0) continue;
            std::string text = printable(row[i].text, style);
            if (display_width(text) > all[i]) {
                text = style.unicode ? cut(text, all[i])
                                     : text.substr(0, static_cast<std::size_t>(all[i]));
            }
            segments.push_back(
                {gap + (columns_[i].right ? padded_left(text, all[i]) : padded_right(text, all[i])),
                 row[i].tone});
            gap = "  ";
        }
        // No spaces at the end of a line.
        while (!segments.empty()) {
            auto& last = segments.back().text;
            last.erase(last.find_last_not_of(' ') + 1);
            if (!last.empty()) break;
            segments.pop_back();
        }
        return line(segments, style);
    };
    std::vector<std::string> out;
    std::vector<Segment> titles;
    bool titled = false;
    for (const auto& column : columns_) {
        titles.push_back({column.title, Tone::muted});
        titled = titled || !column.title.empty();
    }
    if (titled) out.push_back(row_line(titles));
    for (const auto& row : rows_) {
        if (!wraps_ || row.size() < columns_.size()) {
            out.push_back(row_line(row));
            continue;
        }
        std::vector<Segment> shown = row;
        for (const auto& part : wrapped(printable(row.back().text, style), all.back())) {
            shown.back().text = part;
            out.push_back(row_line(shown));
            for (auto& cell : shown) cell.text.clear();
        }
        if (row.back().text.empty()) out.push_back(row_line(row));
    }
    return out;
}

void align_units(std::vector<std::string>& texts) {
    const auto unit_start = [](const std::string& text) {
        const auto digit = text.find_first_of("0123456789");
        if (digit == std::string::npos) return text.size();
        return std::min(text.find_first_not_of("0123456789.,", digit), text.size());
    };
    int width = 0;
    for (const auto& text : texts) {
        width = std::max(width, display_width(text.substr(unit_start(text))));
    }
    for (auto& text : texts) {
        if (text.find_first_of("0123456789") == std::string::npos) continue;
        const auto at = unit_start(text);
        text = text.substr(0, at) + padded_right(text.substr(at), width);
    }
}

void align_points(std::vector<std::string>& texts) {
    const auto fraction = [](const std::string& text) {
        const auto point = text.find('.');
        return point == std::string::npos ? 0 : static_cast<int>(text.size() - point);
    };
    int width = 0;
    for (const auto& text : texts) width = std::max(width, fraction(text));
    for (auto& text : texts) {
        if (text.find_first_of("0123456789") == std::string::npos) continue;
        text = padded_right(text, display_width(text) + width - fraction(text));
    }
}

}  // namespace squadload::report
