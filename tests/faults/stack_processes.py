"""The stack as processes of one's own on free ports: squad-providers, squad-api, redis-server, postgres, and load on it."""

import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("SQUADLOAD_BIN", ROOT / "build/release/bin"))
# Seconds of a window of the quotas, which a test fills three times; `make faults` takes 20, `make test` few.
WINDOW = float(os.environ.get("SQUADLOAD_FAULTS_WINDOW", "3"))
THOROUGH = WINDOW >= 20
# No test here is about our own program's share of a busy machine.
ENVIRONMENT = {k: v for k, v in os.environ.items()
               if not k.startswith(("SQUADLOAD_", "SQUAD_", "LOCUST_")) and not k.lower().endswith("_proxy")} | {"SQUADLOAD_LAG_BUDGET": "2s"}


def wait_until(condition, seconds=20.0, what="that"):
    """Polls until `condition` is true and returns its value; fails the test after `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.02)
    pytest.fail(f"{what} did not happen within {seconds} s")
    return None


def ask(url, method="GET", body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers={"content-type": "application/json"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as answer:
        return answer.read().decode()


class Process:
    """A program in a folder of its own; stopped with the test."""

    def __init__(self, argv, folder, user=None, log="log"):
        self.folder = folder
        self.log = folder / log
        before = ["setpriv", "--pdeathsig", "KILL"]
        if user:
            before += ["--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups"]
        with self.log.open("ab") as log_file:
            self.popen = subprocess.Popen([*before, *map(str, argv)], cwd=folder, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=log_file,
                                          stderr=log_file)

    def kill(self):
        self.popen.kill()
        self.popen.wait()

    def stop(self, seconds=60):
        """Ends it with SIGTERM; its exit code."""
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
                pytest.fail(f"{self.popen.args} did not end within {seconds} s of SIGTERM:\n{self.log.read_text()}")
        return self.popen.returncode


class Service(Process):
    """A program that prints its URL once it serves."""

    def __init__(self, argv, folder):
        folder.mkdir(parents=True)
        super().__init__(argv, folder)
        self.url = wait_until(self._printed_url, what=f"{argv[0]} printing its URL")

    def _printed_url(self):
        assert self.popen.poll() is None, self.log.read_text()
        found = re.search(r"^(http://\S+).*\n", self.log.read_text(), re.M)
        return found and found[1]


class Providers(Service):
    """squad-providers with the shipped profiles, and these quotas where given: {provider: Limits}."""

    def __init__(self, folder, quotas=None, window=60.0, arguments=()):
        profiles = folder.parent / f"{folder.name}-profiles"
        profiles.mkdir(parents=True)
        for name in ("groq", "cerebras", "gemini", "openrouter"):
            text = (ROOT / f"config/providers/{name}.yaml").read_text()
            if quotas:
                edits = ((rf"^(quota:.*[ {{]{key}: )\d+", rf"\g<1>{getattr(quotas[name], key)}") for key in ("requests", "burst", "tokens"))
                text = replaced(*edits)(text)
            (profiles / f"{name}.yaml").write_text(text)
        super().__init__([BIN / "squad-providers", "--port", "0", "--profiles", profiles, "--window", f"{window}s",
                          "--arrivals", folder / "arrivals.ndjson", *arguments], folder)

    def fault(self, **what):
        ask(f"{self.url}/control/faults", "POST", what)

    def now_ns(self):
        return json.loads(ask(f"{self.url}/control/clock"))["now_ns"]

    def arrivals(self):
        """Every call so far; fails when the log lost one."""
        calls, since, more = [], 0, True
        while more:
            *lines, last = [json.loads(line) for line in ask(f"{self.url}/arrivals?since={since}&limit=10000").splitlines()]
            calls += lines
            more = bool(lines)
            since = lines[-1]["seq"] if lines else since
        summary = json.loads(ask(f"{self.url}/arrivals/summary"))["log"]
        assert summary["overflow"] == 0, last
        assert len(calls) == summary["recorded"]
        return calls


class Gateway(Service):
    """squad-api with the shipped configuration, changed by `edit`."""

    def __init__(self, folder, providers, arguments=(), edit=lambda text: text):
        config = folder.parent / f"{folder.name}.yaml"
        folder.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(edit((ROOT / "config/squad_api.yaml").read_text()))
        super().__init__([BIN / "squad-api", "--config", config, "--port", "0", "--providers-url", providers.url, *arguments], folder)

    def metrics(self):
        """{name{labels}: value}"""
        lines = (line.rsplit(" ", 1) for line in ask(f"{self.url}/metrics").splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, value in lines}

    def sum(self, prefix):
        return sum(value for name, value in self.metrics().items() if name.startswith(prefix))

    def health(self):
        return json.loads(ask(f"{self.url}/health"))


def replaced(*pairs):
    """An edit of configuration text, each pattern standing there exactly once."""
    def edit(text):
        for pattern, new in pairs:
            text, n = re.subn(pattern, new, text, flags=re.M)
            assert n == 1, f"{pattern}: {n} times"
        return text
    return edit


class Load:
    """squadload with chats alone, `rate` a second, under way."""

    FILE = """version: 1
users:
  Client:
    tasks:
      chat:
        method: POST
        path: /agents/chat
        json: {user_id: "user_{{ random_int(1, 100) }}", agent_id: financial_advisor, task: "What now?", conversation_history: []}
scenarios:
  load: {rate: RATE, duration: DURATION, graceful_stop: 30s}
thresholds: {}
"""

    def __init__(self, folder, url, rate, seconds):
        folder.mkdir(parents=True)
        self.folder = folder
        (folder / "load.yaml").write_text(self.FILE.replace("RATE", str(rate)).replace("DURATION", f"{seconds}s"))
        self.process = Process([BIN / "squadload", "run", "--config", "load.yaml", "--host", url, "--quiet"], folder)
        self.seconds = seconds

    def finish(self):
        """The totals. Whatever was scheduled was sent."""
        try:
            self.process.popen.wait(self.seconds + 90)
        except subprocess.TimeoutExpired:
            self.process.kill()
            pytest.fail("the load did not end")
        files = list((self.folder / "reports").glob("load_test_metrics_*.json"))
        assert len(files) == 1, self.process.log.read_text()
        totals = json.loads(files[0].read_text())["scenarios"][0]["totals"]
        assert totals["requests"] == totals["scheduled"] > 0
        return totals


def program(name):
    """A server's program: in the PATH, or where Debian keeps those of PostgreSQL."""
    found = shutil.which(name) or next(iter(sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)), None)
    assert found, f"{name} is not installed: make setup"
    return found


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Redis:
    """redis-server on a free port, without persistence: a restart finds nothing."""

    def __init__(self, folder):
        folder.mkdir(parents=True)
        self.folder, self.port, self.process = folder, free_port(), None
        self.start()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def start(self):
        self.process = Process([program("redis-server"), "--port", self.port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
                                "--dir", self.folder], self.folder)
        wait_until(self._answers, what="redis-server answering")

    def _answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as s:
                s.sendall(b"PING\r\n")
                return s.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def kill(self):
        self.process.kill()


class Postgres:
    """postgres on a free port, its data in a private folder."""

    def __init__(self, folder):
        folder.mkdir(parents=True)
        self.folder, self.port, self.process = folder, free_port(), None
        self.user = pwd.getpwnam("postgres") if os.getuid() == 0 else None
        if self.user:
            os.chown(folder, self.user.pw_uid, self.user.pw_gid)
            for parent in folder.parents:  # down to pytest's folder, which is for its owner alone
                if parent.stat().st_mode & 0o011 == 0 and parent.stat().st_uid == 0:
                    parent.chmod(0o711)
        done = Process([program("initdb"), "--pgdata", folder / "data", "--username", "squad", "--auth", "trust", "--no-sync", "--no-locale",
                        "--encoding", "UTF8"], folder, self.user, "initdb.log")
        assert done.popen.wait(60) == 0, done.log.read_text()
        self.start()

    @property
    def url(self):
        return f"postgresql://squad@127.0.0.1:{self.port}/postgres"

    def start(self):
        def up():
            if self.process is None or self.process.popen.poll() is not None:  # a killed one's children may hold the memory a little longer
                self.process = Process([program("postgres"), "-D", self.folder / "data", "-k", self.folder, "-p", self.port,
                                        "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"], self.folder, self.user)
            return self.ask("select 1") == "1"
        wait_until(up, 60, "postgres answering")

    def ask(self, sql):
        ran = subprocess.run([program("psql"), "-XAtq", self.url, "-c", sql], capture_output=True, text=True, check=False, timeout=20)
        return ran.stdout.strip() if ran.returncode == 0 else None

    def kill(self):
        self.process.popen.send_signal(signal.SIGKILL)
        self.process.popen.wait()
        self.process = None


@pytest.fixture
def stack(tmp_path, request):
    """Makes parts of the stack, and stops them all at the end: stack(Gateway, "gateway", providers)."""
    made = []

    def make(kind, name, *arguments, **options):
        made.append(kind(tmp_path / name, *arguments, **options))
        return made[-1]

    yield make
    for part in reversed(made):
        process = part.process if hasattr(part, "process") else part
        if process is not None and process.popen.poll() is None:
            process.kill()
