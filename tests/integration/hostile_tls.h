// What the tables of misbehaving TLS servers share. Each is withstood on both loops, under TLS 1.2
// and 1.3.
#pragma once

#include <string>
#include <tuple>
#include <vector>

#include "integration/hostile_run.h"

namespace squadload::integration {

// The handshake failed. `why` is the sentence's second half; the other: OpenSSL's reason.
[[nodiscard]] std::vector<Expected> no_connection(const std::string& why);
[[nodiscard]] std::vector<Expected> unacceptable(const std::string& reason);
// It failed behind the handshake, for a reason of OpenSSL's.
[[nodiscard]] std::vector<Expected> not_tls(const std::string& reason);

[[nodiscard]] std::string tls_record(char type, const std::string& content);  // not encrypted

using LoopAndVersion = std::tuple<LoopKind, test_support::TlsVersion>;

class TlsVersionTest : public ::testing::TestWithParam<LoopAndVersion> {
  protected:
    void SetUp() override;
    [[nodiscard]] static test_support::TlsVersion version() { return std::get<1>(GetParam()); }
    void withstand(const std::vector<Misbehaviour>& cases);
    test_support::Certificates made_;
};
[[nodiscard]] std::vector<LoopAndVersion> loops_and_versions();
[[nodiscard]] std::string loop_and_version_name(
    const ::testing::TestParamInfo<LoopAndVersion>& both);

}  // namespace squadload::integration
