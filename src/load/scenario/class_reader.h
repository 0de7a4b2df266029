// What the readers of a user class share: its tasks, the steps of its flows, and which variables an
// earlier response can have set by then. Internal to load/scenario.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "load/scenario/parsed_file.h"

namespace squadload::scenario {

inline constexpr std::size_t kMaxVariables = 64;    // of a class
inline constexpr std::size_t kMaxRequests = 1'000;  // that a file defines, over all classes

// A header of the target as one class sends it.
struct TargetHeader {
    std::string name;
    Template value;
    std::string missing;  // a variable it needs that no step of the class extracts; "": none
};

struct ClassScope {
    std::string name;
    const Target& target;
    ReadContext context;  // with the variables of the class
    std::vector<TargetHeader> headers;
    std::set<std::string> labels = {};  // what reports call the requests read so far
};

// By index of UserClass::variables.
struct Known {
    std::vector<bool> now;   // set, if every step so far was sent and ok
    std::vector<bool> ever;  // set by then at some time in the user's life
};

// read_request.cc: what tasks and steps have in common. Variables that nothing in `known.now` sets
// are problems; a header of the target that needs one is left out (the login that extracts the
// token is sent without it). `noun` is what problems call it: "task", "step".
[[nodiscard]] std::vector<std::string_view> request_keys(
    std::initializer_list<std::string_view> more);
void read_request(const yaml::Map& map, std::string_view noun, const ClassScope& scope,
                  const Known& known, Request& request);
// "GET /health" in place of a map.
void read_short_request(const yaml::Value& value, const ClassScope& scope, const Known& known,
                        Request& request);
[[nodiscard]] bool is_token(std::string_view text);  // RFC 9110 §5.6.2

// read_extract.cc
// The names that a task, steps (a list or a map) or a whole class extract, each once, in the order
// in which they stand; of a class at most kMaxVariables + 1. They raise no problems: reading does.
[[nodiscard]] std::vector<std::string> variables_of_task(const yaml::Node& task);
[[nodiscard]] std::vector<std::string> variables_of_steps(const yaml::Node& steps);
[[nodiscard]] std::vector<std::string> variables_of_class(const yaml::Node& user_class);
[[nodiscard]] std::vector<std::string> variables_of_users(const yaml::Node& users);
[[nodiscard]] std::vector<Extraction> read_extract(const yaml::Value& value,
                                                   const ClassScope& scope);
// "job", "!job", "job == text" or "job != text"; the text may stand in quotes.
[[nodiscard]] std::optional<Condition> read_condition(const yaml::Value& value,
                                                      const ClassScope& scope);

// read_steps.cc: the steps of a task, on_start or on_stop; what they extract becomes known. `where`
// is what their labels begin with ("conversation"); `names` are those taken already.
[[nodiscard]] std::vector<Step> read_steps(const yaml::Value& value, std::string_view where,
                                           std::set<std::string>& names, ClassScope& scope,
                                           Known& known);
// Adds the label of a request, or the problem that another of the class has it.
void add_label(std::string label, const yaml::Value& value, ClassScope& scope);
// Names of classes, tasks and steps stand in reports: something, and no control characters.
void check_name(std::string_view name, std::string_view noun, const yaml::Value& value);
// Whether a list or map alone holds more than kMaxRequests, which is a problem then.
[[nodiscard]] bool too_many(const yaml::Value& value);
// The value of the key `name` in a map; nullptr when there is none.
[[nodiscard]] const yaml::Node* name_key(const yaml::Value& map);
[[nodiscard]] bool has_key(const yaml::Value& map, std::string_view key);

}  // namespace squadload::scenario
