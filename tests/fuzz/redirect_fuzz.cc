// Where a redirect leads is always a URL that fits into a request line, however odd the Location.
// Input: a base URL, a newline, the reference.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "load/http/redirect.h"
#include "load/scenario/escape.h"

namespace {

bool fits_request_line(const squadload::http::Url& url) {
    const auto visible = [](char c) { return c > ' ' && c < '\x7f'; };
    return url.path.starts_with('/') && std::ranges::all_of(url.path, visible) &&
           std::ranges::all_of(url.authority(), visible) && !url.host.empty();
}

bool has_dot_segment(const std::string& target) {
    const std::string path = target.substr(0, target.find('?')) + "/";
    return path.find("/./") != path.npos || path.find("/../") != path.npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace squadload::http;
    std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const auto base = parse_url(line);
    if (!base) return 0;
    const auto url = resolve_reference(*base, text);
    if (!url) return 0;
    SQUADLOAD_CHECK(fits_request_line(*url));
    const bool has_path = !text.empty() && text.front() != '?' && text.front() != '#';
    std::string request;
    rewrite_request("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n", {"GET", *url, false}, request);
    SQUADLOAD_CHECK(std::ranges::count(request, '\n') == 4);
    if (!has_path) return 0;  // the base's path stays as it was
    SQUADLOAD_CHECK(!has_dot_segment(url->path));
    // The result means itself, from anywhere; what the base brought as it was is encoded by now.
    const auto again = resolve_reference(*base, url->scheme + "://" + url->authority() + url->path);
    SQUADLOAD_CHECK(again && again->path == squadload::scenario::encode_written_path(url->path));
    return 0;
}
