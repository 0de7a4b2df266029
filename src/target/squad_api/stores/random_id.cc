#include "target/squad_api/stores/random_id.h"

#include <sys/random.h>

#include <array>

#include "base/check.h"

namespace squadload::squad_api {

std::string random_id() {
    std::array<unsigned char, 16> bytes{};
    // Up to 256 bytes are never given in part.
    SQUADLOAD_CHECK(getrandom(bytes.data(), bytes.size(), 0) == 16);
    std::string text;
    for (const unsigned char byte : bytes) {
        text += "0123456789abcdef"[byte >> 4U];
        text += "0123456789abcdef"[byte & 15U];
    }
    return text;
}

}  // namespace squadload::squad_api
