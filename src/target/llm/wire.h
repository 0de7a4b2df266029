// What goes over the wire, without any I/O.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace squadload::llm {

struct Header {
    std::string_view name;  // lower case; static text
    std::string value;      // no control characters
    friend bool operator==(const Header&, const Header&) = default;
};
using Headers = std::vector<Header>;

// A POST. Its headers hold the provider's key: never log them.
struct WireRequest {
    std::string path;  // below the base URL (see base_path), with a query where one is needed
    Headers headers;   // content-type included
    std::string body;
};

struct WireReply {
    int status = 200;
    Headers headers;  // beside content-type: application/json
    std::string body;
};

// How a reader asks for a header: any callable std::optional<std::string_view>(std::string_view),
// which is given lower-case names and compares without regard to case. Not owned: pass it as an
// argument, do not keep it. Default: there are no headers.
class HeaderLookup {
  public:
    HeaderLookup() = default;
    template <class F>
        requires(!std::is_same_v<std::remove_cvref_t<F>, HeaderLookup> &&
                 std::is_invocable_r_v<std::optional<std::string_view>, const F&, std::string_view>)
    HeaderLookup(const F& find)  // NOLINT(google-explicit-constructor): a view, as string_view is
        : of_(std::addressof(find)), call_([](const void* of, std::string_view name) {
              return std::optional<std::string_view>((*static_cast<const F*>(of))(name));
          }) {}

    [[nodiscard]] std::optional<std::string_view> operator()(std::string_view name) const {
        return call_ == nullptr ? std::nullopt : call_(of_, name);
    }

  private:
    const void* of_ = nullptr;
    std::optional<std::string_view> (*call_)(const void*, std::string_view) = nullptr;
};

}  // namespace squadload::llm
