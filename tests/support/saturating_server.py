#!/usr/bin/env python3
"""An HTTP/1.1 server that is good for so many requests a second and no more.

saturating_server.py RATE {slow|fail|refuse}: above RATE requests queue up, get 503, or get 429. Prints its port; runs
until its standard input ends.
"""

import asyncio
import sys

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
FAILED = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
REFUSED = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"


class Server:
    def __init__(self, rate, what):
        self.rate = rate
        self.what = what
        self.free = 0.0  # the one worker is, from then on
        self.depth = self.tokens = max(1.0, rate * 0.02)
        self.filled = 0.0

    def admits(self, now):
        self.tokens = min(self.depth, self.tokens + (now - self.filled) * self.rate)
        self.filled = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    async def serve(self, reader, writer):
        loop = asyncio.get_running_loop()
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                now = loop.time()
                if self.what == "slow":
                    self.free = max(now, self.free) + 1 / self.rate
                    await asyncio.sleep(self.free - now)
                    writer.write(OK)
                elif self.admits(now):
                    writer.write(OK)
                else:
                    writer.write(FAILED if self.what == "fail" else REFUSED)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def main():
    server = Server(float(sys.argv[1]), sys.argv[2])
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, backlog=4096)
    print(listening.sockets[0].getsockname()[1], flush=True)
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
