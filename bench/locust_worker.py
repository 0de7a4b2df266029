#!/usr/bin/python3
"""squadload worker beside Locust's own: requests per CPU-second under one master, and heartbeats at full load.

Both workers are of one run: the same master, the same server, half of the users each, no wait between requests. A Locust user is
FastHttpUser, its faster one. CPU time counts from the moment the worker is ready, so that Python's start costs nothing.
"""

import argparse
import contextlib
import csv
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import common

BODY = {"user_id": "user_1", "agent_id": "financial_advisor", "task": "What's the best investment strategy?", "conversation_history": []}

# What the master is given, and Locust's worker with it. The master notes when heartbeats come and how long reports are.
FILE = """
import json, os, time
import msgpack
from locust import FastHttpUser, events, task
from locust.runners import MasterRunner


class Caller(FastHttpUser):
    host = "{url}"

    @task
    def chat(self):
        self.client.post("/agents/chat", json={body}, name="/agents/chat")


@events.init.add_listener
def watch(environment, **_):
    if not isinstance(environment.runner, MasterRunner):
        return
    last, gaps, sizes = {{}}, {{}}, {{}}

    @environment.events.heartbeat_sent.add_listener
    def on_heartbeat(client_id, timestamp, **_):
        now = time.monotonic()
        if client_id in last:
            gaps.setdefault(client_id, []).append(now - last[client_id])
        last[client_id] = now

    @environment.events.worker_report.add_listener
    def on_report(client_id, data, **_):
        sizes.setdefault(client_id, []).append(len(msgpack.packb(data)))

    @environment.events.quitting.add_listener
    def on_quitting(**_):
        with open("watched.json", "w") as out:
            json.dump({{"gaps": gaps, "sizes": sizes}}, out)
"""


def scenario(url, tasks):
    entries = "\n".join(f"      t{i}: {{method: POST, path: /agents/chat, entry_name: '/agents/chat/{i}', json: {json.dumps(BODY)}}}" for i in range(tasks))
    return f"target: {{host: '{url}'}}\nscenarios: {{s: {{users: 1, duration: 10}}}}\nusers:\n  Caller:\n    tasks:\n{entries}\n"


@contextlib.contextmanager
def process(command, folder, log, **more):
    with (folder / log).open("wb") as out:
        started = subprocess.Popen([str(c) for c in command], cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out, **more)
    try:
        yield started
    finally:
        if started.poll() is None:
            started.send_signal(signal.SIGKILL)
        started.wait()


def wait_for(folder, log, words, count=1):
    for _ in range(600):
        if (folder / log).read_text(errors="replace").count(words) >= count:
            return
        time.sleep(0.05)
    sys.exit(f"bench: {words!r} did not come:\n" + "".join(f.read_text(errors='replace')[-1500:] for f in folder.glob('*.log')))


def run(o, target, core, workers, users, seconds, tasks=1):
    """One run; `workers`: names of "squadload" and "locust" to threads (0: as many as cores). Figures by name."""
    with tempfile.TemporaryDirectory(prefix="squadload-bench.") as name:
        folder = Path(name)
        port = common.free_port()
        (folder / "file.py").write_text(FILE.format(url=target.url, body=BODY))
        (folder / "s.yaml").write_text(scenario(target.url, tasks))
        pinned = ["taskset", "-c", core] if core else []
        to_master = ["--master-host", "127.0.0.1", "--master-port", port]
        with contextlib.ExitStack() as stack:
            master = stack.enter_context(process(
                [o.locust, "-f", "file.py", "--master", "--headless", "-u", users, "-r", users, "-t", f"{seconds}s", "--expect-workers", len(workers),
                 "--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--csv", "out", "--only-summary"], folder, "master.log"))
            started = {}
            for worker, threads in workers.items():
                if worker == "squadload":
                    command = [common.PROGRAM, "worker", *to_master, "--config", "s.yaml", "--output-dir", "reports", "--lag-budget", "10s",
                               *(["--workers", threads] if threads else [])]
                else:
                    command = [o.locust, "-f", "file.py", "--worker", *to_master]
                started[worker] = stack.enter_context(process([*pinned, *command], folder, f"{worker}.log"))
            wait_for(folder, "master.log", "reported as ready", len(workers))
            before = {worker: common.cpu_seconds(p) for worker, p in started.items()}
            after = dict(before)
            while any(p.poll() is None for p in started.values()):
                for worker, p in started.items():
                    with contextlib.suppress(OSError, IndexError):
                        after[worker] = max(after[worker], common.cpu_seconds(p))
                time.sleep(0.05)
            master.wait(30)
        text = (folder / "master.log").read_text()
        for bad in ("Traceback", "Unhandled", "missing"):
            if bad in text:
                sys.exit(f"bench: the master says {bad}:\n{text[-3000:]}")
        with (folder / "out_stats.csv").open() as file:
            total = next(int(row["Request Count"]) for row in csv.DictReader(file) if row["Name"] == "Aggregated")
        watched = json.loads((folder / "watched.json").read_text())
        ours = json.loads(next((folder / "reports").glob("load_test_metrics_*.json")).read_text())["scenarios"][0]
        requests = {"squadload": ours["totals"]["requests"], "locust": total - ours["totals"]["requests"]}
        gaps = [g for each in watched["gaps"].values() for g in each]
        figures = {worker: {"requests": requests[worker], "cpu_s": after[worker] - before[worker],
                            "requests_per_cpu_s": requests[worker] / max(after[worker] - before[worker], 0.01)} for worker in workers}
        figures["master"] = {"longest_gap_s": max(gaps), "largest_report_bytes": max(s for each in watched["sizes"].values() for s in each),
                             "requests": total, "told": total == sum(requests[w] for w in workers)}
        return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--locust", help="program of a Locust >= 2.20 (default: a virtual environment below build/)")
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--users", type=int, default=40)
    o = parser.parse_args()
    o.locust = o.locust or subprocess.run([common.ROOT / "scripts/locust_venv.sh"], capture_output=True, text=True, check=True).stdout.strip()
    common.need(common.PROGRAM, o.locust)
    common.raise_descriptors()
    cores = common.cores()
    pairs, full = [], []
    with common.nginx(cores.target) as target:
        for pair in range(o.pairs):
            one = run(o, target, cores.generator, {"squadload": 1, "locust": 1}, o.users, o.seconds)
            pairs.append(one)
            common.say(f"  {pair + 1}/{o.pairs}: " + ", ".join(f"{w} {one[w]['requests_per_cpu_s']:,.0f} requests per CPU-second" for w in ("squadload", "locust")))
        for tasks in (1, 100):
            one = run(o, target, None, {"squadload": 0}, 10 * o.users, o.seconds, tasks)
            full.append({"tasks": tasks, **one})
            common.say(f"  all cores, {tasks} tasks: {one['squadload']['requests'] / o.seconds:,.0f} requests/s, heartbeats at most {one['master']['longest_gap_s']:.2f} s apart")
    ratio = [p["squadload"]["requests_per_cpu_s"] / p["locust"]["requests_per_cpu_s"] for p in pairs]
    version = common.first_line(o.locust, "--version").split()[1]
    print(f"Workers of one Locust {version} master, {o.users} users, {o.pairs} runs of {o.seconds} s")
    print(common.table(["", "requests per CPU-second", "low", "high"], [
        [worker, *(f"{f([p[worker]['requests_per_cpu_s'] for p in pairs]):,.0f}" for f in (statistics.median, min, max))] for worker in ("squadload", "locust")]))
    print(f"squadload / FastHttpUser: {statistics.median(ratio):.1f} ({min(ratio):.1f} to {max(ratio):.1f})\n")
    print(f"squadload worker alone, {os.cpu_count()} cores, {10 * o.users} users, no wait")
    print(common.table(["tasks", "requests/s", "heartbeats at most apart, s", "largest report, bytes", "told to the master"], [
        [f["tasks"], f"{f['squadload']['requests'] / o.seconds:,.0f}", f"{f['master']['longest_gap_s']:.2f}", f"{f['master']['largest_report_bytes']:,}",
         "all" if f["master"]["told"] else "not all"] for f in full]))
    common.write_results("locust_worker", {"locust": version, "users": o.users, "seconds": o.seconds, "pairs": pairs, "ratio": ratio, "full_load": full})


if __name__ == "__main__":
    main()
