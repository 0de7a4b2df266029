// Makes TLS records by hand, with the keys of a server session: AES-128-GCM under TLS 1.2 (RFC 5246
// §6.3, RFC 5288) and TLS 1.3 (RFC 8446 §5, §7.3). What OpenSSL would never send can be sent.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace squadload::test_support {

class RecordSealer {
  public:
    // TLS 1.3: `secret` is SERVER_TRAFFIC_SECRET_0, no record was sealed with it yet.
    [[nodiscard]] static RecordSealer tls_1_3(std::string_view secret);
    // TLS 1.2: the master secret; the Finished message was the only record sealed so far.
    [[nodiscard]] static RecordSealer tls_1_2(std::string_view master,
                                              std::string_view client_random,
                                              std::string_view server_random);

    [[nodiscard]] std::string seal(std::uint8_t type, std::string_view content);
    void update_key();  // TLS 1.3, after a KeyUpdate was sealed (RFC 8446 §7.2)

  private:
    void derive();

    bool tls_1_3_ = true;
    std::string secret_;
    std::string key_;  // 16 bytes
    std::string iv_;   // 12 bytes; TLS 1.2: 4
    std::uint64_t sequence_ = 0;
};

}  // namespace squadload::test_support
