#!/usr/bin/python3
"""How many workers and users one stock Locust master sustains: a fleet of workers that only talk, against a real master.

    bench/locust_master.py [--locust PATH] [--workers 1,10,50,100,200,500] [--entries 5,50] [--crowd 100000,1000000] [--seconds 8]

Each worker does what squadload's does: client_ready, a heartbeat every second, its statistics every three (10,000 requests per second over its
entries, response times around 300 ms in Locust's own buckets). The master serves its web page, which is asked for its figures every two seconds
as a browser does. Of every step: the master's CPU time, how late it answers a heartbeat, its memory (its growth in the first 20 s is a window
that fills: --seconds 80 shows what stays), whether the ramp came to its end, and whether it called a worker missing. --crowd: that many users over ten workers, ramped up in ten seconds.

--locust names the locust program of a virtual environment (python3 -m venv V && V/bin/pip install locust==2.47.0); the fleet runs on the Python
beside it, which has pyzmq and msgpack. Prints tables, writes bench/results/locust_master.json.
"""

import argparse
import collections
import heapq
import json
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from datetime import datetime
from pathlib import Path

import common

REQUESTS_PER_S = 10_000  # of each worker
STATS_EVERY_S = 3.0
HEARTBEAT_EVERY_S = 1.0
LOCUSTFILE = """from locust import User, task


class Client(User):
    @task
    def nothing(self):
        pass
"""


# The fleet: runs on Locust's Python, in a process of its own.

def bucket(milliseconds):
    """As Locust rounds: two digits from 100 ms on, half to even."""
    if milliseconds < 100:
        return round(milliseconds)
    digits = -1 if milliseconds < 1000 else -2 if milliseconds < 10000 else -3
    return int(round(milliseconds, digits))


def response_times(requests):
    """So many response times with a median of 300 ms and p99 of about 1,200: bucket -> count."""
    normal = statistics.NormalDist(math.log(300), 0.6)
    cells = 1000
    counts = {}
    for i in range(cells):
        n = requests * (i + 1) // cells - requests * i // cells
        if n:
            key = bucket(math.exp(normal.inv_cdf((i + 0.5) / cells)))
            counts[key] = counts.get(key, 0) + n
    return counts


class Fleet:
    """Workers over one thread. A malformed message would make the master deaf: each is packed by msgpack from complete maps."""

    def __init__(self, address, workers, entries):
        import msgpack
        import zmq
        self.msgpack, self.zmq = msgpack, zmq
        self.ids = [f"bench{i}_{os.urandom(16).hex()}" for i in range(workers)]
        self.poller = zmq.Poller()
        context = zmq.Context(io_threads=1)
        context.setsockopt(zmq.MAX_SOCKETS, workers + 16)
        self.sockets = []
        for node in self.ids:
            socket = context.socket(zmq.DEALER)
            socket.setsockopt(zmq.IDENTITY, node.encode())
            socket.setsockopt(zmq.LINGER, 500)
            socket.connect(address)
            self.poller.register(socket, zmq.POLLIN)
            self.sockets.append(socket)
        self.index = {socket: i for i, socket in enumerate(self.sockets)}
        each = int(REQUESTS_PER_S * STATS_EVERY_S) // entries
        self.names = [f"/agents/{i}" for i in range(entries)]
        self.times = response_times(each)
        self.all_times = {key: n * entries for key, n in self.times.items()}
        self.each = each
        self.states = ["ready"] * workers
        self.counts = [{} for _ in range(workers)]
        self.asked = [collections.deque() for _ in range(workers)]  # when, of each heartbeat without an answer yet
        self.delays = []  # seconds from a heartbeat to its answer, in the window
        self.window = False
        self.reported = {}
        self.stats_bytes = 0
        self.late = 0.0  # the fleet's own worst lateness in the window

    def send(self, i, kind, data):
        self.sockets[i].send(self.msgpack.packb((kind, data, self.ids[i])))

    def entry(self, name, method, n, times, now):
        seconds = {int(now) - back: n // 3 for back in (2, 1, 0)}
        return {"name": name, "method": method, "last_request_timestamp": now, "start_time": now - STATS_EVERY_S, "num_requests": n,
                "num_none_requests": 0, "num_failures": 0, "total_response_time": 350.0 * n, "max_response_time": 2500.0,
                "min_response_time": 40.5, "total_content_length": 800 * n, "response_times": times, "num_reqs_per_sec": seconds,
                "num_fail_per_sec": {}}

    def report(self, i, now):
        """One worker's statistics. Those of a second are the same for all, and packed once."""
        running = self.states[i] == "running"
        key = (int(now), running)
        if key not in self.reported:
            rows = [self.entry(name, "POST", self.each, self.times, now) for name in self.names] if running else []
            total = self.entry("Aggregated", "", self.each * len(rows), self.all_times if rows else {}, now)
            if not rows:
                total |= {"last_request_timestamp": None, "max_response_time": 0.0, "min_response_time": None, "num_reqs_per_sec": {},
                          "total_content_length": 0, "total_response_time": 0.0}
            packed = [self.msgpack.packb(value) for value in (rows, total)]
            self.reported = {k: v for k, v in self.reported.items() if k[0] >= int(now) - 1} | {key: packed}
        rows, total = self.reported[key]
        pack = self.msgpack.packb
        counts = self.counts[i]
        body = b"".join([b"\x93", pack("stats"), b"\x85", pack("stats"), rows, pack("stats_total"), total, pack("errors"), b"\x80",
                         pack("user_classes_count"), pack(counts), pack("user_count"), pack(sum(counts.values())), pack(self.ids[i])])
        self.stats_bytes = len(body)
        self.sockets[i].send(body)

    def received(self, i, now):
        kind, data, _ = self.msgpack.unpackb(self.sockets[i].recv(), strict_map_key=False)
        if kind == "heartbeat":
            asked = self.asked[i].popleft()
            if self.window:
                self.delays.append(now - asked)
        elif kind == "spawn":
            self.send(i, "spawning", None)
            self.counts[i] = data["user_classes_count"]
            self.states[i] = "running"
            self.send(i, "spawning_complete", {"user_classes_count": self.counts[i], "user_count": sum(self.counts[i].values())})
        return kind != "quit"

    def due(self, i, what, now):
        if what == "stats":
            self.report(i, now)
            return
        self.asked[i].append(time.time())
        self.send(i, "heartbeat", {"state": self.states[i], "current_cpu_usage": 50.0, "current_memory_usage": 50_000_000})

    def figures(self, cpu, seconds):
        delays = sorted(self.delays)
        at = lambda q: 1000 * delays[min(len(delays) - 1, int(q * len(delays)))] if delays else None
        unanswered = sum(asked < time.time() - 1 for queue in self.asked for asked in queue)
        return {"heartbeats": len(delays), "unanswered": unanswered, "echo_p50_ms": at(0.5), "echo_p99_ms": at(0.99),
                "echo_max_ms": at(1), "stats_bytes": self.stats_bytes, "fleet_cpu": cpu / seconds, "fleet_late_ms": 1000 * self.late}

    def run(self):
        """Until the master says quit or stdin ends. A line on stdin opens the window, the next one closes it and asks for the figures."""
        n = len(self.ids)
        for i in range(n):
            self.send(i, "client_ready", -1)
        self.poller.register(sys.stdin.fileno(), self.zmq.POLLIN)
        start = time.time()
        plan = sorted([(start + HEARTBEAT_EVERY_S * (1 + i / n), "heartbeat", i) for i in range(n)] +
                      [(start + STATS_EVERY_S * (1 + i / n), "stats", i) for i in range(n)])
        every = {"heartbeat": HEARTBEAT_EVERY_S, "stats": STATS_EVERY_S}
        opened = cpu = 0.0
        while True:
            wait = max(0.0, plan[0][0] - time.time())
            for socket, _ in self.poller.poll(wait * 1000):
                now = time.time()
                if socket == sys.stdin.fileno():
                    if not sys.stdin.readline():
                        return
                    if not self.window:
                        opened, cpu = now, time.process_time()
                        self.late = 0.0
                    else:
                        print(json.dumps(self.figures(time.process_time() - cpu, now - opened)), flush=True)
                    self.window = not self.window
                elif not self.received(self.index[socket], now):
                    return
            now = time.time()
            for _ in range(50):  # then look at what came
                if plan[0][0] > now:
                    break
                when, what, i = plan[0]
                self.late = max(self.late, now - when)
                self.due(i, what, now)
                heapq.heapreplace(plan, (when + every[what], what, i))


# The bench.

def resident_mb(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def logged_at(log, words):
    """When the master's log first says `words`, in seconds; None when it does not."""
    found = re.search(rf"^\[([0-9-]+ [0-9:]+,\d+)\].*(?:{words})", log, re.M)
    return datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S,%f").timestamp() if found else None


def asked(web):
    """The page's question, and how long its answer took."""
    begun = time.monotonic()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{web}/stats/requests", timeout=10) as answer:
            answer.read()
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return None
    return time.monotonic() - begun


class Master:
    """A stock Locust master with its web page, and a fleet. Gone when closed."""

    def __init__(self, locust, folder, cores, workers, entries, users, ramp_s):
        self.log = folder / "master.log"
        (folder / "locustfile.py").write_text(LOCUSTFILE)
        port, self.web = common.free_port(), common.free_port()
        command = ["taskset", "-c", cores.target, locust, "-f", folder / "locustfile.py", "--master", "--master-bind-host", "127.0.0.1",
                   "--master-bind-port", port, "--web-host", "127.0.0.1", "--web-port", self.web, "--autostart", "--expect-workers", workers,
                   "-u", users, "-r", max(1, math.ceil(users / ramp_s)), "--host", "http://127.0.0.1:9"]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LOCUST_")}
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(list(map(str, command)), cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        if not common.listening(port, self.process):
            self.process.kill()
            sys.exit(f"bench: the master did not start:\n{self.log.read_text()}")
        python = Path(locust).parent / "python"
        self.fleet = subprocess.Popen(["taskset", "-c", cores.generator, python, __file__, "--fleet", f"tcp://127.0.0.1:{port}", str(workers),
                                       str(entries)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def said(self, words):
        return logged_at(self.log.read_text(), words)

    def tell(self):
        self.fleet.stdin.write("\n")
        self.fleet.stdin.flush()

    def close(self):
        self.process.terminate()
        for process in (self.process, self.fleet):
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def step(locust, cores, workers, entries, users, ramp_s, seconds):
    """Figures of one master with so many workers, measured for `seconds` after its ramp."""
    with tempfile.TemporaryDirectory(prefix="squadload-bench.") as name:
        master = Master(locust, Path(name), cores, workers, entries, users, ramp_s)
        try:
            end = time.monotonic() + ramp_s * 1.5 + 6
            complete = "All users spawned|Spawning is complete and report"
            while not master.said(complete) and time.monotonic() < end:
                time.sleep(0.2)
            ramp_rss = resident_mb(master.process.pid)
            begun, cpu = time.monotonic(), common.cpu_seconds(master.process)
            master.tell()
            page = []
            while (left := begun + seconds - time.monotonic()) > 0:
                page.append(asked(master.web))
                time.sleep(max(0.0, min(2.0, left)))
            took = time.monotonic() - begun
            cpu, rss = common.cpu_seconds(master.process) - cpu, resident_mb(master.process.pid)
            master.tell()
            figures = json.loads(master.fleet.stdout.readline())
            log = master.log.read_text()
            ramping, spawned = logged_at(log, "Sending spawn jobs of"), logged_at(log, complete)
        finally:
            master.close()
    answered = [t for t in page if t is not None]
    return {"workers": workers, "entries": entries, "users": users, "ramp_asked_s": ramp_s,
            "ramp_s": spawned - ramping if ramping and spawned else None, "ramp_whole": "All users spawned" in log,
            "master_cpu": cpu / took, "rss_mb": rss, "rss_growth_mb_per_min": 60 * (rss - ramp_rss) / took,
            "page_max_ms": 1000 * max(answered) if answered else None, "page_unanswered": len(page) - len(answered),
            "missing": log.count("setting state to missing"), "trouble": log.count("Traceback"), **figures}


def shown(row):
    number = lambda value, form: "-" if value is None else format(value, form)
    sound = row["ramp_whole"] and not row["missing"] and not row["trouble"] and not row["unanswered"]
    ramp = f"{number(row['ramp_s'], '.1f')} of {row['ramp_asked_s']:g}" if row["ramp_whole"] else "not whole"
    return [f"{row['workers']:,}", f"{row['entries']}", f"{row['users']:,}", ramp, f"{row['master_cpu']:.0%}", number(row["echo_p50_ms"], ".1f"),
            number(row["echo_p99_ms"], ".1f"), number(row["echo_max_ms"], ",.0f"), number(row["page_max_ms"], ",.0f"), f"{row['missing']}",
            f"{row['rss_mb']:.0f}", f"{row['rss_growth_mb_per_min']:+.0f}", "yes" if sound else "no"]


HEAD = ["workers", "entries", "users", "ramp s", "master CPU", "echo p50 ms", "p99", "max", "page max ms", "missing", "MB", "MB/min", "sound"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--locust", default="locust", help="the program (default: the one in PATH)")
    parser.add_argument("--workers", default="1,10,50,100,200,500")
    parser.add_argument("--entries", default="5,50", help="names that each worker reports")
    parser.add_argument("--crowd", default="100000,1000000", help="users over ten workers; empty: none")
    parser.add_argument("--seconds", type=float, default=8)
    options = parser.parse_args()
    locust = common.shutil.which(options.locust)
    if locust is None:
        sys.exit("bench: there is no locust: python3 -m venv V && V/bin/pip install locust==2.47.0, then --locust V/bin/locust")
    version = re.search(r"locust (\S+)", common.first_line(locust, "--version"))[1]
    common.raise_descriptors()
    cores = common.cores()
    numbers = lambda text: [int(word) for word in text.split(",") if word]
    steps = [(workers, entries, 100 * workers, 5) for entries in numbers(options.entries) for workers in numbers(options.workers)]
    steps += [(10, 5, users, 10) for users in numbers(options.crowd)]
    rows = []
    for workers, entries, users, ramp_s in steps:
        rows.append(step(locust, cores, workers, entries, users, ramp_s, options.seconds))
        common.say("  " + "  ".join(f"{h} {v}" for h, v in zip(HEAD, shown(rows[-1]), strict=True)))
    print(f"One stock Locust {version} master on one core; each worker reports {REQUESTS_PER_S:,} requests/s over its entries; "
          f"{options.seconds:g} s after the ramp")
    print(common.table(HEAD, [shown(row) for row in rows]))
    common.write_results("locust_master", {"locust": version, "requests_per_s_of_a_worker": REQUESTS_PER_S, "seconds": options.seconds, "steps": rows})


if __name__ == "__main__":
    if sys.argv[1:2] == ["--fleet"]:
        Fleet(sys.argv[2], int(sys.argv[3]), int(sys.argv[4])).run()
    else:
        main()
