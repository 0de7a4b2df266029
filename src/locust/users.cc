#include "locust/users.h"

#include <algorithm>
#include <array>

namespace squadload::locust {
namespace {

// https://docs.python.org/3/reference/lexical_analysis.html#keywords, and what the file itself
// uses.
constexpr std::array<std::string_view, 48> kTaken{
    "False",        "None",       "True",  "and",          "as",
    "assert",       "async",      "await", "break",        "class",
    "continue",     "def",        "del",   "elif",         "else",
    "except",       "finally",    "for",   "from",         "global",
    "if",           "import",     "in",    "is",           "lambda",
    "nonlocal",     "not",        "or",    "pass",         "raise",
    "return",       "try",        "while", "with",         "yield",
    "User",         "constant",   "task",  "sys",          "time",
    "gevent",       "started",    "begin", "tell_workers", "of_a_master_only",
    "MasterRunner", "isinstance", "events"};

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

}  // namespace

std::string python_class_name(std::string_view name) {
    std::string out;
    for (const char c : name) out += is_letter(c) || (c >= '0' && c <= '9') ? c : '_';
    if (out.empty() || !is_letter(out.front())) out.insert(0, "_");
    // Two leading underscores would be mangled inside a class, and Locust hides none: one is kept.
    if (std::find(kTaken.begin(), kTaken.end(), out) != kTaken.end()) out += '_';
    return out;
}

std::vector<std::string> python_class_names(const std::vector<ScenarioClass>& classes) {
    std::vector<std::string> names;
    for (const auto& one : classes) {
        const auto first = python_class_name(one.name);
        auto name = first;
        for (int n = 2; std::find(names.begin(), names.end(), name) != names.end(); ++n)
            name = first + "_" + std::to_string(n);
        names.push_back(std::move(name));
    }
    return names;
}

UserMap::UserMap(std::vector<ScenarioClass> classes)
    : classes_(std::move(classes)), python_names_(python_class_names(classes_)) {}

std::size_t UserMap::find(const std::string& name) const {
    for (std::size_t c = 0; c < classes_.size(); ++c)
        if (python_names_[c] == name || classes_[c].name == name) return c;
    return classes_.size();
}

std::vector<std::string> UserMap::strangers(const UserCounts& counts) const {
    std::vector<std::string> out;
    for (const auto& [name, count] : counts)
        if (find(name) == classes_.size()) out.push_back(name);
    return out;
}

std::vector<std::uint32_t> UserMap::of_scenario(const UserCounts& counts) const {
    std::vector<std::uint32_t> users(classes_.size(), 0);
    std::int64_t others = 0;
    for (const auto& [name, count] : counts) {
        const std::size_t c = find(name);
        if (c == classes_.size())
            others += count;
        else
            users[c] += static_cast<std::uint32_t>(count);
    }
    // Each goes to the class that lags furthest behind its share.
    double total = 0;
    for (const auto& one : classes_) total += one.weight;
    std::vector<std::int64_t> given(classes_.size(), 0);
    for (std::int64_t i = 0; i < others; ++i) {
        std::size_t best = classes_.size();
        double best_lag = 0;
        for (std::size_t c = 0; c < classes_.size(); ++c) {
            if (classes_[c].weight == 0) continue;
            const double lag = classes_[c].weight / total * static_cast<double>(i + 1) -
                               static_cast<double>(given[c]);
            if (best < classes_.size() && lag <= best_lag + 1e-12) continue;
            best = c;
            best_lag = lag;
        }
        if (best == classes_.size()) break;
        ++given[best];
    }
    for (std::size_t c = 0; c < classes_.size(); ++c)
        users[c] += static_cast<std::uint32_t>(given[c]);
    return users;
}

}  // namespace squadload::locust
