// The Python file of a master whose workers are squadload: names, weights and host, no requests.
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace squadload::locust {

struct LocustTask {
    std::string name;
    std::uint32_t weight = 1;
};

struct LocustClass {
    std::string name;
    std::uint32_t weight = 1;
    std::vector<LocustTask> tasks;
};

struct LocustfileFacts {
    std::string scenario;
    std::string load;  // "closed, 30 users"
    std::string host;  // "": the command line's
    bool open = false;
    std::vector<LocustClass> classes;
};

// Works with Locust 2.10 to 2.47. In the open model it tells the workers how many users the whole
// test has and since when it runs (messages.h, kTestFacts).
[[nodiscard]] std::string locustfile(const LocustfileFacts& facts);

}  // namespace squadload::locust
