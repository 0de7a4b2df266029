#!/usr/bin/python3
"""The whole set of comparisons in bounded time, and the summary bench/results/README.md.

    SECONDS_EACH=5 PAIRS=5 bench/run_all.py        about 20 minutes; less of either is quicker and less certain
"""

import datetime
import os
import subprocess
import sys
import time

import common

SECONDS = os.environ.get("SECONDS_EACH", "5")
PAIRS = os.environ.get("PAIRS", "5")
FEW = str(max(1, int(PAIRS) // 2))
WRK2 = os.environ.get("WRK2", "")
LOCUST = os.environ.get("LOCUST", "")  # of a virtual environment: what a Locust master sustains

COMMANDS = [
    ["cpu_per_request.py", "--pairs", PAIRS, "--peers", "wrk"],
    ["cpu_per_request.py", "--pairs", FEW, "--peers", "wrk,h2load,hey,ab", "--connections", "100"],
    ["cpu_per_request.py", "--pairs", FEW, "--backends", "io_uring", "--connections", "1000"],
    ["cpu_per_request.py", "--pairs", FEW, "--backends", "io_uring", "--connections", "10000"],
    ["cpu_per_request.py", "--pairs", FEW, "--backends", "io_uring", "--request", "post"],
    ["cpu_per_request.py", "--pairs", FEW, "--backends", "io_uring", "--request", "post_constant"],
    ["cpu_per_request.py", "--pairs", FEW, "--tls", "--peers", "wrk,h2load"],
    ["generator_lag.py", "--pairs", FEW, *(["--wrk2", WRK2] if WRK2 else [])],
    ["memory_per_user.py", "--kinds", "plain,flow,tls"],
    ["providers_rate.py", "--runs", FEW],
    ["gateway_overhead.py", "--pairs", PAIRS],
    ["audit_log.py", "--runs", PAIRS],
    ["compare_noise.py", "--pairs", "20"],
    ["report_page.py"],
    ["locust_worker.py"],
    *([["locust_master.py", "--locust", LOCUST]] if LOCUST else []),
]


def main():
    started = time.monotonic()
    parts = []
    failed = []
    for command in COMMANDS:
        timed = [] if command[0] in ("memory_per_user.py", "audit_log.py", "compare_noise.py", "report_page.py", "locust_worker.py", "locust_master.py") else ["--seconds", SECONDS]
        common.say(f"== {' '.join(command)}")
        ran = subprocess.run([sys.executable, common.ROOT / "bench" / command[0], *command[1:], *timed], stdout=subprocess.PIPE, text=True, check=False)
        text = "\n".join(line for line in ran.stdout.splitlines() if not line.startswith("bench/results/"))
        if ran.returncode != 0:
            failed.append(" ".join(command))
            text += f"\n`{' '.join(command)}` ended with {ran.returncode}"
        print(text + "\n", flush=True)
        parts.append(f"```\n{text.strip()}\n```\n")
    machine = common.machine()
    head = (f"# Results of {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC\n\n"
            f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}; load average at the end {machine['load_average']:.2f}.\n"
            f"squadload {common.versions()['squadload']}. nginx on one core, the generator on another, loopback between them.\n\n")
    common.RESULTS.mkdir(parents=True, exist_ok=True)
    (common.RESULTS / "README.md").write_text(head + "\n".join(parts))
    print(f"bench/results/README.md, in {(time.monotonic() - started) / 60:.1f} min")
    if failed:
        sys.exit("bench: failed: " + "; ".join(failed))


if __name__ == "__main__":
    main()
