#include "load/scenario/data_sets.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

namespace squadload::scenario {
namespace {

constexpr int kMaxJsonDepth = 100;
constexpr std::string_view kBom = "\xEF\xBB\xBF";

std::string_view without_bom(std::string_view text) {
    if (text.starts_with(kBom)) text.remove_prefix(kBom.size());
    return text;
}

tl::unexpected<Error> fail_line(const std::string& file, int line, std::string message) {
    return fail_at(SourceMark{file, line, 1}, std::move(message));
}

struct CsvRow {
    int line = 0;  // where it starts
    std::vector<std::string> fields;
};

// Splits CSV text into rows.
class CsvReader {
  public:
    CsvReader(std::string_view text, const std::string& file) : text_(text), file_(file) {}

    Result<std::vector<CsvRow>> rows() {
        std::vector<CsvRow> rows;
        while (at_ < text_.size()) {
            CsvRow row{line_, {}};
            bool quoted = false;
            do {
                auto field = take_field(quoted);
                if (!field) return tl::unexpected(field.error());
                row.fields.push_back(std::move(*field));
            } while (take(','));
            end_line();
            const bool blank = row.fields.size() == 1 && row.fields[0].empty() && !quoted;
            if (!blank) rows.push_back(std::move(row));
        }
        return rows;
    }

  private:
    bool take(char c) {
        if (at_ >= text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    bool at_line_end() const {
        return at_ >= text_.size() || text_[at_] == '\n' || text_.substr(at_).starts_with("\r\n");
    }
    void end_line() {
        take('\r');
        take('\n');
        ++line_;
    }

    Result<std::string> take_field(bool& quoted) {
        if (take('"')) {
            quoted = true;
            return take_quoted();
        }
        std::string field;
        while (!at_line_end() && text_[at_] != ',') {
            if (text_[at_] == '"') {
                return fail_line(file_, line_,
                                 "a quote inside a field: put the whole field in quotes and double "
                                 "the quotes inside it");
            }
            field += text_[at_++];
        }
        return field;
    }

    Result<std::string> take_quoted() {
        const int start = line_;
        std::string field;
        while (at_ < text_.size()) {
            const char c = text_[at_++];
            if (c == '"' && !take('"')) {
                if (at_line_end() || text_[at_] == ',') return field;
                return fail_line(file_, line_, "text after the closing quote of a field");
            }
            if (c == '\n') ++line_;
            field += c;
        }
        return fail_line(file_, start, "a quoted field is not closed");
    }

    std::string_view text_;
    const std::string& file_;
    std::size_t at_ = 0;
    int line_ = 1;
};

Result<void> check_columns(const CsvRow& header, const std::string& file) {
    for (std::size_t i = 0; i < header.fields.size(); ++i) {
        const std::string& name = header.fields[i];
        if (name.empty()) {
            return fail_line(file, header.line, fmt::format("column {} has no name", i + 1));
        }
        if (std::count(header.fields.begin(), header.fields.end(), name) > 1) {
            return fail_line(file, header.line, fmt::format("column '{}' is there twice", name));
        }
    }
    return {};
}

// One line of a JSON Lines file, as an object. nlohmann's exceptions are switched off.
Result<nlohmann::ordered_json> parse_object(std::string_view line, const std::string& file,
                                            int number) {
    bool too_deep = false;  // dump() recurses
    const auto limit_depth = [&](int depth, nlohmann::ordered_json::parse_event_t,
                                 nlohmann::ordered_json&) {
        too_deep = too_deep || depth > kMaxJsonDepth;
        return depth <= kMaxJsonDepth;
    };
    auto object = nlohmann::ordered_json::parse(line, limit_depth, false);
    if (too_deep) {
        return fail_line(file, number, fmt::format("nested deeper than {} levels", kMaxJsonDepth));
    }
    if (object.is_discarded()) return fail_line(file, number, "not valid JSON");
    if (!object.is_object() || object.empty()) {
        return fail_line(file, number, "expected a JSON object with at least one key");
    }
    return object;
}

std::string as_text(const nlohmann::ordered_json& value) {
    if (value.is_string()) return value.get<std::string>();
    return value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

Result<void> append_object(const nlohmann::ordered_json& object, const std::string& file, int line,
                           DataSet& set) {
    if (set.columns.empty()) {
        for (const auto& [key, value] : object.items()) set.columns.push_back(key);
        set.values.resize(set.columns.size());
    }
    for (std::size_t i = 0; i < set.columns.size(); ++i) {
        const auto found = object.find(set.columns[i]);
        if (found == object.end()) {
            return fail_line(
                file, line,
                fmt::format("key '{}' is missing; the first line has it", set.columns[i]));
        }
        set.values[i].push_back(as_text(*found));
    }
    if (object.size() == set.columns.size()) return {};
    return fail_line(file, line, "has a key that the first line does not have");
}

}  // namespace

const std::vector<std::string>* DataSet::column(std::string_view column_name) const {
    const auto found = std::find(columns.begin(), columns.end(), column_name);
    if (found == columns.end()) return nullptr;
    return &values[static_cast<std::size_t>(found - columns.begin())];
}

Result<void> DataSets::add_list(std::string name, std::vector<std::string> values,
                                const SourceMark& mark) {
    if (values.empty()) return fail_at(mark, fmt::format("data set '{}' is empty", name));
    auto set = std::make_unique<DataSet>();
    set->name = std::move(name);
    set->values.push_back(std::move(values));
    sets_.push_back(std::move(set));
    return {};
}

Result<void> DataSets::add_file(std::string name, const std::string& path, const SourceMark& mark) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) {
        return fail_at(mark, fmt::format("'{}' is a directory, not a data file", path));
    }
    const auto size = std::filesystem::file_size(path, ignored);
    std::ifstream in(path, std::ios::binary);
    if (!in) return fail_at(mark, fmt::format("cannot read the data file '{}'", path));
    if (!ignored && size > kMaxDataFileBytes) {
        return fail_at(mark, fmt::format("the data file '{}' is larger than 256 MiB", path));
    }
    const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    if (path.ends_with(".csv")) return add_csv(std::move(name), text, path);
    if (path.ends_with(".jsonl") || path.ends_with(".ndjson")) {
        return add_json_lines(std::move(name), text, path);
    }
    return fail_at(
        mark, fmt::format("'{}' ends in none of .csv, .jsonl and .ndjson, so its format is unknown",
                          path));
}

Result<void> DataSets::add_csv(std::string name, std::string_view text, const std::string& file) {
    auto rows = CsvReader(without_bom(text), file).rows();
    if (!rows) return tl::unexpected(rows.error());
    if (rows->size() < 2) {
        return fail_line(file, 1, "expected a header line and at least one row below it");
    }
    const CsvRow& header = rows->front();
    if (auto checked = check_columns(header, file); !checked) return checked;
    auto set = std::make_unique<DataSet>();
    set->name = std::move(name);
    set->file = file;
    set->columns = header.fields;
    set->values.resize(header.fields.size());
    for (std::size_t r = 1; r < rows->size(); ++r) {
        CsvRow& row = (*rows)[r];
        if (row.fields.size() != header.fields.size()) {
            return fail_line(file, row.line,
                             fmt::format("{} field(s), but the header has {}", row.fields.size(),
                                         header.fields.size()));
        }
        for (std::size_t c = 0; c < row.fields.size(); ++c) {
            set->values[c].push_back(std::move(row.fields[c]));
        }
    }
    sets_.push_back(std::move(set));
    return {};
}

Result<void> DataSets::add_json_lines(std::string name, std::string_view text,
                                      const std::string& file) {
    text = without_bom(text);
    auto set = std::make_unique<DataSet>();
    set->name = std::move(name);
    set->file = file;
    for (int number = 1; !text.empty(); ++number) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
        auto object = parse_object(line, file, number);
        if (!object) return tl::unexpected(object.error());
        if (auto added = append_object(*object, file, number, *set); !added) return added;
    }
    if (set->values.empty()) return fail_line(file, 1, "expected at least one JSON object");
    sets_.push_back(std::move(set));
    return {};
}

const DataSet* DataSets::find(std::string_view name) const {
    for (const auto& set : sets_) {
        if (set->name == name) return set.get();
    }
    return nullptr;
}

std::vector<std::string> DataSets::names() const {
    std::vector<std::string> names;
    for (const auto& set : sets_) names.push_back(set->name);
    return names;
}

}  // namespace squadload::scenario
