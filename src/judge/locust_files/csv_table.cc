#include "judge/locust_files/csv_table.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/units.h"

namespace squadload::locust_files {
namespace {

constexpr std::string_view kBom = "\xEF\xBB\xBF";
constexpr double kMost = 1e15;  // beyond it no count is exact and no time is one

class Reader {
  public:
    Reader(std::string_view text, const std::string& file) : text_(text), file_(file) {}

    Result<std::vector<CsvRow>> rows() {
        std::vector<CsvRow> out;
        while (at_ < text_.size()) {
            CsvRow row{line_, {}};
            for (;;) {
                std::string cell;
                if (!take_cell(cell))
                    return fail_at({file_, row.line, 1},
                                   "a cell in quotes is not closed: the file is cut off");
                row.cells.push_back(std::move(cell));
                if (at_ >= text_.size() || text_[at_] != ',') break;
                ++at_;
            }
            end_line();
            if (row.cells.size() > 1 || !row.cells.front().empty()) out.push_back(std::move(row));
        }
        return out;
    }

  private:
    bool take_cell(std::string& cell) {
        if (at_ < text_.size() && text_[at_] == '"') return take_quoted(cell);
        const auto end = std::min(text_.find_first_of(",\r\n", at_), text_.size());
        cell = text_.substr(at_, end - at_);
        at_ = end;
        return true;
    }
    bool take_quoted(std::string& cell) {
        ++at_;
        for (; at_ < text_.size(); ++at_) {
            if (text_[at_] == '"') {
                ++at_;
                if (at_ >= text_.size() || text_[at_] != '"') {
                    // Whatever stands behind the quotes belongs to the cell, as csv reads it.
                    const auto end = std::min(text_.find_first_of(",\r\n", at_), text_.size());
                    cell += text_.substr(at_, end - at_);
                    at_ = end;
                    return true;
                }
            }
            if (text_[at_] == '\n') ++line_;
            cell += text_[at_];
        }
        return false;
    }
    void end_line() {
        if (at_ < text_.size() && text_[at_] == '\r') ++at_;
        if (at_ < text_.size() && text_[at_] == '\n') ++at_;
        ++line_;
    }

    std::string_view text_;
    const std::string& file_;
    std::size_t at_ = 0;
    int line_ = 1;
};

}  // namespace

Result<std::vector<CsvRow>> parse_csv(std::string_view text, const std::string& file) {
    if (text.starts_with(kBom)) text.remove_prefix(kBom.size());
    return Reader(text, file).rows();
}

Result<CsvTable> CsvTable::read(std::string_view text, const std::string& file,
                                const std::vector<std::string>& wanted) {
    auto rows = parse_csv(text, file);
    if (!rows) return tl::unexpected(rows.error());
    if (rows->empty())
        return fail(ErrorKind::config, file + " is empty: it is not of a finished Locust run");
    CsvTable table;
    table.file_ = file;
    table.columns_ = std::move(rows->front().cells);
    for (const auto& column : wanted)
        if (!table.has(column))
            return fail_at({file, 1, 1},
                           fmt::format("the header has no column '{}': this is not the file that "
                                       "locust --csv writes by this name",
                                       column));
    rows->erase(rows->begin());
    for (const auto& row : *rows)
        if (row.cells.size() != table.columns_.size())
            return fail_at({file, row.line, 1},
                           fmt::format("the row has {} cells and the header {}: the file is cut "
                                       "off, or no CSV of Locust",
                                       row.cells.size(), table.columns_.size()));
    table.rows_ = *std::move(rows);
    return table;
}

bool CsvTable::has(std::string_view column) const {
    return std::find(columns_.begin(), columns_.end(), column) != columns_.end();
}

const std::string& CsvTable::text(const CsvRow& row, std::string_view column) const {
    const auto at = std::find(columns_.begin(), columns_.end(), column) - columns_.begin();
    return row.cells.at(static_cast<std::size_t>(at));
}

Result<std::uint64_t> CsvTable::count(const CsvRow& row, std::string_view column) const {
    const auto& cell = text(row, column);
    std::uint64_t out = 0;
    const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), out);
    if (error == std::errc() && end == cell.data() + cell.size() &&
        static_cast<double>(out) <= kMost)
        return out;
    return wrong(row, fmt::format("{} is '{}', not a whole number", column, cell));
}

Result<double> CsvTable::number(const CsvRow& row, std::string_view column) const {
    const auto& cell = text(row, column);
    double out = 0;
    const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), out);
    if (error == std::errc() && end == cell.data() + cell.size() && out >= 0 && out <= kMost)
        return out;
    return wrong(row, fmt::format("{} is '{}', not a number of 0 or more", column, cell));
}

tl::unexpected<Error> CsvTable::wrong(const CsvRow& row, std::string message) const {
    return fail_at({file_, row.line, 1}, std::move(message));
}

}  // namespace squadload::locust_files
