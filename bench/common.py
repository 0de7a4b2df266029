"""What the benches share: a target on one core, measured programs on another, figures, tables and files.

Only the standard library. Everything happens on loopback; files stand in a private folder that goes with the bench.
"""

import contextlib
import dataclasses
import datetime
import json
import os
import platform
import re
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "build/release/bin/squadload"
RESULTS = ROOT / "bench/results"

NGINX_CONF = """worker_processes 1;
worker_rlimit_nofile 200000;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
daemon off;
events {{ worker_connections 100000; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    reset_timedout_connection on;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    default_type application/json;
    server {{
        listen 127.0.0.1:{port} backlog=65535 {tls};
        location = /agents/chat {{ return 200 '{{"text":"Diversify, and keep costs low.","provider":"demo","latency_ms":1}}'; }}
        location = /health {{ return 200 '{{"status":"healthy"}}'; }}
        location = /cookie {{ add_header Set-Cookie "session=8f14e45fceea167a5a36dedd4bea2543; Path=/"; return 200 '{{}}'; }}
    }}
}}
"""


@dataclasses.dataclass
class Cores:
    """One for the load generator, one for the target."""
    generator: str
    target: str


def cores():
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        sys.exit("bench: needs two cores, one for the generator and one for nginx")
    return Cores(str(allowed[0]), str(allowed[-1]))


def raise_descriptors():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def need(*programs):
    for program in programs:
        if not (shutil.which(str(program)) or Path(program).is_file()):
            sys.exit(f"bench: {program} is missing (make build, make setup TIER=bench)")


@dataclasses.dataclass
class Target:
    url: str
    folder: Path
    certificate: Path | None


@contextlib.contextmanager
def nginx(core, tls=False):
    """nginx with one worker on `core`, on a free port of 127.0.0.1; gone afterwards."""
    program = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
    if program is None:
        sys.exit("bench: nginx is missing (make setup)")
    with tempfile.TemporaryDirectory(prefix="squadload-bench.") as name:
        folder = Path(name)
        certificate = make_certificate(folder) if tls else None
        extra = f"ssl; ssl_certificate {certificate}; ssl_certificate_key {folder}/key.pem" if tls else ""
        for _ in range(20):
            port = free_port()
            (folder / "nginx.conf").write_text(NGINX_CONF.format(folder=folder, port=port, tls=extra))
            process = subprocess.Popen(["taskset", "-c", core, program, "-p", name, "-e", folder / "error.log", "-c", folder / "nginx.conf"],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if listening(port, process):
                break
        else:
            sys.exit("bench: nginx did not start:\n" + (folder / "error.log").read_text())
        try:
            yield Target(f"{'https' if tls else 'http'}://127.0.0.1:{port}", folder, certificate)
        finally:
            process.send_signal(signal.SIGQUIT)
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.terminate()
                process.wait()


@contextlib.contextmanager
def service(folder, name, *arguments, before=(), program=None):
    """A program of ours that prints its URL once it serves, on a free port: (url, process). Stopped afterwards."""
    log = folder / f"{name}.log"
    with log.open("wb") as out:
        process = subprocess.Popen([*before, program or PROGRAM.parent / name, "--port", "0", *arguments], cwd=folder,
                                   stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        for _ in range(500):
            if found := re.search(r"^(http://\S+).*\n", log.read_text(), re.M):
                break
            time.sleep(0.02)
        else:
            sys.exit(f"bench: {name} did not start:\n{log.read_text()}")
        yield found[1], process
    finally:
        process.terminate()
        process.wait()


def cpu_seconds(process):
    """CPU time of the process so far, user and system."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def make_certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem",
                    "-out", folder / "certificate.pem"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return folder / "certificate.pem"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def listening(port, process):
    for _ in range(100):
        if process.poll() is not None:
            return False
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.05)
    return False


@dataclasses.dataclass
class Ran:
    output: str
    user_s: float
    system_s: float


def run_measured(command, core, environment=None, good=(0,)):
    """Runs `command` on `core`; its output and the CPU time of it and its children."""
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(["taskset", "-c", core, *map(str, command)], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                   cwd=ROOT, env={**os.environ, **(environment or {})})
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read().decode(errors="replace")
        if process.returncode not in good:
            sys.exit(f"bench: {' '.join(map(str, command))} ended with {process.returncode}:\n{text[-3000:]}")
        return Ran(text, usage.ru_utime, usage.ru_stime)


def squadload(arguments, core, certificate=None):
    """One run of ours; what it ran as, and its metrics file. 4 is VOID: a closed loop on a full core may well be late."""
    with tempfile.TemporaryDirectory(prefix="squadload-bench.") as folder:
        environment = {"SSL_CERT_FILE": str(certificate)} if certificate else {}
        ran = run_measured([PROGRAM, "run", *arguments, "--quiet", "--allow-void", "--output-dir", folder], core, environment, good=(0, 4))
        metrics = json.loads(next(Path(folder).glob("load_test_metrics_*.json")).read_text())
    return ran, metrics["scenarios"][0]


def alternate(tools, pairs, say):
    """Runs every tool `pairs` times, in turn and in turning order, so that a drift of the machine hits all. The first
    round warms up and is thrown away. tools: name -> function returning a dict of figures."""
    runs = {name: [] for name in tools}
    for pair in range(pairs + 1):
        for name in (list(tools) if pair % 2 else reversed(list(tools))):
            figures = tools[name]()
            if pair:
                runs[name].append(figures)
                say(f"  {pair}/{pairs} {name}: " + ", ".join(f"{k} {v:,.2f}" for k, v in figures.items()))
    return runs


def ratios(ours, theirs, key):
    """Of each pair; median, lowest and highest."""
    each = [a[key] / b[key] for a, b in zip(ours, theirs, strict=True)]
    return {"median": statistics.median(each), "low": min(each), "high": max(each)}


def median(runs, key):
    return statistics.median(run[key] for run in runs)


def table(head, rows):
    cells = [head, *rows]
    widths = [max(len(str(row[i])) for row in cells) for i in range(len(head))]
    lines = [" ".join(str(c).ljust(w) if i == 0 else str(c).rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))).rstrip()
             for row in cells]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def first_line(*command):
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = (ran.stdout + ran.stderr).strip().splitlines()
    return lines[0] if lines else None


def package_version(name):
    return first_line("dpkg-query", "-W", "-f=${Version}", name)


def machine():
    model = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.processor())
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(), "load_average": os.getloadavg()[0]}


def versions():
    packages = {name: package_version(name) for name in
                ("nginx", "wrk", "hey", "nghttp2-client", "apache2-utils", "openssl", "liburing2", "libsimdjson14", "node-llhttp")}
    commit = first_line("git", "-C", str(ROOT), "describe", "--always", "--dirty")
    return {"squadload": commit, "compiler": first_line("g++", "--version"), **packages}


def write_results(name, content):
    """bench/results/<name>.json: the latest of its kind."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    date = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    file = RESULTS / f"{name}.json"
    file.write_text(json.dumps({"date": date, "machine": machine(), "versions": versions(), **content}, indent=2) + "\n")
    print(file.relative_to(ROOT))


def say(text):
    print(text, file=sys.stderr, flush=True)
