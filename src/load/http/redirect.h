// Redirects (RFC 9110 §15.4): where one leads, and the request to send there. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "load/http/url.h"

namespace squadload::http {

// 301, 302, 303, 307 or 308: a response with one of them names the next request in Location.
[[nodiscard]] bool is_redirect(int status);

// The method of the next request: 303 makes everything but HEAD a GET, 301 and 302 make POST a GET;
// else as it was. One that became GET carries no body.
[[nodiscard]] std::string_view method_after(int status, std::string_view method);

// The URL that `reference` means in a response from `base` (RFC 3986 §5.2). Its path is not empty;
// the fragment is dropped, and what may not stand in a URL is percent-encoded, as browsers do.
// Errors (kind config): a sentence, as of parse_url.
[[nodiscard]] Result<Url> resolve_reference(const Url& base, std::string_view reference);

struct NextRequest {
    std::string_view method;
    const Url& url;
    bool same_origin = true;        // as the first request's: then its Host stays
    bool keeps_body = true;         // and the fields that describe it
    bool keeps_credentials = true;  // scenario::names_secret
    // What Cookie is to be instead of what it was, if anything: "" for none.
    std::optional<std::string_view> cookie = std::nullopt;
    // Through a proxy: what goes before the path; and what the proxy asks for. A request that does
    // not go to a proxy in this form carries no Proxy-Authorization of one that did.
    std::string_view absolute_form = {};
    std::string_view proxy_authorization = {};
};

// Writes the next request to `out` (replaced). `first` is a whole HTTP/1.1 request as we write it.
void rewrite_request(std::string_view first, const NextRequest& next, std::string& out);

}  // namespace squadload::http
