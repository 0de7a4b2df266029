// The arrival log as a file: one NDJSON line for every call, in the order calls end, also for those
// that memory has no room for; sort by "seq" for the order of admission. A {"log":…} line ends it.
// Written by a thread of its own: the loop only hands over text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace squadload::providers {

struct FileCounts {
    std::uint64_t lines = 0;    // handed over
    std::uint64_t dropped = 0;  // of them not written: the disk was too slow, full or gone
};

// Used on one thread, the loop's; counts() included.
class ArrivalFile {
  public:
    // Creates the file. Error of kind io: it is there already, or cannot be made.
    [[nodiscard]] static Result<std::unique_ptr<ArrivalFile>> create(const std::string& path);
    ~ArrivalFile();
    ArrivalFile(const ArrivalFile&) = delete;
    ArrivalFile& operator=(const ArrivalFile&) = delete;

    void add(std::string_view line);  // with its '\n'
    void flush();                     // hands over what add() gathered; call it once in a while
    // Writes what was handed over and `last_lines`, and closes.
    void close(std::string_view last_lines);
    [[nodiscard]] FileCounts counts() const;

  private:
    struct Writer;
    explicit ArrivalFile(std::unique_ptr<Writer> writer);

    std::string gathered_;
    std::uint64_t gathered_lines_ = 0;
    std::uint64_t lines_ = 0;
    std::unique_ptr<Writer> writer_;
};

}  // namespace squadload::providers
