#!/usr/bin/python3
"""An HTTP/1.1 server that behaves as the path says, in a process of its own so that a test can stop it (SIGSTOP).

    scripted_server.py LOG [PORT]

Prints "PORT n" when it listens on 127.0.0.1. When it has done with a request it appends a line to LOG:
arrival (s, monotonic), milliseconds from there to the end of the answer, method, path.

    /delay/MS        200 after MS milliseconds         /short           Content-Length 1000, 10 bytes, closes
    /status/CODE     that status                       /endless-headers headers without end
    /echo            the request as JSON               /endless-body    Content-Length 10 GB, sent without end
    /close           closes without a word             /stall           half a response, then nothing
    /reset           resets the connection             /chunked         a chunked body with trailers
    /garbage         bytes that are no HTTP            /no-length       a body ended by closing
anything else        200 {"ok":true}
"""

import asyncio
import json
import socket
import struct
import sys
import time

BLOCK = b"x" * 65536


def response(status, body=b'{"ok":true}', extra=b""):
    return (b"HTTP/1.1 %d Status\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n"
            % (status, len(body), extra)) + body


async def read_request(reader):
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    method, path, _ = lines[0].split(" ", 2)
    headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:] if ":" in line)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return method, path, headers, body


async def send_without_end(writer, block):
    while True:
        writer.write(block)
        await writer.drain()


async def answer(reader, writer, method, path, headers, body):
    """Writes the answer. Returns whether the connection goes on."""
    _, word, *rest = path.split("?", 1)[0].split("/")
    if word == "delay":
        await asyncio.sleep(float(rest[0]) / 1000)
        writer.write(response(200))
    elif word == "status":
        bodiless = rest[0] in ("204", "304")
        writer.write(b"HTTP/1.1 %s Status\r\n\r\n" % rest[0].encode() if bodiless
                     else response(int(rest[0]), b'{"error":"as asked"}'))
    elif word == "echo":
        echo = {"method": method, "path": path, "headers": headers, "body": body.decode("utf-8", "replace")}
        writer.write(response(200, json.dumps(echo).encode()))
    elif word == "close":
        return False
    elif word == "reset":
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()
        return False
    elif word == "garbage":
        writer.write(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
    elif word == "short":
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n0123456789")
        return False
    elif word == "endless-headers":
        writer.write(b"HTTP/1.1 200 OK\r\n")
        await send_without_end(writer, b"X-More: " + b"y" * 1000 + b"\r\n")
    elif word == "endless-body":
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
        await send_without_end(writer, BLOCK)
    elif word == "stall":
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await reader.read()  # until the peer has had enough
    elif word == "chunked":
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"ok\"\r\n6\r\n:true}\r\n0\r\nX-End: yes\r\n\r\n")
    elif word == "no-length":
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n{\"ok\":true}")
        return False
    else:
        writer.write(response(200))
    return True


async def serve(reader, writer, log):
    try:
        while True:
            request = await read_request(reader)
            arrival = time.monotonic()
            try:
                if not await answer(reader, writer, *request):
                    break
            finally:
                log.write(f"{arrival:.6f} {(time.monotonic() - arrival) * 1000:.3f} {request[0]} {request[1]}\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError):
        pass
    finally:
        writer.close()


async def main():
    log = open(sys.argv[1], "a", buffering=1, encoding="utf-8")  # open as long as the process lives
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    server = await asyncio.start_server(lambda r, w: serve(r, w, log), "127.0.0.1", port, backlog=4096)
    print("PORT", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
