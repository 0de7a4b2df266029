// Request templates: text with {{ calls }}, compiled once, rendered per request without allocation
// beyond the output.
//
//   {{ random_int(1, 100) }}        a whole number, both ends included
//   {{ choice(prompts) }}           a random entry of a list (or of a table with one column)
//   {{ choice("a", "b") }}          a random one of these
//   {{ field(users, email) }}       a column of a table; the row is request_number mod rows, the
//   same for every field
//   {{ uuid() }}                    version 4 in form, from the seeded random
//   {{ seq() }}                     the request number, from 0, unique in a run
//   {{ now() }}                     UTC, 2026-11-23T09:15:00.123Z; now(unix) seconds, now(unix_ms)
//   milliseconds
//   {{ env(NAME) }}                 read when compiled; unset is an error
//   {{ "{{" }}                      text as it stands
//
// A filter may follow: `| json` writes a quoted, escaped JSON string (for raw bodies); `| number`
// demands a number and, as a whole JSON value, writes it without quotes. Names of data sets and
// columns may be quoted. Everything random is drawn from (seed, request number), so the same
// request renders the same bytes whatever the number of threads; only now() and env() come from
// outside.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "load/scenario/environment.h"
#include "load/scenario/escape.h"

namespace squadload::scenario {

class DataSets;

// What a user extracted from a response.
struct Variable {
    std::string text;
    bool set = false;
};

// What one request brings to its templates. `random` is shared by all templates of the request,
// drawn in a fixed order.
struct RenderContext {
    // Of the iteration: k in the open model; unique in a run in both models: seq(). In on_start and
    // on_stop the user's number.
    std::uint64_t request_number = 0;
    Random& random;
    std::uint64_t user = 0;  // number of the virtual user, from 0
    std::span<const Variable> variables = {};
};

class Template {
  public:
    Template() = default;
    // `data` outlives the template. The text between expressions is taken as written, but escaped
    // too for json_string, json_value and url_query; for url_path only what cannot stand in a URL
    // is encoded. Errors (kind config, at `mark`): unknown function or data set with the nearest
    // known one, wrong arguments, unset environment variable, unclosed braces, `| number` on what
    // is not a number, control characters in a header.
    [[nodiscard]] static Result<Template> compile(
        std::string_view text, Escape escape, const DataSets& data, const SourceMark& mark,
        const Environment& environment = process_environment());
    // Written as it stands; nothing is escaped or evaluated.
    [[nodiscard]] static Template constant(std::string text);
    // The pieces one after the other. `source` is what source() says.
    [[nodiscard]] static Template concat(std::span<const Template> pieces, std::string source);

    void render(RenderContext& context, std::string& out) const;  // appends
    [[nodiscard]] bool is_constant() const;
    [[nodiscard]] const std::string& source() const { return source_; }  // as written

    // Defined in template_part.h; public only so that the compiler can name it.
    struct Part;

  private:
    Template(std::string source, std::vector<Part> parts);

    std::string source_;
    std::shared_ptr<const std::vector<Part>> parts_;  // immutable after compile; shared by copies
};

}  // namespace squadload::scenario
