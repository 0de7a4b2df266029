#!/usr/bin/python3
"""Memory that one more idle user costs: connected, and thinking.

    bench/memory_per_user.py [--few 1000] [--many 10000] [--kinds plain,flow,tls] [--backends io_uring,epoll]

Two runs of squadload, with few and with many users; each user sends one request and then waits. When all are connected, the
private memory of the process (Private_Clean + Private_Dirty of /proc/PID/smaps_rollup) is read; the difference over the
difference in users is what a user costs. The kernel's sockets are not in it. flow: cookies, a variable taken from the answer and
two steps. tls: with TLS 1.3, where most is libcrypto's. Wanted: 4 KB of ours. Prints a table, writes bench/results/memory_per_user.json.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import common

PLAIN = """users:
  User:
    wait_time: constant(3600)
    tasks: {get: GET /health}
"""
FLOW = """users:
  User:
    wait_time: constant(3600)
    cookies: true
    tasks:
      visit:
        steps:
          - {name: hello, path: /cookie}
          - {name: chat, method: POST, path: /agents/chat, json: {message: hi}, extract: {provider: {json: /provider}}}
"""
SCENARIO = "scenarios: {{bench: {{users: {users}, spawn_rate: {rate}, duration: 10m, graceful_stop: 0s}}}}\n"
SPAWN_RATE = 2000
SETTLE_S = 2


def private_bytes(pid):
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    return sum(int(fields[name].split()[0]) * 1024 for name in ("Private_Clean", "Private_Dirty"))


def connections(pid):
    n = 0
    for fd in os.scandir(f"/proc/{pid}/fd"):
        try:
            n += os.readlink(fd.path).startswith("socket:")
        except OSError:
            pass  # closed meanwhile
    return n


def measure(kind, users, backend, target, core):
    with tempfile.TemporaryDirectory(prefix="squadload-bench.") as folder:
        file = Path(folder) / "scenario.yaml"
        file.write_text((FLOW if kind == "flow" else PLAIN) + SCENARIO.format(users=users, rate=SPAWN_RATE))
        environment = {**os.environ, **({"SSL_CERT_FILE": str(target.certificate)} if target.certificate else {})}
        process = subprocess.Popen(["taskset", "-c", core, common.PROGRAM, "run", "--config", file, "--host", target.url, "--backend", backend,
                                    "--quiet", "--output-dir", folder], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            deadline = time.monotonic() + users / SPAWN_RATE + 60
            while (held := connections(process.pid)) < users:
                if process.poll() is not None or time.monotonic() > deadline:
                    process.send_signal(signal.SIGINT)
                    sys.exit(f"bench: only {held} of {users} users are connected:\n{process.communicate()[0][-2000:]}")
                time.sleep(0.2)
            time.sleep(SETTLE_S)
            return private_bytes(process.pid)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--few", type=int, default=1000)
    parser.add_argument("--many", type=int, default=10_000)
    parser.add_argument("--kinds", default="plain,flow", help="of plain, flow and tls (default plain,flow)")
    parser.add_argument("--backends", default="io_uring,epoll")
    o = parser.parse_args()
    common.need(common.PROGRAM)
    common.raise_descriptors()
    cores = common.cores()
    rows = []
    for kind in o.kinds.split(","):
        with common.nginx(cores.target, kind == "tls") as target:
            for backend in o.backends.split(","):
                few, many = (measure(kind, users, backend, target, cores.generator) for users in (o.few, o.many))
                rows.append({"kind": kind, "backend": backend, "few_bytes": few, "many_bytes": many,
                             "bytes_per_user": (many - few) / (o.many - o.few)})
                common.say(f"  {kind} {backend}: {rows[-1]['bytes_per_user']:,.0f} bytes per user")
    print(f"Memory per idle user (from {o.few:,} to {o.many:,})\n" + common.table(
        ["", "backend", f"{o.few:,} users", f"{o.many:,} users", "bytes/user"],
        [[r["kind"], r["backend"], f"{r['few_bytes'] / 2**20:.1f} MiB", f"{r['many_bytes'] / 2**20:.1f} MiB", f"{r['bytes_per_user']:,.0f}"]
         for r in rows]))
    common.write_results("memory_per_user", {"few": o.few, "many": o.many, "rows": rows})


if __name__ == "__main__":
    main()
