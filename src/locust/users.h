// Whose users are whose: the classes that a master counts, by the names in its Python file, and
// those of the scenario. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "locust/messages.h"

namespace squadload::locust {

// A class of the scenario, in file order.
struct ScenarioClass {
    std::string name;
    std::uint32_t weight = 1;
};

// The name as `squadload locustfile` writes it: a Python identifier that is no keyword. "api-user"
// → "api_user", "2nd" → "_2nd".
[[nodiscard]] std::string python_class_name(std::string_view name);
// Of all classes of a scenario, each its own: where two would be equal the later one gets a number.
[[nodiscard]] std::vector<std::string> python_class_names(
    const std::vector<ScenarioClass>& classes);

class UserMap {
  public:
    explicit UserMap(std::vector<ScenarioClass> classes);  // at least one with a weight

    // How many users of each class of the scenario a master's counts are. Its classes are known by
    // name, ours or the Python one; users of any other are spread over the scenario's classes by
    // weight, in a fixed order, so that one user more changes one class by one.
    [[nodiscard]] std::vector<std::uint32_t> of_scenario(const UserCounts& counts) const;
    // The master's classes that the scenario does not have.
    [[nodiscard]] std::vector<std::string> strangers(const UserCounts& counts) const;

  private:
    [[nodiscard]] std::size_t find(const std::string& name) const;  // classes_.size(): none

    std::vector<ScenarioClass> classes_;
    std::vector<std::string> python_names_;
};

}  // namespace squadload::locust
