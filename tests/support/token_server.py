#!/usr/bin/python3
"""A service that trusts nobody: a token per login, and a session cookie that changes with every response.

    token_server.py [SECONDS]

Prints "PORT n" when it listens on 127.0.0.1. Every answer takes SECONDS (0).

    POST /login     {"user": "7"} → {"token": …}; begins a session
    POST /logout    ends it
    GET /stats      what it has counted
anything else       a chat

All but the login want `Authorization: Bearer TOKEN`, `X-User: 7` and `Cookie: session=…`. A token never given out or of
a session that is over, a token of another user, a cookie missing, of another session or older than the last one given
out are refused with 403 and counted.
"""

import asyncio
import collections
import itertools
import json
import sys


class Service:
    def __init__(self):
        self.count = collections.Counter()
        self.sessions = {}  # token → [user, session, turn]
        self.numbers = itertools.count()

    def stats(self):
        wrong = sum(n for what, n in self.count.items() if what.startswith("wrong"))
        return {"logins": self.count["logins"], "chats": self.count["chats"], "logouts": self.count["logouts"],
                "wrong": wrong, "open": len(self.sessions), "counts": dict(self.count)}

    def refuse(self, what):
        self.count["wrong " + what] += 1
        return 403, {"error": what}, None

    def answer(self, method, path, headers, body):
        """Status, JSON and the new cookie."""
        if path == "/stats":
            return 200, self.stats(), None
        if path == "/login":
            number = next(self.numbers)
            self.count["logins"] += 1
            token = f"token-{number:x}"
            self.sessions[token] = [json.loads(body)["user"], f"s{number}", 0]
            return 200, {"token": token}, f"s{number}.0"
        session = self.sessions.get(headers.get("authorization", "").removeprefix("Bearer "))
        if session is None:
            return self.refuse("token")
        if headers.get("x-user") != session[0]:
            return self.refuse("user")
        name, _, turn = headers.get("cookie", "").removeprefix("session=").partition(".")
        if name != session[1]:
            return self.refuse("cookie")
        if turn != str(session[2]):
            return self.refuse("old cookie")
        session[2] += 1
        if path == "/logout":
            self.count["logouts"] += 1
            del self.sessions[headers["authorization"].removeprefix("Bearer ")]
        else:
            self.count["chats"] += 1
        return 200, {"method": method, "user": session[0]}, f"{session[1]}.{session[2]}"


async def serve(service, seconds, reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            method, path, _ = lines[0].split(" ", 2)
            headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:] if ":" in line)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            if seconds and path != "/stats":
                await asyncio.sleep(seconds)
            status, answer, cookie = service.answer(method, path, headers, body)
            text = json.dumps(answer).encode()
            extra = f"Set-Cookie: session={cookie}; Path=/; HttpOnly\r\n" if cookie else ""
            writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(text)}\r\n{extra}\r\n".encode() + text)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError):
        pass
    finally:
        writer.close()


async def main():
    service = Service()
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 0
    server = await asyncio.start_server(lambda r, w: serve(service, seconds, r, w), "127.0.0.1", 0, backlog=4096)
    print("PORT", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
