// What OpenSSL reports, in plain and stable words.
#pragma once

#include <string>
#include <string_view>

struct x509_store_ctx_st;

namespace squadload::http {

// Why a certificate was refused, during the verification: "the certificate expired on 2026-01-31".
// `name` is what was to be verified.
[[nodiscard]] std::string certificate_problem(x509_store_ctx_st* store, const std::string& name);

// The error that says most of those the library has queued, which are gone then.
[[nodiscard]] unsigned long take_error();

// The alert (RFC 8446 §6) that the peer sent, if this error is one: its number, else -1.
[[nodiscard]] int alert_of(unsigned long error);
[[nodiscard]] std::string alert_name(int alert);  // "handshake failure"

// The library's own words, in lower case where they stand in a sentence.
[[nodiscard]] std::string reason(unsigned long error);

}  // namespace squadload::http
