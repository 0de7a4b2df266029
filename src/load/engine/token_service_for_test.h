// A service that trusts nobody, for tests of flows: a token per login, a session cookie that
// changes with every response, and a count of everything that was not in order. Pure.
#pragma once

#include <cctype>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace squadload::engine::testing {

class TokenService {
  public:
    struct Answer {
        int status = 200;
        std::string headers;  // "Set-Cookie: …\r\n"
        std::string body;
    };

    std::uint64_t logins = 0, chats = 0, logouts = 0;
    std::uint64_t unknown_tokens = 0;   // never issued, or of a session that is over
    std::uint64_t foreign_tokens = 0;   // another user's than the one who sends it
    std::uint64_t foreign_cookies = 0;  // another session's than the token's
    std::uint64_t stale_cookies = 0;    // older than the last one given out
    std::uint64_t missing_cookies = 0;

    [[nodiscard]] std::uint64_t wrong() const {
        return unknown_tokens + foreign_tokens + foreign_cookies + stale_cookies + missing_cookies;
    }
    [[nodiscard]] std::uint64_t open_sessions() const { return sessions_.size(); }

    // `head`: the request line and the header lines. POST /login?user=7 begins a session.
    // Everything else wants Authorization: Bearer TOKEN, X-User: 7 and Cookie: session=…; POST
    // /logout ends it.
    Answer answer(std::string_view head) {
        const std::string_view line = head.substr(0, head.find("\r\n"));
        if (line.starts_with("POST /login?user=")) return login(line.substr(17));
        const std::string token(after(field(head, "authorization"), "Bearer "));
        const auto found = sessions_.find(token);
        if (found == sessions_.end()) return refuse(unknown_tokens);
        Session& session = found->second;
        if (session.user != field(head, "x-user")) return refuse(foreign_tokens);
        const std::string cookie(after(field(head, "cookie"), "session="));
        if (cookie.empty()) return refuse(missing_cookies);
        if (!cookie.starts_with(session.name + ".")) return refuse(foreign_cookies);
        if (cookie != session.cookie()) return refuse(stale_cookies);
        ++session.turn;
        Answer out{200, "Set-Cookie: session=" + session.cookie() + "; Path=/; HttpOnly\r\n",
                   R"({"answer":")" + session.user + R"("})"};
        if (line.starts_with("POST /logout")) {
            ++logouts;
            sessions_.erase(found);
        } else {
            ++chats;
        }
        return out;
    }

    [[nodiscard]] static std::string text(const Answer& answer) {
        return "HTTP/1.1 " + std::to_string(answer.status) + " X\r\n" + answer.headers +
               "Content-Length: " + std::to_string(answer.body.size()) + "\r\n\r\n" + answer.body;
    }

  private:
    struct Session {
        std::string user;
        std::string name;
        std::uint64_t turn = 0;
        [[nodiscard]] std::string cookie() const { return name + "." + std::to_string(turn); }
    };

    Answer login(std::string_view rest) {
        const std::string user(rest.substr(0, rest.find(' ')));
        const std::string number = std::to_string(logins++);
        const std::string token = "token-" + number;
        const Session& session = sessions_[token] = {user, "s" + number, 0};
        return {200, "Set-Cookie: session=" + session.cookie() + "; Path=/; HttpOnly\r\n",
                R"({"token":")" + token + R"("})"};
    }

    Answer refuse(std::uint64_t& count) {
        ++count;
        return {403, "", "{}"};
    }

    static std::string_view after(std::string_view text, std::string_view prefix) {
        return text.starts_with(prefix) ? text.substr(prefix.size()) : std::string_view{};
    }

    // The value of a header field; names are compared in small letters.
    static std::string_view field(std::string_view head, std::string_view name) {
        while (!head.empty()) {
            const auto end = head.find("\r\n");
            const std::string_view line = head.substr(0, end);
            bool same = line.size() > name.size() && line[name.size()] == ':';
            for (std::size_t i = 0; same && i < name.size(); ++i) {
                same = std::tolower(static_cast<unsigned char>(line[i])) == name[i];
            }
            if (same) {
                std::string_view value = line.substr(name.size() + 1);
                while (value.starts_with(' ')) value.remove_prefix(1);
                return value;
            }
            if (end == std::string_view::npos) break;
            head.remove_prefix(end + 2);
        }
        return {};
    }

    std::map<std::string, Session> sessions_;  // by token
};

// The flow that fits it, as `users` of a scenario file: login, chats of ten with the token, logout.
inline constexpr std::string_view kMembers = R"yaml(
  Member:
    cookies: true
    wait_time: 100ms
    on_start:
      - name: login
        method: POST
        path: "/login?user={{ user() }}"
        extract: {token: {json: /token}}
    tasks:
      conversation:
        steps:
          - name: ask
            path: /chat
            headers: {Authorization: "Bearer {{ var(token) }}", X-User: "{{ user() }}"}
            repeat: 10
            expect: {body_contains: ['"answer":']}
    on_stop:
      - name: logout
        method: POST
        path: /logout
        headers: {Authorization: "Bearer {{ var(token) }}", X-User: "{{ user() }}"}
)yaml";

}  // namespace squadload::engine::testing
