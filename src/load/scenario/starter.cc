#include <fmt/core.h>

#include "load/scenario/config.h"
#include "load/scenario/escape.h"

namespace squadload::scenario {

std::string starter_file(const std::string& url) {
    const std::size_t scheme = url.find("://");
    const std::size_t start = scheme == std::string::npos ? 0 : scheme + 3;
    const std::size_t end = std::min(url.find_first_of("/?", start), url.size());
    std::string path = url.substr(end, url.find('#', end) - end);
    if (!path.starts_with('/')) path.insert(0, "/");
    constexpr std::string_view kText =
        R"yaml(# A load test for squadload. Check it: squadload validate --config FILE
# One request, shown:  squadload try home --config FILE
# Run it:              squadload run smoke --config FILE

target:
  host: @HOST@
  # headers:
  #   Authorization: "Bearer {{ env(API_KEY) }}"
  timeouts: {connect: 5s, total: 30s}

# Who sends what. Tasks are picked by weight.
users:
  Visitor:
    wait_time: between(1, 3)  # used when no rate is given: each user waits 1 to 3 s after an answer
    tasks:
      home:
        weight: 4
        path: @PATH@
        expect: {status: 2xx, max_time: 5s}
      # create:
      #   weight: 1
      #   method: POST
      #   path: /items
      #   json:
      #     id: "{{ uuid() }}"
      #     amount: "{{ random_int(1, 100) | number }}"
      #     name: "{{ choice(names) }}"
      #   expect: {status: [200, 201], json: {/id: exists}}

# data:
#   names: [ada, grace, edsger]
#   customers: {file: customers.csv}  # columns by {{ field(customers, email) }}

scenarios:
  # Open model: requests start on schedule, whatever the target does.
  smoke:
    description: A first look
    rate: 5
    duration: 10s
  ramp:
    description: Up to 50 requests per second, and hold
    arrivals: poisson  # random, as real users are; default: constant
    stages:
      - {duration: 30s, to: 50}
      - {duration: 1m, rate: 50}
  # Closed model: each user waits for its answer, thinks, and goes on.
  users:
    users: 20
    spawn_rate: 5
    duration: 1m

thresholds:
  success_rate_min: 0.99
  p95_latency_max_ms: 500
  # expressions: ["p99(home) < 1s", "rate(server_error) < 0.1%"]
)yaml";
    std::string text(kText);
    const auto put = [&](std::string_view mark, const std::string& value) {
        text.replace(text.find(mark), mark.size(), escaped(value, Escape::json_value));
    };
    put("@HOST@", url.substr(0, end));
    put("@PATH@", path);
    return text;
}

}  // namespace squadload::scenario
