// What goes between a Locust master and its workers. Pure.
//
// A message is [type, data, node id] in MessagePack, one ZeroMQ frame (locust/rpc/protocol.py). A
// master's receiving loop is not defended: one malformed message, such as a heartbeat without its
// cpu figure, leaves it deaf to all workers for the rest of its life. So what is sent is checked.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "locust/value.h"

namespace squadload::locust {

// Users by the names of the master's classes.
using UserCounts = std::map<std::string, std::int64_t>;
[[nodiscard]] std::int64_t sum(const UserCounts& users);

// Absolute: how many users of each class this worker is to have.
struct Spawn {
    double timestamp = 0;  // of the master's clock, in s; older ones than the last are void
    UserCounts users;
    std::string host;                      // "": the worker's own
    std::optional<double> stop_timeout_s;  // none, or > 0
    // Users of the whole test, as far as the master's options say; 0: they do not.
    std::int64_t total_users = 0;
};

// What the file of `squadload locustfile` has its master say: how large the whole test is to be,
// and since when it runs.
struct TestFacts {
    std::int64_t users = 0;
    double elapsed_s = 0;
};

enum class MasterSays {
    ack,
    spawn,
    stop,
    quit,
    reconnect,
    heartbeat,
    spawning_complete,
    test_facts,
    other
};

struct FromMaster {
    MasterSays what = MasterSays::other;
    std::string type;                   // as received
    std::optional<std::int64_t> index;  // of ack
    Spawn spawn;
    TestFacts facts;
};

// Errors (kind io): no message, or a known one that lacks what it must have. Of `parsed_options`
// any shape will do. Counts of users above 10 million or below 0 are errors.
[[nodiscard]] Result<FromMaster> read_message(std::string_view bytes);

inline constexpr std::string_view kTestFacts = "squadload_test";  // type of the custom message

// Of a worker with this node id. Text that is not UTF-8 would be undecodable: it is repaired.
class Messages {
  public:
    explicit Messages(std::string_view node_id);

    [[nodiscard]] const std::string& node_id() const { return node_id_; }

    // Version -1: accepted by every master since 1.0, without a word about versions.
    [[nodiscard]] std::string client_ready() const;
    // cpu_percent: finite; state: "ready", "spawning" or "running", the only ones a master counts.
    [[nodiscard]] std::string heartbeat(std::string_view state, double cpu_percent,
                                        std::uint64_t memory_bytes) const;
    [[nodiscard]] std::string spawning() const;
    [[nodiscard]] std::string spawning_complete(const UserCounts& users) const;
    // `data`: of StatsReport::take().
    [[nodiscard]] std::string stats(Value data) const;
    [[nodiscard]] std::string exception(std::string_view message, std::string_view trace) const;
    [[nodiscard]] std::string client_stopped() const;
    [[nodiscard]] std::string quit() const;

  private:
    [[nodiscard]] std::string message(std::string_view type, Value data) const;
    std::string node_id_;
};

// Users as the messages have them; every class, also those with none.
[[nodiscard]] Map users_map(const UserCounts& users);

// Whether a master takes these bytes as they should be: type, members and the kind of each. Error
// (kind internal): what is wrong.
[[nodiscard]] Result<void> check_outgoing(std::string_view bytes);

}  // namespace squadload::locust
