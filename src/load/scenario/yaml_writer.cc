#include "load/scenario/yaml_writer.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>

#include "base/units.h"
#include "load/scenario/secret.h"

namespace squadload::scenario {
namespace {

constexpr std::string_view kMask = "***";

bool is_plain(std::string_view text) {
    constexpr std::string_view kSpecial[] = {"true", "false", "null", "Null", "NULL", "exists"};
    const auto letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '/';
    };
    if (text.empty() || !letter(text.front())) return false;
    if (std::find(std::begin(kSpecial), std::end(kSpecial), text) != std::end(kSpecial)) {
        return false;
    }
    return std::all_of(text.begin(), text.end(),
                       [&](char c) { return letter(c) || c == '-' || c == '.' || c == '%'; });
}

// "env(KEY)": what is written there is no secret itself.
bool is_reference(std::string_view expression) {
    constexpr std::string_view kCalls[] = {"env", "var", "field", "user", "uuid", "seq", "now"};
    const std::size_t first = expression.find_first_not_of(' ');
    if (first == std::string_view::npos) return false;
    expression.remove_prefix(first);
    return std::any_of(std::begin(kCalls), std::end(kCalls), [&](std::string_view call) {
        return expression.starts_with(call) && expression.substr(call.size()).starts_with('(');
    });
}

// "Bearer {{ env(KEY) }}" names no secret; anything but a scheme beside an expression might.
bool is_only_references(std::string source) {
    bool any = false;
    for (std::size_t open = source.find("{{"); open != std::string::npos;
         open = source.find("{{")) {
        const std::size_t close = source.find("}}", open);
        if (close == std::string::npos) return false;
        if (!is_reference(std::string_view(source).substr(open + 2, close - open - 2)))
            return false;
        source.erase(open, close + 2 - open);
        any = true;
    }
    return any &&
           (source.empty() || source == "Bearer " || source == "Basic " || source == "Token ");
}

bool is_number_start(char c) {
    return c == '-' || (c >= '0' && c <= '9');
}

// The end of the JSON string that begins at `at`, behind its quote.
std::size_t string_end(std::string_view json, std::size_t at) {
    for (++at; at < json.size() && json[at] != '"'; ++at) {
        if (json[at] == '\\') ++at;
    }
    return std::min(at + 1, json.size());
}

}  // namespace

std::string masked_field(std::string_view name, const std::string& source) {
    return names_secret_field(name) && !is_only_references(source) ? std::string(kMask) : source;
}

std::string masked_json(std::string_view json) {
    std::string out;
    std::string_view name;  // of the member whose value comes next, with its escapes
    for (std::size_t at = 0; at < json.size();) {
        if (is_number_start(json[at]) && names_secret_field(name)) {
            out += fmt::format("\"{}\"", kMask);
            at = std::min(json.find_first_of(",}", at), json.size());
            continue;
        }
        if (json[at] != '"') {
            if (json[at] != ':') name = {};
            out += json[at++];
            continue;
        }
        const std::string_view text = json.substr(at, string_end(json, at) - at);
        at += text.size();
        const bool is_name = name.empty() && json.substr(at).starts_with(':');
        const std::string value(text.substr(1, text.size() - 2));
        out += '"' + (is_name ? value : masked_field(name, value)) + '"';
        name = is_name ? text.substr(1, text.size() - 2) : std::string_view{};
    }
    return out;
}

// JSON's quotes and escapes are YAML's too.
std::string yaml_scalar(std::string_view text) {
    if (is_plain(text)) return std::string(text);
    return escaped(text, Escape::json_value);
}

std::string yaml_list(const std::vector<std::string>& texts) {
    std::string out = "[";
    for (const std::string& text : texts) {
        if (out.size() > 1) out += ", ";
        out += yaml_scalar(text);
    }
    return out + "]";
}

std::string timeouts_text(const Timeouts& t) {
    return fmt::format("{{connect: {}, first_byte: {}, total: {}}}", format_duration(t.connect),
                       format_duration(t.first_byte), format_duration(t.total));
}

void YamlWriter::line(int depth, std::string_view text) {
    out_.append(static_cast<std::size_t>(depth) * 2, ' ');
    out_ += text;
    out_ += '\n';
}

void YamlWriter::key(int depth, std::string_view name, std::string_view value) {
    line(depth, fmt::format("{}:{}{}", yaml_scalar(name), value.empty() ? "" : " ", value));
}

void write_headers(YamlWriter& out, int depth, const HeaderTemplates& headers) {
    if (headers.empty()) return;
    out.key(depth, "headers");
    for (const auto& [name, value] : headers) {
        const bool masked = names_secret(name) && !is_only_references(value.source());
        out.key(depth + 1, name, yaml_scalar(masked ? kMask : value.source()));
    }
}

}  // namespace squadload::scenario
