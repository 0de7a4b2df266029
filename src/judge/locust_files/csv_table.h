// CSV as Python's csv module writes it. For this room.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace squadload::locust_files {

struct CsvRow {
    int line = 0;  // where it starts, from 1
    std::vector<std::string> cells;
};

// Errors (kind config): a quoted cell that is not closed.
[[nodiscard]] Result<std::vector<CsvRow>> parse_csv(std::string_view text, const std::string& file);

// A row's cells by the names of their columns.
class CsvTable {
  public:
    // Errors (kind config): nothing in it; `wanted` columns that the header lacks; a row with
    // another number of cells than the header.
    [[nodiscard]] static Result<CsvTable> read(std::string_view text, const std::string& file,
                                               const std::vector<std::string>& wanted);
    [[nodiscard]] const std::vector<CsvRow>& rows() const { return rows_; }  // without the header
    [[nodiscard]] const std::vector<std::string>& columns() const { return columns_; }
    [[nodiscard]] bool has(std::string_view column) const;
    // The column is there.
    [[nodiscard]] const std::string& text(const CsvRow& row, std::string_view column) const;
    // Errors at the row's line: not a whole number, not a number of 0 or more.
    [[nodiscard]] Result<std::uint64_t> count(const CsvRow& row, std::string_view column) const;
    [[nodiscard]] Result<double> number(const CsvRow& row, std::string_view column) const;
    [[nodiscard]] tl::unexpected<Error> wrong(const CsvRow& row, std::string message) const;
    [[nodiscard]] const std::string& file() const { return file_; }

  private:
    std::string file_;
    std::vector<std::string> columns_;
    std::vector<CsvRow> rows_;
};

}  // namespace squadload::locust_files
