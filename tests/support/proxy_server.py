"""A small HTTP proxy for tests: CONNECT and absolute-form, on a free loopback port.

Usage: proxy_server.py LOG [USER:PASSWORD]. Prints "PORT n"; appends one line per request to LOG: its first line and, if
there is one, its Proxy-Authorization. With USER:PASSWORD anything else is answered with 407. A host that ends in ".test"
is looked for on 127.0.0.1.
"""

import base64
import selectors
import socket
import socketserver
import sys
import threading
import urllib.parse

LOG, SECRET = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
LOCK = threading.Lock()


def pump(a, b):
    """Bytes both ways until one side ends."""
    selector = selectors.DefaultSelector()
    selector.register(a, selectors.EVENT_READ, b)
    selector.register(b, selectors.EVENT_READ, a)
    while True:
        for key, _ in selector.select(30):
            data = key.fileobj.recv(65536)
            if not data:
                return
            key.data.sendall(data)


class Proxy(socketserver.BaseRequestHandler):
    def head(self):
        data = b""
        while b"\r\n\r\n" not in data:
            more = self.request.recv(65536)
            if not more:
                return None, b""
            data += more
        head, rest = data.split(b"\r\n\r\n", 1)
        return head.decode("latin-1").split("\r\n"), rest

    def handle(self):
        while True:
            lines, rest = self.head()
            if lines is None:
                return
            fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
            shown = fields.get("proxy-authorization")
            with LOCK, open(LOG, "a", encoding="utf-8") as log:
                log.write(lines[0] + (f" [{shown}]" if shown else "") + "\n")
            if SECRET and shown != "Basic " + base64.b64encode(SECRET.encode()).decode():
                self.request.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                continue
            method, target, _ = lines[0].split(" ")
            if method == "CONNECT":
                self.tunnel(target)
                return
            self.forward(method, target, lines[1:], rest, int(fields.get("content-length", 0)))

    @staticmethod
    def connect(host, port):
        return socket.create_connection(("127.0.0.1" if host.endswith(".test") else host, port), 10)

    def tunnel(self, target):
        host, _, port = target.rpartition(":")
        try:
            upstream = self.connect(host.strip("[]"), int(port))
        except OSError:
            self.request.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            return
        with upstream:
            self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            pump(self.request, upstream)

    def forward(self, method, target, lines, body, length):
        url = urllib.parse.urlsplit(target)
        while len(body) < length:
            body += self.request.recv(65536)
        kept = [line for line in lines if not line.lower().startswith(("proxy-authorization:", "connection:"))]
        path = url.path + (f"?{url.query}" if url.query else "")
        head = "\r\n".join([f"{method} {path or '/'} HTTP/1.1", *kept, "Connection: close", "", ""])
        answer = b""
        with self.connect(url.hostname, url.port or 80) as upstream:
            upstream.sendall(head.encode("latin-1") + body)
            while data := upstream.recv(65536):
                answer += data
        self.request.sendall(answer.replace(b"Connection: close\r\n", b""))


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


with Server(("127.0.0.1", 0), Proxy) as server:
    print("PORT", server.server_address[1], flush=True)
    server.serve_forever()
