#include "integration/hostile_tls.h"

namespace squadload::integration {

using namespace std::string_literals;
using measure::Outcome;
using test_support::TlsVersion;

std::vector<Expected> no_connection(const std::string& why) {
    return {{Outcome::connect_error, "TLS with 127.0.0.1:PORT: " + why}};
}
std::vector<Expected> unacceptable(const std::string& why) {
    return no_connection("what the server sent is not acceptable (" + why + ")");
}
std::string tls_record(char type, const std::string& content) {
    return type + "\x03\x03"s + static_cast<char>(content.size() >> 8) +
           static_cast<char>(content.size() & 0xff) + content;
}

std::vector<Expected> not_tls(const std::string& why) {
    return {
        {Outcome::protocol_error, "what came is not TLS or was changed on the way (" + why + ")"}};
}

void TlsVersionTest::SetUp() {
    if (const auto loop = std::get<0>(GetParam()).make(0); !loop)
        GTEST_SKIP() << loop.error().text();
}

void TlsVersionTest::withstand(const std::vector<Misbehaviour>& cases) {
    for (const Misbehaviour& c : cases) expect_withstood(c, std::get<0>(GetParam()), &made_);
}

std::vector<LoopAndVersion> loops_and_versions() {
    std::vector<LoopAndVersion> all_of_them;
    for (const LoopKind& kind : loop_kinds()) {
        for (const TlsVersion v : {TlsVersion::tls_1_2, TlsVersion::tls_1_3})
            all_of_them.emplace_back(kind, v);
    }
    return all_of_them;
}

std::string loop_and_version_name(const ::testing::TestParamInfo<LoopAndVersion>& both) {
    return std::get<0>(both.param).name +
           (std::get<1>(both.param) == TlsVersion::tls_1_2 ? "_tls_1_2" : "_tls_1_3");
}

}  // namespace squadload::integration
