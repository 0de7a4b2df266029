// One connection to a PostgreSQL, for a thread of its own: libpq without blocking, its socket
// watched by poll(), every operation with a deadline. (Resolving a host's name is the one thing
// libpq does not do without blocking; it holds up that thread alone.)
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "target/squad_api/stores/patience.h"

struct pg_conn;
struct pg_result;

namespace squadload::squad_api {

// Where a postgresql:// URL leads, for people and logs, without user and password:
// "127.0.0.1:5432/audit". Error of kind config: it is none; the sentence does not repeat it.
[[nodiscard]] Result<std::string> postgres_place(const std::string& url);

class PostgresConnection {
  public:
    using Parameter = std::optional<std::string>;        // as text; none: NULL
    using Rows = std::vector<std::vector<std::string>>;  // NULL is ""

    // url: postgres_place() has found nothing wrong with it.
    [[nodiscard]] Result<void> connect(const std::string& url, const Patience& patience);
    // One statement, or several without parameters; the rows of the last. After an error the
    // connection may be lost: see sqlstate(). Past the deadline it is closed.
    [[nodiscard]] Result<Rows> query(const std::string& sql, std::span<const Parameter> parameters,
                                     const Patience& patience);
    [[nodiscard]] Result<Rows> query(const std::string& sql, const Patience& patience);
    // Of the last error: five characters (PostgreSQL, appendix A), "" when it was not the server's.
    [[nodiscard]] const std::string& sqlstate() const { return sqlstate_; }

    [[nodiscard]] int descriptor() const;  // -1: not connected
    // Something came in while nothing was asked: usually the end. Error: the connection is lost.
    [[nodiscard]] Result<void> look();
    void close() { connection_.reset(); }

  private:
    struct Finish {
        void operator()(pg_conn* connection) const;
    };
    struct Clear {
        void operator()(pg_result* result) const;
    };
    using ResultPtr = std::unique_ptr<pg_result, Clear>;

    // Until the socket is readable or, if asked for, writable. False: time is up.
    [[nodiscard]] bool wait(bool writable, const Patience& patience) const;
    [[nodiscard]] Result<Rows> results(const Patience& patience);
    [[nodiscard]] Result<void> flush(const Patience& patience);
    // None: no more results of this query.
    [[nodiscard]] Result<ResultPtr> next_result(const Patience& patience);
    [[nodiscard]] tl::unexpected<Error> lost();
    [[nodiscard]] tl::unexpected<Error> too_late();

    std::unique_ptr<pg_conn, Finish> connection_;
    std::string place_;
    std::string sqlstate_;
};

}  // namespace squadload::squad_api
