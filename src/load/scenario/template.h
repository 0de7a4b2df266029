// Request templates: text with {{ calls }}, compiled once, rendered per request without allocation
// beyond the output.
//
//   {{ random_int(1, 100) }}        a whole number, both ends included
//   {{ choice(prompts) }}           a random entry of a list (or of a table with one column)
//   {{ choice("a", "b") }}          a random one of these
//   {{ field(users, email) }}       a column of a table; the row is request_number mod rows, the
//   same for every field
//   {{ field(users, email, user) }} the same, but the row is the user's number mod rows
//   {{ var(token) }}                what the user extracted from an earlier response
//   {{ user() }}                    the number of the virtual user, from 0
//   {{ uuid() }}                    version 4 in form, from the seeded random
//   {{ seq() }}                     the request number, from 0, unique in a run
//   {{ now() }}                     UTC, 2026-11-23T09:15:00.123Z; now(unix) seconds, now(unix_ms)
//   milliseconds
//   {{ env(NAME) }}                 read when compiled; unset is an error
//   {{ "{{" }}                      text as it stands
//
// A filter may follow: `| json` writes a quoted, escaped JSON string (for raw bodies); `| number`
// demands a number and, as a whole JSON value, writes it without quotes. What an extracted variable
// holds is known only at run time: under `| number` a JSON number is written as it is, anything
// else as a quoted JSON string, so that the JSON around it stays well-formed. Names of data sets
// and columns may be quoted. Everything random is drawn from (seed, request number), so the same
// request renders the same bytes whatever the number of threads; only now(), env() and var() come
// from outside.
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

// What the expressions of a template may name. A view: all of it outlives the compiling, the data
// the template too.
struct TemplateScope {
    const DataSets& data;
    const Environment& environment;
    std::span<const std::string> variables = {};  // of the user class; var(name) becomes the index
};

// Index of a variable, or the sentence that nothing extracts it, with the nearest name that is.
[[nodiscard]] tl::expected<std::uint16_t, std::string> find_variable(
    std::string_view name, std::span<const std::string> variables);

class Template {
  public:
    Template() = default;
    // The text between expressions is taken as written, but escaped
    // too for json_string, json_value and url_query; for url_path only what cannot stand in a URL
    // is encoded. Errors (kind config, at `mark`): unknown function, data set or variable with the
    // nearest known one, wrong arguments, unset environment variable, unclosed braces, `| number`
    // on what is not a number, control characters in a header.
    [[nodiscard]] static Result<Template> compile(std::string_view text, Escape escape,
                                                  const TemplateScope& scope,
                                                  const SourceMark& mark);
    // Written as it stands; nothing is escaped or evaluated.
    [[nodiscard]] static Template constant(std::string text);
    // The pieces one after the other. `source` is what source() says.
    [[nodiscard]] static Template concat(std::span<const Template> pieces, std::string source);

    void render(RenderContext& context, std::string& out) const;  // appends
    [[nodiscard]] bool is_constant() const;
    // Appends the indices of the variables it writes, those that `out` does not hold yet. Rendering
    // writes nothing for one that is not set: ask before sending.
    void variables(std::vector<std::uint16_t>& out) const;
    [[nodiscard]] const std::string& source() const { return source_; }  // as written

    // Defined in template_part.h; public only so that the compiler can name it.
    struct Part;

  private:
    Template(std::string source, std::vector<Part> parts);

    std::string source_;
    std::shared_ptr<const std::vector<Part>> parts_;  // immutable after compile; shared by copies
};

}  // namespace squadload::scenario
