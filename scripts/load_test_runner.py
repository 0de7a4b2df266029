"""Runs one scenario of the load test: what `python scripts/load_test.py` does. Only the standard library.

The native engine is squadload itself; options it has beside those here may follow and are passed on. --engine locust runs the Locust file
in a Locust of this Python. Either ends with the verdict's exit code: 0 PASS, 1 FAIL, 2 usage, 3 target unreachable, 4 VOID.
"""

import argparse
import datetime
import importlib.util
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCENARIOS = {"warm_up": (5, 60), "sustained": (30, 300), "spike": (60, 120)}  # users, or requests per second; seconds
UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


def fail(code, sentence):
    print(f"load_test: error: {sentence}", file=sys.stderr)
    return code


def seconds(text):
    """"300", "300s", "5m", "1h30m" → whole seconds, or ValueError."""
    if not re.fullmatch(r"\d+|(\d+h)?(\d+m)?(\d+s)?", text) or not text:
        raise ValueError(text)
    total = sum(int(n) * UNITS[unit] for n, unit in re.findall(r"(\d+)([hms]?)", text))
    if total == 0:
        raise ValueError(text)
    return total


def parse(arguments):
    parser = argparse.ArgumentParser(prog="load_test.py", description="Load tests of the Squad API. Further options go to squadload: see squadload run --help.")
    parser.add_argument("--scenario", choices=SCENARIOS, default="warm_up")
    parser.add_argument("--users", type=int, metavar="N", help="users: the closed model")
    parser.add_argument("--spawn-rate", type=float, metavar="N", help="users started per second")
    parser.add_argument("--duration", "--run-time", metavar="T", help="how long: 300, 90s, 5m")
    parser.add_argument("--host", metavar="URL", help="base URL of the target (native engine: without it Squad API and simulated providers start beside the load)")
    parser.add_argument("--engine", choices=("native", "locust"), default="native")
    parser.add_argument("--output-dir", type=Path, metavar="DIR", help="folder of the reports (default reports)")
    options, further = parser.parse_known_args(arguments)
    if options.users is not None and options.users < 1:
        parser.error("--users: expected at least 1")
    if options.spawn_rate is not None and not options.spawn_rate > 0:
        parser.error("--spawn-rate: expected more than 0")
    if options.duration is not None:
        try:
            options.duration = seconds(options.duration)
        except ValueError:
            parser.error(f"--duration {options.duration}: expected a time such as 300, 90s or 5m")
    if further and options.engine == "locust":
        parser.error(f"unknown option {further[0]}")
    return options, further


def native(options, further):
    program = Path(os.environ.get("SQUADLOAD_PROGRAM") or ROOT / "build/release/bin/squadload")
    if not program.is_file():
        return fail(2, f"{program} is not built: run make build")
    command = [program, "run", options.scenario, "--config", ROOT / "config/load_testing.yaml"]
    for name, value in (("--users", options.users), ("--spawn-rate", options.spawn_rate), ("--host", options.host), ("--output-dir", options.output_dir)):
        if value is not None:
            command += [name, value]
    if options.duration is not None:
        command += ["--duration", f"{options.duration}s"]
    environment = {name: value for name, value in os.environ.items() if name != "SQUADLOAD_PROGRAM"}
    words = [str(word) for word in [*command, *further]]
    sys.stdout.flush()
    os.execve(words[0], words, environment)  # signals and the exit code are its own


def unreachable(host):
    """None where somebody answers at `host`, else exit code and sentence."""
    try:
        url = urllib.parse.urlsplit(host)
        port = url.port or (443 if url.scheme == "https" else 80)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ValueError
        socket.create_connection((url.hostname, port), timeout=5).close()
    except ValueError:  # no port, no IPv6 address, no host name
        return 2, f"--host {host}: expected a URL such as http://localhost:8000"
    except OSError as error:
        return 3, f"target unreachable: {host}: {error.strerror or error}"
    return None


def wait_for(process):
    """Its exit code. A signal to this process is one to Locust, which then writes its reports; a terminal's Ctrl-C it has already."""
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    while True:
        try:
            code = process.wait()
            return code if code >= 0 else 128 - code
        except KeyboardInterrupt:
            continue


def locust(options):
    if importlib.util.find_spec("locust") is None:
        return fail(2, "Locust is not installed: pip install -r requirements.txt")
    host = options.host or os.environ.get("SQUADLOAD_HOST") or os.environ.get("LOCUST_HOST") or "http://localhost:8000"
    if trouble := unreachable(host):
        return fail(*trouble)
    users, duration = SCENARIOS[options.scenario]
    users, duration = options.users or users, options.duration or duration
    folder = options.output_dir or Path("reports")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return fail(2, f"cannot write to {folder}: {error.strerror}")
    stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%d_%H%M%S")
    prefix = folder / f"locust_{options.scenario}_{stamp}"
    command = [sys.executable, "-m", "locust", "-f", ROOT / "scripts/load_test.py", "--headless", "-u", users, "-r", options.spawn_rate or users,
               "--run-time", f"{duration}s", "--host", host, "--csv", prefix, "--html", folder / f"locust_report_{stamp}.html", "--only-summary",
               "--stop-timeout", "30"]
    environment = os.environ | {"SQUAD_SCENARIO": options.scenario, "SQUAD_COUNTS": f"{prefix}_counts.json"}
    code = wait_for(subprocess.Popen([str(word) for word in command], env=environment))
    print(f"{prefix}_stats.csv   {folder}/locust_report_{stamp}.html")
    return code


def main(arguments=None):
    options, further = parse(arguments)
    return native(options, further) if options.engine == "native" else locust(options)
