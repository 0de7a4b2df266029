// The first lines of what is sent: request line or status line, and the fields (RFC 9112). Text
// from handlers may not break the framing: a field whose name is no token is left out, control
// characters of a value become spaces, and the fields that frame a message are written here alone.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "target/service/client.h"
#include "target/service/message.h"

namespace squadload::service {

enum class ConnectionField { none, close, keep_alive };

// Appends; `date` is the whole value of the Date field.
void append_reply_head(std::string& out, const Reply& reply, std::string_view date,
                       ConnectionField connection);
// Without a Connection field: HTTP/1.1 keeps by default. False, and nothing appended: the method is
// no token, or the target has a space or control character.
[[nodiscard]] bool append_request_head(std::string& out, const ClientRequest& request);

// Whether a reply of that status has a body and a Content-Length (RFC 9110 §6.4.1).
[[nodiscard]] bool has_body(int status);

[[nodiscard]] bool is_token(std::string_view text);  // RFC 9110 §5.6.2

}  // namespace squadload::service
