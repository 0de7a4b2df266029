#!/usr/bin/python3
"""Instructions per request of fixed workloads, under callgrind, beside the recorded ones.

    bench/instructions.py [--record] [--only closed_get,parser] [--program build/release/bin/bench_workloads]

Each workload runs with two numbers of requests; the difference leaves the start-up out. Unlike time, the count does not
depend on what else the machine does; it does depend on the compiler and the libraries, so those are recorded too and a
difference is said. Exit code 1 when one takes more than 5 % more than recorded, or was never recorded.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

import common

RECORDED = common.RESULTS / "instructions.json"
FEW = 2_000
MANY = 6_000
ALLOWED_GROWTH = 0.05


def instructions(program, workload, requests):
    ran = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, workload, str(requests)],
                         capture_output=True, text=True, check=False, timeout=600)
    match = re.search(r"Collected : (\d+)", ran.stderr)
    if ran.returncode != 0 or match is None:
        sys.exit(f"bench: {workload} failed under valgrind:\n{ran.stderr[-2000:]}")
    return int(match[1])


def differences(recorded, now):
    return [f"{key} was {recorded.get(key)}, is {value}" for key, value in now.items() if recorded.get(key) != value]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", action="store_true", help="write what is counted as the new record")
    parser.add_argument("--only", help="some of the workloads, with commas")
    parser.add_argument("--program", type=Path, default=common.ROOT / "build/release/bin/bench_workloads")
    o = parser.parse_args()
    common.need(o.program, "valgrind")
    names = subprocess.run([o.program], capture_output=True, text=True, check=True).stdout.split()
    if o.only:
        names = [name for name in names if name in o.only.split(",")]
    counted = {name: (instructions(o.program, name, MANY) - instructions(o.program, name, FEW)) / (MANY - FEW) for name in names}

    toolchain = {key: value for key, value in common.versions().items()
                 if key in ("compiler", "libsimdjson14", "node-llhttp", "openssl")} | {"cpu": common.machine()["cpu"]}
    record = json.loads(RECORDED.read_text()) if RECORDED.is_file() else {}
    before = record.get("instructions_per_request", {})
    rows = []
    grown = []
    for name, count in counted.items():
        change = count / before[name] - 1 if name in before else None
        if change is None or change > ALLOWED_GROWTH:
            grown.append(name)
        rows.append([name, f"{count:,.0f}", f"{before[name]:,.0f}" if name in before else "-", "-" if change is None else f"{change:+.1%}"])
    print(common.table(["instructions per request", "now", "recorded", "change"], rows))
    for difference in differences(record.get("toolchain", {}), toolchain) if record else []:
        print(f"not the same as when recorded: {difference}")
    if o.record:
        RECORDED.parent.mkdir(parents=True, exist_ok=True)
        RECORDED.write_text(json.dumps({"toolchain": toolchain, "commit": common.versions()["squadload"],
                                        "instructions_per_request": before | {k: round(v) for k, v in counted.items()}}, indent=2) + "\n")
        print(f"recorded in {RECORDED.relative_to(common.ROOT)}")
    elif grown:
        sys.exit(f"more than {ALLOWED_GROWTH:.0%} above the record, or not recorded: {', '.join(grown)}")


if __name__ == "__main__":
    main()
