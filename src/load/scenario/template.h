// Request templates: text with {{ calls }}, compiled once, rendered per request without allocation beyond the output.
//
//   {{ random_int(1,100) }} {{ choice(prompts) }} {{ uuid() }} {{ seq() }} {{ now() }} {{ env(NAME) }} {{ field(feeder, column) }}
//
// Everything random is drawn from (seed, request number), so the same request renders the same bytes whatever the
// number of threads; only now() and env() come from outside. env() is read when compiled.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/random.h"

namespace squadload::scenario {

class DataSets;

// What one request brings to its templates. `random` is shared by all templates of the request, drawn in a fixed order.
struct RenderContext {
    std::uint64_t request_number = 0;  // k in the open model; unique in a run in both models: seq()
    Random& random;
};

// How a value is written where it stands.
enum class Escape { none, json_string, url_path, url_query, header };

class Template {
  public:
    Template() = default;
    // `data` outlives the template. Errors (kind config, at `mark`): unknown function or data set with the nearest
    // known one, wrong arguments, unset environment variable, unclosed braces.
    [[nodiscard]] static Result<Template> compile(std::string_view text, Escape escape, const DataSets& data,
                                                  const SourceMark& mark);
    [[nodiscard]] static Template constant(std::string text);

    void render(RenderContext& context, std::string& out) const;  // appends
    [[nodiscard]] bool is_constant() const;
    [[nodiscard]] const std::string& source() const { return source_; }  // as written

    // Defined in template.cc; public only so that the compiler can name it.
    struct Part;

  private:
    std::string source_;
    std::shared_ptr<const std::vector<Part>> parts_;  // immutable after compile; shared by copies
};

}  // namespace squadload::scenario
