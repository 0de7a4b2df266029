// Writing a scenario back as YAML: scalars, lists, indented lines, masked secrets. Internal to
// load/scenario.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "load/scenario/scenario.h"

namespace squadload::scenario {

// A text as a YAML scalar, quoted where it must be.
[[nodiscard]] std::string yaml_scalar(std::string_view text);
[[nodiscard]] std::string yaml_list(const std::vector<std::string>& texts);
[[nodiscard]] std::string timeouts_text(const Timeouts& timeouts);

// Writes indented lines; a depth is two spaces.
class YamlWriter {
  public:
    void line(int depth, std::string_view text);
    void key(int depth, std::string_view name, std::string_view value = "");
    [[nodiscard]] std::string take() { return std::move(out_); }

  private:
    std::string out_;
};

// "***" in place of a literal text in a field that names a secret (names_secret_field); expressions
// that name none stay.
[[nodiscard]] std::string masked_field(std::string_view name, const std::string& source);
// The same for every member of compact JSON, numbers too.
[[nodiscard]] std::string masked_json(std::string_view json);
// Values of headers that name secrets are masked, unless they are expressions that name none.
void write_headers(YamlWriter& out, int depth, const HeaderTemplates& headers);
// to_yaml_users.cc
void write_users(YamlWriter& out, const std::vector<UserClass>& classes);

}  // namespace squadload::scenario
