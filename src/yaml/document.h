// YAML text → a plain tree with the place of every node. What a configuration does not need is an
// error, so that nothing is misread in silence: duplicate keys, anchors, aliases and merge keys,
// tags, several documents, keys that are not plain text, quotes left open, control characters,
// anything but UTF-8.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace squadload::yaml {

// Bounds on a file; beyond them an error says so.
inline constexpr std::uint64_t kMaxFileBytes = 4ULL * 1024 * 1024;
inline constexpr int kMaxDepth = 50;

struct Entry;

struct Node {
    enum class Kind { null, scalar, list, map };
    Kind kind = Kind::null;
    std::string text;     // scalar: without quotes
    bool quoted = false;  // scalar: in quotes or a block (| or >): never a number, bool or null
    int line = 0;         // from 1
    int column = 0;       // from 1, in bytes
    std::vector<Node> items;
    std::vector<Entry> entries;  // in file order, keys differ
};

struct Entry {
    Node key;  // a scalar
    Node value;
};

class Document {
  public:
    // `file_name` is what errors call the file. Errors: kind config, at the place.
    [[nodiscard]] static Result<Document> parse(std::string_view text, std::string file_name);
    // Errors also: cannot be read, is a directory, too large (kind config: the user named the
    // file).
    [[nodiscard]] static Result<Document> load_file(const std::string& path);

    [[nodiscard]] const Node& root() const { return root_; }  // null when the file holds nothing
    [[nodiscard]] const std::string& file_name() const { return file_name_; }

  private:
    Node root_;
    std::string file_name_;
};

}  // namespace squadload::yaml
