// Reading a tree strictly: every key is asked for, every scalar has its type and range. Problems do
// not stop the reading; the first one is kept, so that readers stay straight-line code:
//
//   Problems problems;
//   const Map map = Value(document, problems).map({"users", "rate"});
//   if (const auto users = map.get("users")) scenario.users = users->integer(1, 1'000'000);
//   if (problems.first()) return tl::unexpected(*problems.first());
//
// YAML's own ideas of scalars do not apply: numbers are decimal, booleans are true and false, units
// are base/units'.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "yaml/document.h"

namespace squadload::yaml {

class Problems {
  public:
    void add(SourceMark mark, std::string message);  // kept if it is the first
    void add(Error error);
    [[nodiscard]] const std::optional<Error>& first() const { return first_; }

  private:
    std::optional<Error> first_;
};

class Map;

// A node with its place and key path ("scenarios.spike.rate"). A view: tree, file name and problems
// outlive it. Typed reads that fail add a problem at the node, naming path, what was expected and
// what is there, and return the nearest harmless value (the lower end of a range, "" or nothing).
class Value {
  public:
    Value(const Document& document, Problems& problems);
    Value(const Node& node, const std::string& file, std::string path, Problems& problems);

    [[nodiscard]] const Node& node() const { return *node_; }
    [[nodiscard]] SourceMark mark() const;
    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] Problems& problems() const { return *problems_; }

    [[nodiscard]] bool is_null() const { return node_->kind == Node::Kind::null; }
    [[nodiscard]] bool is_scalar() const { return node_->kind == Node::Kind::scalar; }
    [[nodiscard]] bool is_list() const { return node_->kind == Node::Kind::list; }
    [[nodiscard]] bool is_map() const { return node_->kind == Node::Kind::map; }

    // Adds a problem here: "path: sentence".
    void fail(std::string_view sentence) const;

    [[nodiscard]] std::string text() const;  // any scalar
    [[nodiscard]] bool boolean() const;      // true or false
    // Both ends included.
    [[nodiscard]] std::int64_t integer(std::int64_t low, std::int64_t high) const;
    [[nodiscard]] double number(double low, double high) const;
    [[nodiscard]] double rate(double high) const;  // per second, from 0
    [[nodiscard]] Nanos duration(Nanos low = Nanos::zero()) const;
    [[nodiscard]] std::uint64_t bytes(std::uint64_t low, std::uint64_t high) const;
    // Number of the name that is there; 0 after a problem.
    [[nodiscard]] std::size_t one_of(std::initializer_list<std::string_view> names) const;

    // A map whose keys are all among `known`; the others are problems with the nearest known name.
    // Null is an empty map.
    [[nodiscard]] Map map(std::initializer_list<std::string_view> known) const;
    [[nodiscard]] Map map(std::vector<std::string_view> known) const;
    // A map with free keys, in file order; entry_mark is the key's place. Null is an empty map.
    struct Named;
    [[nodiscard]] std::vector<Named> entries() const;
    [[nodiscard]] std::vector<Value> items() const;  // a list
    [[nodiscard]] std::vector<Value> items_or_one()
        const;  // a list, or anything else as a list of one

  private:
    friend class Map;
    [[nodiscard]] bool expect_scalar(std::string_view expected) const;
    void expected(std::string_view what) const;  // "path: expected WHAT, not THIS"

    const Node* node_;
    const std::string* file_;
    std::string path_;
    Problems* problems_;
};

struct Value::Named {
    std::string name;
    SourceMark key_mark;
    Value value;
};

class Map {
  public:
    // What stands under a key. None when the key is absent; a key without a value is a problem (and
    // none).
    [[nodiscard]] std::optional<Value> get(std::string_view key) const;
    // The same, a key without a value allowed.
    [[nodiscard]] std::optional<Value> get_or_null(std::string_view key) const;
    [[nodiscard]] bool has(std::string_view key) const;
    [[nodiscard]] const Value& value() const { return value_; }

  private:
    friend class Value;
    explicit Map(Value value) : value_(std::move(value)) {}

    Value value_;
};

// Text from elsewhere (an environment variable, a command line option) to be read like a value of a
// file. Its problems say "source: expected …". Outlives the Value.
class TextValue {
  public:
    TextValue(std::string source, std::string text);
    [[nodiscard]] Value value(Problems& problems) const;

  private:
    std::string source_;
    Node node_;
};

}  // namespace squadload::yaml
