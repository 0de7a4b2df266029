// Reads JSON from the network: any bytes, bounded depth (1,024) and size, no recursion, no
// exceptions. simdjson is inside. Internal to this room.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace squadload::llm {

// A value inside a JsonDocument, or nothing. Everything asked of nothing, or of another type, is
// nothing. Valid as long as its document.
class JsonView {
  public:
    JsonView() = default;

    [[nodiscard]] bool exists() const { return exists_; }  // null exists
    [[nodiscard]] bool is_null() const;
    [[nodiscard]] bool is_object() const;
    [[nodiscard]] bool is_array() const;

    [[nodiscard]] JsonView operator[](std::string_view key) const;  // the first of that name
    [[nodiscard]] JsonView front() const;                           // of an array

    // Unescaped. May be no valid UTF-8: "\ud800" is valid JSON.
    [[nodiscard]] std::optional<std::string_view> text() const;
    [[nodiscard]] std::optional<bool> boolean() const;
    [[nodiscard]] std::optional<double> number() const;
    [[nodiscard]] std::optional<std::uint64_t> whole() const;  // 12 and 12.0, not -1 and 1.5

    // Every item of an array in order, until `visit(JsonView)` returns false.
    template <class F>
    void each(F visit) const {
        each_item(&visit, [](void* of, JsonView item) {
            return static_cast<bool>((*static_cast<F*>(of))(item));
        });
    }

  private:
    friend class JsonDocument;
    friend struct JsonAccess;
    void each_item(void* of, bool (*visit)(void*, JsonView)) const;

    // simdjson's element, whose header is too heavy to include here.
    alignas(void*) std::array<std::byte, 2 * sizeof(void*)> element_{};
    bool exists_ = false;
};

// One document. Its buffers are the thread's, so that reading allocates nothing in steady state:
// a thread has at most one document at a time, and does not pass it on.
class JsonDocument {
  public:
    explicit JsonDocument(std::string_view text);
    ~JsonDocument();
    JsonDocument(const JsonDocument&) = delete;
    JsonDocument& operator=(const JsonDocument&) = delete;

    // Nothing when the text is not one valid JSON document, is nested more deeply than 1,024,
    // longer than 64 MiB, or has an integer beyond 64 bits.
    [[nodiscard]] JsonView root() const { return root_; }

  private:
    JsonView root_;
};

}  // namespace squadload::llm
