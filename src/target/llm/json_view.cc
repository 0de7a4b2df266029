#include "target/llm/json_view.h"

#include <simdjson.h>

#include <bit>
#include <cmath>

#include "base/check.h"

namespace squadload::llm {

namespace dom = simdjson::dom;

struct JsonAccess {
    static dom::element element(const JsonView& view) {
        return std::bit_cast<dom::element>(view.element_);
    }
    static JsonView view(const dom::element& element) {
        JsonView view;
        view.element_ = std::bit_cast<decltype(view.element_)>(element);
        view.exists_ = true;
        return view;
    }
};

namespace {

constexpr std::size_t kMaxBytes = std::size_t{64} * 1024 * 1024;
// A thread that once read a huge body does not hold on to the memory (about twelve times the body).
constexpr std::size_t kRetainedBytes = std::size_t{1024} * 1024;

struct Reader {
    dom::parser parser;
    bool in_use = false;
};

Reader& reader() {
    thread_local Reader reader;
    return reader;
}

template <class T>
std::optional<T> value_of(const JsonView& view) {
    T value{};
    if (!view.exists() || JsonAccess::element(view).get(value) != simdjson::SUCCESS)
        return std::nullopt;
    return value;
}

}  // namespace

JsonDocument::JsonDocument(std::string_view text) {
    Reader& with = reader();
    SQUADLOAD_CHECK(!with.in_use);
    with.in_use = true;
    dom::element root;
    if (text.size() > kMaxBytes ||
        with.parser.parse(text.data(), text.size()).get(root) != simdjson::SUCCESS)
        return;
    root_ = JsonAccess::view(root);
}

JsonDocument::~JsonDocument() {
    Reader& with = reader();
    with.in_use = false;
    if (with.parser.capacity() > kRetainedBytes) with.parser = dom::parser();
}

bool JsonView::is_null() const {
    return exists_ && JsonAccess::element(*this).is_null();
}

bool JsonView::is_object() const {
    return exists_ && JsonAccess::element(*this).is_object();
}

bool JsonView::is_array() const {
    return exists_ && JsonAccess::element(*this).is_array();
}

JsonView JsonView::operator[](std::string_view key) const {
    dom::element value;
    const auto object = value_of<dom::object>(*this);
    if (!object || object->at_key(key).get(value) != simdjson::SUCCESS) return {};
    return JsonAccess::view(value);
}

JsonView JsonView::front() const {
    const auto array = value_of<dom::array>(*this);
    if (!array || !(array->begin() != array->end())) return {};
    return JsonAccess::view(*array->begin());
}

std::optional<std::string_view> JsonView::text() const {
    return value_of<std::string_view>(*this);
}

std::optional<bool> JsonView::boolean() const {
    return value_of<bool>(*this);
}

std::optional<double> JsonView::number() const {
    return value_of<double>(*this);
}

std::optional<std::uint64_t> JsonView::whole() const {
    if (const auto exact = value_of<std::uint64_t>(*this)) return exact;
    const auto real = value_of<double>(*this);
    constexpr double kExact = 0x1p53;
    if (!real || !(*real >= 0 && *real <= kExact) || std::floor(*real) != *real)
        return std::nullopt;
    return static_cast<std::uint64_t>(*real);
}

void JsonView::each_item(void* of, bool (*visit)(void*, JsonView)) const {
    const auto array = value_of<dom::array>(*this);
    if (!array) return;
    for (const dom::element item : *array) {
        if (!visit(of, JsonAccess::view(item))) return;
    }
}

}  // namespace squadload::llm
