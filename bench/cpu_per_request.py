#!/usr/bin/python3
"""CPU time per request of squadload beside wrk, against nginx on loopback.

    bench/cpu_per_request.py [--pairs 5] [--seconds 5] [--connections 64] [--backends io_uring,epoll]

One core for the generator (and nothing else of ours), another for nginx. Closed loop without waits. They take turns,
so that a drift of the machine hits both; the figures are medians over the pairs, the ratio is the median of the pairs'
ratios. wrk counts every response in a coarse histogram and checks nothing; squadload does all it does in any run.
Writes bench/results/cpu_per_request_<UTC>.json and prints a table.
"""

import argparse
import datetime
import functools
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "build/release/bin/squadload"


def run_measured(command):
    """Runs `command`; returns its output and the CPU seconds (user, system) it and its children used."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=ROOT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if process.returncode not in (0, 4):  # VOID: a closed loop on a full core may well be late
            sys.exit(f"{command[0]} ended with {process.returncode}:\n{out.read().decode()}{err.read().decode()}")
        return out.read().decode(), usage.ru_utime, usage.ru_stime


def wrk(core, url, connections, seconds):
    text, user, system = run_measured(["taskset", "-c", core, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", url])
    return {"requests": int(re.search(r"(\d+) requests in", text)[1]), "user_s": user, "system_s": system}


def squadload(backend, core, url, connections, seconds):
    with tempfile.TemporaryDirectory() as folder:
        _, user, system = run_measured(["taskset", "-c", core, str(PROGRAM), "run", url, "--users", str(connections),
                                        "--duration", f"{seconds}s", "--backend", backend, "--quiet", "--allow-void", "--output-dir", folder])
        metrics = json.loads(next(Path(folder).glob("load_test_metrics_*.json")).read_text())
    totals = metrics["scenarios"][0]["totals"]
    if totals["ok"] != totals["requests"]:
        sys.exit(f"not every request was ok: {totals['outcomes']}")
    return {"requests": totals["requests"], "user_s": user, "system_s": system}


def figures(run, seconds):
    cpu = run["user_s"] + run["system_s"]
    return run | {"cpu_us_per_request": cpu / run["requests"] * 1e6, "user_us_per_request": run["user_s"] / run["requests"] * 1e6,
                  "requests_per_s": run["requests"] / seconds}


def measure(host, options, core):
    url = host + "/health"
    tools = {f"squadload {name}": functools.partial(squadload, name) for name in options.backends.split(",")} | {"wrk": wrk}
    runs = {name: [] for name in tools}
    for pair in range(options.pairs + 1):  # the first pair warms up and is thrown away
        for name in (tools if pair % 2 else reversed(tools)):
            run = figures(tools[name](core, url, options.connections, options.seconds), options.seconds)
            if pair:
                runs[name].append(run)
                print(f"pair {pair}: {name:18} {run['cpu_us_per_request']:6.2f} µs/request", file=sys.stderr)
    return runs


def table(runs):
    def median(name, key):
        return statistics.median(r[key] for r in runs[name])
    lines = [f"{'':18} {'CPU µs/request':>15} {'of it user':>11} {'requests/s':>11}"]
    for name in runs:
        lines.append(f"{name:18} {median(name, 'cpu_us_per_request'):15.2f} {median(name, 'user_us_per_request'):11.2f}"
                     f" {median(name, 'requests_per_s'):11,.0f}")
    medians = {}
    for name in runs:
        if name != "wrk":
            ratios = [a["cpu_us_per_request"] / b["cpu_us_per_request"] for a, b in zip(runs[name], runs["wrk"])]
            medians[name] = statistics.median(ratios)
            lines.append(f"{name} / wrk: {medians[name]:.2f} (pairs: {min(ratios):.2f} … {max(ratios):.2f})")
    return "\n".join(lines), medians


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--backends", default="io_uring,epoll", help="event loops of squadload to measure (default io_uring,epoll)")
    options = parser.parse_args()

    host = os.environ.get("DEMO_HOST")
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        sys.exit("bench: needs two cores, one for the generator and one for nginx")
    if host is None:  # start again below an nginx of our own, which stays on the last core
        os.execv("/usr/bin/taskset", ["taskset", "-c", str(cores[-1]), str(ROOT / "scripts/demo_target.sh"), "taskset", "-c",
                                      f"{cores[0]},{cores[-1]}", sys.executable, str(Path(__file__).resolve()), *sys.argv[1:]])
    if not shutil.which("wrk"):
        sys.exit("bench: wrk is not installed (make setup TIER=bench)")
    runs = measure(host, options, str(cores[0]))
    text, ratios = table(runs)
    results = ROOT / "bench/results"
    results.mkdir(parents=True, exist_ok=True)
    stamp = datetime.datetime.fromtimestamp(time.time(), datetime.timezone.utc).strftime("%Y%m%d_%H%M%S")
    file = results / f"cpu_per_request_{stamp}.json"
    file.write_text(json.dumps({"machine": platform.platform(), "cores": os.cpu_count(), "connections": options.connections,
                                "seconds": options.seconds, "ratios": ratios, "runs": runs}, indent=2) + "\n")
    print(text)
    print(file.relative_to(ROOT))


if __name__ == "__main__":
    main()
