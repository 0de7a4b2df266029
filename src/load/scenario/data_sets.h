// The lists and tables that templates draw from: inline lists, CSV and JSON Lines files.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace squadload::scenario {

// Bounds on a data file; beyond them an error says so.
inline constexpr std::uint64_t kMaxDataFileBytes = 256ULL * 1024 * 1024;

struct DataSet {
    std::string name;
    std::string file;                  // path it was read from; empty: inline
    std::vector<std::string> columns;  // names; empty: a list of plain values
    // By column, then by row; at least one row. A list has one unnamed column.
    std::vector<std::vector<std::string>> values;

    [[nodiscard]] bool is_list() const { return columns.empty(); }
    [[nodiscard]] std::size_t rows() const { return values.front().size(); }
    // Values of a column by name; nullptr when there is none.
    [[nodiscard]] const std::vector<std::string>* column(std::string_view column_name) const;
};

// Filled once, then immutable. Templates point into it: addresses stay as they are while it lives.
class DataSets {
  public:
    // Errors (kind config): empty list; at `mark`.
    [[nodiscard]] Result<void> add_list(std::string name, std::vector<std::string> values,
                                        const SourceMark& mark);
    // Reads a file; its ending (.csv, .jsonl, .ndjson) says which format. Errors: at `mark` when it
    // cannot be read, at the line of the file when its contents are wrong.
    [[nodiscard]] Result<void> add_file(std::string name, const std::string& path,
                                        const SourceMark& mark);
    // CSV after RFC 4180: a header line, commas, quotes doubled inside quotes, LF or CRLF, an
    // optional BOM. Every row has as many fields as the header. Blank lines are skipped.
    [[nodiscard]] Result<void> add_csv(std::string name, std::string_view text,
                                       const std::string& file);
    // One JSON object per line, each with the keys of the first. Strings are taken as they are,
    // anything else as its compact JSON text. Blank lines are skipped.
    [[nodiscard]] Result<void> add_json_lines(std::string name, std::string_view text,
                                              const std::string& file);

    [[nodiscard]] const DataSet* find(std::string_view name) const;
    [[nodiscard]] std::vector<std::string> names() const;
    [[nodiscard]] const std::vector<std::unique_ptr<const DataSet>>& all() const { return sets_; }

  private:
    std::vector<std::unique_ptr<const DataSet>> sets_;
};

}  // namespace squadload::scenario
