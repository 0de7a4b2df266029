#include "target/squad_api/stores/postgres_connection.h"

#include <fmt/core.h>
#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <utility>

namespace squadload::squad_api {
namespace {

// How often a wait looks whether the sink is being closed.
constexpr Nanos kSlice = std::chrono::milliseconds(100);

// libpq's messages may have several lines ("…\n\tIs the server running locally…"): the first is
// the one that counts, but for its newline.
std::string first_line(const char* message) {
    std::string_view text = message == nullptr ? "" : message;
    text = text.substr(0, text.find('\n'));
    return std::string(text.empty() ? "it failed without a reason" : text);
}

tl::unexpected<Error> failure(const std::string& place, const std::string& words) {
    return fail(ErrorKind::io, place + ": " + words);
}

void ignore_notice(void* /*unused*/, const char* /*message*/) {}

}  // namespace

Result<std::string> postgres_place(const std::string& url) {
    if (!url.starts_with("postgresql://") && !url.starts_with("postgres://")) {
        return fail(ErrorKind::config, "the PostgreSQL URL does not begin with postgresql://");
    }
    char* message = nullptr;
    PQconninfoOption* const options = PQconninfoParse(url.c_str(), &message);
    // The message repeats parts of the URL, passwords among them.
    PQfreemem(message);
    if (options == nullptr) {
        return fail(ErrorKind::config,
                    "the PostgreSQL URL cannot be read: it should be "
                    "postgresql://[user[:password]@]host[:port]/database[?option=value], with "
                    "other characters percent-encoded");
    }
    const auto option = [&](std::string_view name, const char* otherwise) {
        for (const PQconninfoOption* o = options; o->keyword != nullptr; ++o) {
            if (o->keyword == name && o->val != nullptr && *o->val != '\0') {
                return std::string(o->val);
            }
        }
        return std::string(otherwise);
    };
    const std::string host = option("host", "localhost");
    const std::string database = option("dbname", "");
    std::string place = host.starts_with('/')
                            ? fmt::format("{} of {}", database, host)
                            : fmt::format("{}:{}/{}", host, option("port", "5432"), database);
    PQconninfoFree(options);
    return place;
}

void PostgresConnection::Finish::operator()(pg_conn* connection) const {
    PQfinish(connection);
}

void PostgresConnection::Clear::operator()(pg_result* result) const {
    PQclear(result);
}

int PostgresConnection::descriptor() const {
    return connection_ ? PQsocket(connection_.get()) : -1;
}

tl::unexpected<Error> PostgresConnection::lost() {
    sqlstate_.clear();
    std::string words = first_line(PQerrorMessage(connection_.get()));
    close();
    return failure(place_, words);
}

tl::unexpected<Error> PostgresConnection::too_late() {
    sqlstate_.clear();
    close();
    return failure(place_, "no answer in time");
}

bool PostgresConnection::wait(bool writable, const Patience& patience) const {
    while (true) {
        const MonoTime now = mono_now();
        if (now >= patience.until()) return false;
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(patience.next(now, kSlice) - now);
        pollfd watched{descriptor(), POLLIN, 0};
        if (writable) watched.events = static_cast<short>(watched.events | POLLOUT);
        if (poll(&watched, 1, static_cast<int>(left.count())) > 0) return true;
    }
}

Result<void> PostgresConnection::connect(const std::string& url, const Patience& patience) {
    place_ = postgres_place(url).value_or("PostgreSQL");
    // Later words win over the URL's.
    constexpr std::array<const char*, 4> kWords = {"dbname", "client_encoding",
                                                   "fallback_application_name", nullptr};
    const std::array<const char*, 4> values = {url.c_str(), "UTF8", "squad-api", nullptr};
    connection_.reset(PQconnectStartParams(kWords.data(), values.data(), 1));
    if (!connection_) return failure(place_, "there is no memory for a connection");
    if (PQstatus(connection_.get()) == CONNECTION_BAD) return lost();
    PQsetNoticeProcessor(connection_.get(), ignore_notice, nullptr);

    PostgresPollingStatusType wants = PGRES_POLLING_WRITING;
    while (wants != PGRES_POLLING_OK) {
        pollfd watched{descriptor(), 0, 0};
        watched.events = wants == PGRES_POLLING_WRITING ? POLLOUT : POLLIN;
        const MonoTime now = mono_now();
        if (now >= patience.until()) return too_late();
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(patience.next(now, kSlice) - now);
        if (poll(&watched, 1, static_cast<int>(left.count())) <= 0) continue;
        wants = PQconnectPoll(connection_.get());
        if (wants == PGRES_POLLING_FAILED) return lost();
    }
    PQsetnonblocking(connection_.get(), 1);
    return {};
}

Result<void> PostgresConnection::flush(const Patience& patience) {
    while (true) {
        const int left = PQflush(connection_.get());
        if (left == 0) return {};
        if (left < 0) return lost();
        if (!wait(true, patience)) return too_late();
        // The server may wait for us to read before it reads on.
        if (PQconsumeInput(connection_.get()) == 0) return lost();
    }
}

Result<PostgresConnection::ResultPtr> PostgresConnection::next_result(const Patience& patience) {
    while (PQisBusy(connection_.get()) != 0) {
        if (!wait(false, patience)) return too_late();
        if (PQconsumeInput(connection_.get()) == 0) return lost();
    }
    return ResultPtr(PQgetResult(connection_.get()));
}

Result<PostgresConnection::Rows> PostgresConnection::query(const std::string& sql,
                                                           const Patience& patience) {
    sqlstate_.clear();
    if (!connection_) return failure(place_, "not connected");
    if (PQsendQuery(connection_.get(), sql.c_str()) == 0) return lost();
    return results(patience);
}

Result<PostgresConnection::Rows> PostgresConnection::query(const std::string& sql,
                                                           std::span<const Parameter> parameters,
                                                           const Patience& patience) {
    sqlstate_.clear();
    if (!connection_) return failure(place_, "not connected");
    std::vector<const char*> values;
    values.reserve(parameters.size());
    for (const Parameter& parameter : parameters) {
        values.push_back(parameter ? parameter->c_str() : nullptr);
    }
    const int sent =
        PQsendQueryParams(connection_.get(), sql.c_str(), static_cast<int>(values.size()), nullptr,
                          values.data(), nullptr, nullptr, 0);
    if (sent == 0) return lost();
    return results(patience);
}

Result<PostgresConnection::Rows> PostgresConnection::results(const Patience& patience) {
    if (auto flushed = flush(patience); !flushed) return tl::unexpected(flushed.error());
    Rows rows;
    std::optional<Error> error;
    while (true) {
        const Result<ResultPtr> next = next_result(patience);
        if (!next) return tl::unexpected(next.error());
        pg_result* const result = next->get();
        if (result == nullptr) break;
        const ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_TUPLES_OK) {
            rows.clear();
            for (int row = 0; row < PQntuples(result); ++row) {
                std::vector<std::string>& cells = rows.emplace_back();
                for (int column = 0; column < PQnfields(result); ++column) {
                    cells.emplace_back(PQgetvalue(result, row, column));
                }
            }
        } else if (status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY) {
            const char* const state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
            sqlstate_ = state == nullptr ? "" : state;
            error = Error{ErrorKind::io, place_ + ": " + first_line(PQresultErrorMessage(result)),
                          std::nullopt};
        }
    }
    if (error) return tl::unexpected(std::move(*error));
    return rows;
}

Result<void> PostgresConnection::look() {
    if (!connection_) return failure(place_, "not connected");
    if (PQconsumeInput(connection_.get()) == 0 || PQstatus(connection_.get()) == CONNECTION_BAD) {
        return lost();
    }
    // What the server says at its end comes as the result of no query.
    while (PQisBusy(connection_.get()) == 0) {
        const ResultPtr result(PQgetResult(connection_.get()));
        if (!result) break;
    }
    if (PQstatus(connection_.get()) == CONNECTION_BAD) return lost();
    return {};
}

}  // namespace squadload::squad_api
