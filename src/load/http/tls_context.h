// What the TLS sessions of one worker share: settings, authorities, client certificate, and the
// buffer that plaintext is read into. OpenSSL 3.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "load/scenario/scenario.h"

struct ssl_ctx_st;
struct bio_method_st;

namespace squadload::http {

// Used on one thread; outlives its sessions.
class TlsContext {
  public:
    // Reads the files that the settings name. Errors (kind config, at the place where the file was
    // given): a file that cannot be read or holds no certificate or key, a key that is encrypted or
    // does not belong to the certificate, an unknown version, the lowest above the highest.
    [[nodiscard]] static Result<std::unique_ptr<TlsContext>> make(
        const scenario::TlsSettings& settings);
    ~TlsContext();
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;

  private:
    friend class TlsSession;

    TlsContext();
    [[nodiscard]] Result<void> apply(const scenario::TlsSettings& settings);
    [[nodiscard]] Result<void> load_certificate(const scenario::TlsSettings& settings);

    ssl_ctx_st* context_;
    bio_method_st* bytes_;  // a BIO over a session's input and output
    bool verify_ = true;
    bool has_certificate_ = false;
    bool session_reuse_ = false;
    std::unique_ptr<char[]> plaintext_;
};

}  // namespace squadload::http
