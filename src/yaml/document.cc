#include "yaml/document.h"

#include <fmt/core.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <unordered_map>

namespace squadload::yaml {
namespace {

// Leaves yaml-cpp's parser from inside an event; caught in Document::parse.
struct Refused {
    int line;
    int column;
    std::string message;
};

[[noreturn]] void refuse(const YAML::Mark& mark, std::string message) {
    throw Refused{mark.line + 1, mark.column + 1, std::move(message)};
}

// Builds the tree from yaml-cpp's events.
class TreeBuilder : public YAML::EventHandler {
  public:
    explicit TreeBuilder(std::string_view text) : text_(text) {}

    Node take_root() { return std::move(root_); }

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (documents_++ > 0) refuse(mark, "a second document ('---'); a file holds one");
    }
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        check_plain(mark, "", anchor);
        add(make(Node::Kind::null, mark));
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
        refuse(mark, "aliases (*name) are not supported; write the values out");
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        check_plain(mark, tag, anchor);
        Node node = make(Node::Kind::scalar, mark);
        node.text = value;
        node.quoted = tag == "!";
        if (node.quoted) check_closed(mark);
        add(std::move(node));
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        check_plain(mark, tag, anchor);
        open(make(Node::Kind::list, mark), mark);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        check_plain(mark, tag, anchor);
        open(make(Node::Kind::map, mark), mark);
    }
    void OnMapEnd() override { close(); }

  private:
    using Keys = std::unordered_map<std::string, int>;  // and their lines

    static Node make(Node::Kind kind, const YAML::Mark& mark) {
        Node node;
        node.kind = kind;
        node.line = mark.line + 1;
        node.column = mark.column + 1;
        return node;
    }

    static void check_plain(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
        if (anchor != 0) refuse(mark, "anchors (&name) are not supported; write the values out");
        if (!tag.empty() && tag != "?" && tag != "!") {
            refuse(mark,
                   "tags (!name) are not supported; a text that begins with '!' stands in quotes");
        }
    }

    // yaml-cpp takes the end of the file for a closing quote.
    void check_closed(const YAML::Mark& mark) const {
        const auto start = static_cast<std::size_t>(mark.pos);
        if (start >= text_.size()) return;
        const char quote = text_[start];
        if (quote != '"' && quote != '\'') return;  // a block
        std::size_t at = start + 1;
        while (at < text_.size()) {
            const bool escape = quote == '"' ? text_[at] == '\\' : text_.substr(at, 2) == "''";
            if (!escape && text_[at] == quote) return;
            at += escape ? 2U : 1U;
        }
        refuse(mark, "the quote opened here is never closed");
    }

    [[nodiscard]] bool wants_key() const {
        return !open_.empty() && open_.back().kind == Node::Kind::map && !has_key_.back();
    }

    void open(Node node, const YAML::Mark& mark) {
        if (wants_key()) {
            const auto start = static_cast<std::size_t>(std::max(mark.pos, 1) - 1);
            const bool braces = text_.substr(start).starts_with("{{");
            refuse(mark, braces ? "put an expression in quotes: \"{{ ... }}\""
                                : "a key must be plain text, not a list or map");
        }
        if (open_.size() >= static_cast<std::size_t>(kMaxDepth)) {
            refuse(mark, fmt::format("nested deeper than {} levels", kMaxDepth));
        }
        open_.push_back(std::move(node));
        has_key_.push_back(false);
        keys_.emplace_back();
    }

    void close() {
        Node node = std::move(open_.back());
        open_.pop_back();
        has_key_.pop_back();
        keys_.pop_back();
        add(std::move(node));
    }

    void add(Node node) {
        if (open_.empty()) {
            root_ = std::move(node);
            return;
        }
        Node& parent = open_.back();
        if (parent.kind == Node::Kind::list) {
            parent.items.push_back(std::move(node));
        } else if (has_key_.back()) {
            parent.entries.back().value = std::move(node);
            has_key_.back() = false;
        } else {
            add_key(parent, keys_.back(), std::move(node));
            has_key_.back() = true;
        }
    }

    static void add_key(Node& parent, Keys& keys, Node key) {
        const auto at = [&](std::string message) {
            throw Refused{key.line, key.column, std::move(message)};
        };
        if (key.kind != Node::Kind::scalar) at("a key is missing before the ':'");
        if (key.text == "<<" && !key.quoted) {
            at("merge keys (<<) are not supported; write the values out");
        }
        const auto [there, added] = keys.emplace(key.text, key.line);
        if (!added) {
            at(fmt::format("duplicate key '{}'; it is there already in line {}", key.text,
                           there->second));
        }
        parent.entries.push_back(Entry{std::move(key), Node{}});
    }

    std::string_view text_;
    Node root_;
    std::vector<Node> open_;     // lists and maps not yet closed, outermost first
    std::vector<bool> has_key_;  // beside open_: a map's key waits for its value
    std::vector<Keys> keys_;     // beside open_: a map's keys so far
    int documents_ = 0;
};

// What yaml-cpp says, and what a person needs to hear.
std::string plain_sentence(const std::string& message) {
    struct Wording {
        std::string_view yaml_cpp;
        std::string_view ours;
    };
    constexpr std::array kWordings{
        Wording{"illegal map value",
                "a ':' is not expected here: check the indentation of this line and the one above, "
                "or put the text in quotes"},
        Wording{"end of map not found",
                "this line does not fit: check its indentation and the ':' after the key"},
        Wording{"end of sequence not found",
                "this line does not fit into the list above: check its indentation"},
        Wording{"illegal block entry", "a '-' is not expected here: check the indentation"},
        Wording{"end of map flow not found", "a '{' is not closed with '}'"},
        Wording{"end of sequence flow not found", "a '[' is not closed with ']'"},
        Wording{"the referenced anchor is not defined",
                "aliases (*name) are not supported; put a text that begins with '*' in quotes"},
        Wording{"unknown token", "a text may not begin with this character; put it in quotes"},
    };
    for (const auto& wording : kWordings) {
        if (message.starts_with(wording.yaml_cpp)) return std::string(wording.ours);
    }
    return fmt::format("not valid YAML: {}", message);
}

std::string_view line_of(std::string_view text, int line) {
    for (int i = 1; i < line; ++i) {
        const std::size_t end = text.find('\n');
        if (end == std::string_view::npos) return "";
        text.remove_prefix(end + 1);
    }
    return text.substr(0, text.find('\n'));
}

Error yaml_error(std::string_view text, const std::string& file, const YAML::ParserException& e) {
    const SourceMark mark{file, e.mark.line + 1, e.mark.column + 1};
    const std::string_view line = line_of(text, mark.line);
    const std::size_t indent = std::min(line.find_first_not_of(" \t"), line.size());
    const std::size_t tab = line.substr(0, indent).find('\t');
    if (tab != std::string_view::npos || e.msg.find("illegal tab") != std::string::npos) {
        const int column = tab == std::string_view::npos ? mark.column : static_cast<int>(tab) + 1;
        return Error{ErrorKind::config, "this line is indented with a tab; YAML allows only spaces",
                     SourceMark{file, mark.line, column}};
    }
    return Error{ErrorKind::config, plain_sentence(e.msg), mark};
}

// Length of the UTF-8 sequence at `at`, 0 if there is none. Lenient on overlong forms: it guards
// against other encodings, and what is written to a target is checked where it is escaped.
std::size_t utf8_length(std::string_view text, std::size_t at) {
    const auto first = static_cast<unsigned char>(text[at]);
    std::size_t length = 1;
    if (first >= 0x80) length = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (first > 0xF4 || at + length > text.size()) return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((static_cast<unsigned char>(text[at + i]) & 0xC0U) != 0x80U) return 0;
    }
    return length;
}

std::optional<Error> check_bytes(std::string_view text, const std::string& file) {
    int line = 1;
    std::size_t line_start = 0;
    const auto here = [&](std::size_t at, std::string message) {
        const SourceMark mark{file, line, static_cast<int>(at - line_start) + 1};
        return Error{ErrorKind::config, std::move(message), mark};
    };
    for (std::size_t at = 0; at < text.size();) {
        const auto byte = static_cast<unsigned char>(text[at]);
        const std::size_t length = utf8_length(text, at);
        if (length == 0) return here(at, "not UTF-8 text; save the file as UTF-8");
        if ((byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t') || byte == 0x7F) {
            return here(at, fmt::format("a control character (byte {})", byte));
        }
        if (byte == '\n') {
            ++line;
            line_start = at + 1;
        }
        at += length;
    }
    return std::nullopt;
}

}  // namespace

Result<Document> Document::parse(std::string_view text, std::string file_name) {
    constexpr std::string_view kBom = "\xEF\xBB\xBF";
    if (text.starts_with(kBom)) text.remove_prefix(kBom.size());
    if (text.size() > kMaxFileBytes) {
        return fail(ErrorKind::config, fmt::format("'{}' is larger than 4 MiB", file_name));
    }
    if (auto bad = check_bytes(text, file_name)) return tl::unexpected(std::move(*bad));
    TreeBuilder builder(text);
    try {
        std::istringstream in{std::string(text)};
        YAML::Parser parser(in);
        while (parser.HandleNextDocument(builder)) {
        }
    } catch (const Refused& r) {
        return fail_at(SourceMark{file_name, r.line, r.column}, r.message);
    } catch (const YAML::DeepRecursion& e) {
        return fail_at(SourceMark{file_name, e.mark.line + 1, e.mark.column + 1},
                       fmt::format("nested deeper than {} levels", kMaxDepth));
    } catch (const YAML::ParserException& e) {
        return tl::unexpected(yaml_error(text, file_name, e));
    } catch (const YAML::Exception& e) {
        return fail(ErrorKind::config, fmt::format("'{}' is not valid YAML: {}", file_name, e.msg));
    }
    Document document;
    document.root_ = builder.take_root();
    document.file_name_ = std::move(file_name);
    return document;
}

Result<Document> Document::load_file(const std::string& path) {
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) {
        return fail(ErrorKind::config, fmt::format("'{}' is a directory, not a file", path));
    }
    std::ifstream in(path, std::ios::binary);
    if (!in) {
        const bool exists = std::filesystem::exists(path, error);
        return fail(ErrorKind::config, fmt::format("cannot read '{}': {}", path,
                                                   exists ? "permission denied" : "no such file"));
    }
    std::string text(kMaxFileBytes + 1, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
    return parse(text, path);
}

}  // namespace squadload::yaml
