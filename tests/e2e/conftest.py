"""What the end-to-end tests share: the program, an nginx and a scripted server of one's own, and running a load."""

import functools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("SQUADLOAD_PROGRAM", ROOT / "build/release/bin/squadload"))
SERVER = ROOT / "tests/support/scripted_server.py"
BROWSER = ROOT / "tests/browser"


def wait_until(condition, seconds=10.0):
    """Polls until `condition` is true and returns its value; fails the test after `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.01)
    pytest.fail(f"nothing happened within {seconds} s")
    return None


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# The machine may be busy with other things: what would be VOID there for some late milliseconds is not what a test is
# about. A generator that took the target's slowness for its own would still be beyond it.
PATIENCE = {"SQUADLOAD_LAG_BUDGET": "1s"}


class MachineWatch(threading.Thread):
    """How late this process wakes up while runs are under way: a machine too busy for us cannot be asked for times."""

    def __init__(self):
        super().__init__(daemon=True)
        self.late_s = []
        self.over = threading.Event()

    def run(self):
        while not self.over.is_set():
            before = time.monotonic()
            time.sleep(0.01)
            self.late_s.append(time.monotonic() - before - 0.01)

    def stop(self):
        self.over.set()
        self.join()

    def busy(self):
        late = sorted(self.late_s)
        return late[len(late) * 99 // 100] > 0.005 or late[-1] > 0.1


@functools.cache
def ahead():
    """Words before a command that put it ahead of other programs on the machine, where the user may do that (root).

    For runs whose times are compared: what else runs here must not decide a test.
    """
    words = ["chrt", "--rr", "10"]
    try:
        allowed = subprocess.run([*words, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0
    except FileNotFoundError:
        allowed = False
    return words if allowed else []


def clean_environment(extra=None):
    kept = {k: v for k, v in os.environ.items()
            if not k.startswith(("SQUADLOAD_", "LOCUST_")) and not k.lower().endswith("_proxy")}
    return kept | PATIENCE | (extra or {})


def metrics_from_requests(text):
    """The metrics file of made-up requests (tests/support/metrics_from_requests.cc)."""
    return subprocess.run([PROGRAM.parent / "metrics_from_requests"], input=text.encode(), capture_output=True, check=True).stdout


@dataclass
class Run:
    """One finished run of the program."""
    code: int
    out: str
    err: str
    reports: Path

    @property
    def metrics_files(self):
        return sorted(self.reports.glob("load_test_metrics_*.json"))

    @property
    def metrics(self):
        files = self.metrics_files
        assert len(files) == 1, f"{files}\n{self.out}\n{self.err}"
        return json.loads(files[0].read_text())

    @property
    def scenario(self):
        scenarios = self.metrics["scenarios"]
        assert len(scenarios) == 1
        return scenarios[0]

    @property
    def totals(self):
        return self.scenario["totals"]


class Started:
    """A run under way."""

    def __init__(self, arguments, folder, env=None, before=()):
        self.reports = folder / "reports"
        arguments = [str(a) for a in arguments]
        if arguments[0] == "run" and "--output-dir" not in arguments:
            arguments += ["--output-dir", str(self.reports)]
        self.process = subprocess.Popen([*before, PROGRAM, *arguments], cwd=folder, env=clean_environment(env),
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True)

    def signal(self, number):
        self.process.send_signal(number)

    def finish(self, timeout=60):
        try:
            out, err = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, err = self.process.communicate()
            pytest.fail(f"still running after {timeout} s\n{out}\n{err}")
        return Run(self.process.returncode, out, err, self.reports)


@pytest.fixture(scope="session", autouse=True)
def program():
    assert PROGRAM.is_file(), f"{PROGRAM} is not built: make build"
    return PROGRAM


@pytest.fixture
def start(tmp_path):
    """start(*arguments, env=None) → Started; whatever still runs at the end of the test is killed."""
    started = []

    def run(*arguments, env=None):
        started.append(Started(arguments, tmp_path, env))
        return started[-1]

    yield run
    for s in started:
        if s.process.poll() is None:
            s.process.kill()
            s.process.communicate()


@pytest.fixture
def squadload(start):
    """squadload(*arguments, env=None, timeout=60) → Run."""
    return lambda *arguments, env=None, timeout=60: start(*arguments, env=env).finish(timeout)


class Certificates:
    """Certificates for TLS servers and clients below `folder`, made by the openssl command (EC keys, PEM)."""

    NAMES = "DNS:localhost,IP:127.0.0.1,IP:::1"

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.authority = self._made("authority", ["basicConstraints=critical,CA:TRUE"], None)
        stranger = self._made("stranger", ["basicConstraints=critical,CA:TRUE"], None)
        names, server = f"subjectAltName={self.NAMES}", "extendedKeyUsage=serverAuth"
        self.server = self._made("server", [names, server], self.authority)
        self.expired = self._made("expired", [names, server], self.authority, days=-1)
        self.wrong_name = self._made("wrong_name", ["subjectAltName=DNS:elsewhere.example"], self.authority)
        self.self_signed = self._made("self_signed", [names], None)
        self.unknown_authority = self._made("unknown_authority", [names], stranger)
        self.client = self._made("client", ["extendedKeyUsage=clientAuth"], self.authority)

    def key(self, certificate):
        return certificate.with_suffix(".key")

    def _made(self, name, extensions, issuer, days=2):
        """The certificate's file; `issuer` None: signed by itself."""
        certificate = self.folder / f"{name}.pem"
        request = self.folder / f"{name}.csr"
        subject = ["-subj", f"/CN={name}", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        self._openssl("req", "-new", *subject, "-keyout", self.key(certificate), "-out", request)
        (self.folder / f"{name}.ext").write_text("\n".join(extensions))
        signer = ["-signkey", self.key(certificate)] if issuer is None else [
            "-CA", issuer, "-CAkey", self.key(issuer), "-CAcreateserial"]
        self._openssl("x509", "-req", "-in", request, *signer, "-days", days,
                      "-extfile", self.folder / f"{name}.ext", "-out", certificate)
        return certificate

    @staticmethod
    def _openssl(*arguments):
        subprocess.run(["openssl", *[str(a) for a in arguments]], check=True, capture_output=True, timeout=30)


class Nginx:
    """Debian's nginx on a free loopback port, with everything it writes below `folder`.

    With `tls`, the file of a certificate with its key beside it, it speaks https; with `client_authority` it asks
    for a client certificate, too.
    """

    CONF = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log warn;
events {{ worker_connections 4096; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    default_type application/json;
    server {{
        listen 127.0.0.1:{port} {tls};
        location = /agents/chat {{ return 200 '{{"text":"hello","provider":"demo"}}'; }}
        location = /health {{ return 200 '{{"status":"healthy"}}'; }}
        location = /metrics {{ default_type text/plain; return 200 'up 1\\n'; }}
        location / {{ return 200 '{{}}'; }}
    }}
}}
"""

    def __init__(self, folder, before=(), tls=None, client_authority=None):
        self.folder = folder
        self.scheme = "https" if tls else "http"
        listen = "backlog=4096"
        if tls:
            listen += f" ssl; ssl_certificate {tls}; ssl_certificate_key {tls.with_suffix('.key')}"
            listen += "; ssl_protocols TLSv1.2 TLSv1.3"
        if client_authority:
            listen += f"; ssl_client_certificate {client_authority}; ssl_verify_client on"
        folder.mkdir(parents=True)
        for _ in range(5):
            self.port = free_port()
            (folder / "nginx.conf").write_text(self.CONF.format(folder=folder, port=self.port, tls=listen))
            command = [*before, shutil.which("nginx") or "/usr/sbin/nginx", "-p", folder, "-e", folder / "error.log",
                       "-c", folder / "nginx.conf"]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                            stderr=subprocess.DEVNULL)
            if self.up():
                return
            self.stop()
        pytest.fail("nginx did not start:\n" + (folder / "error.log").read_text())

    def up(self):
        end = time.monotonic() + 5
        while time.monotonic() < end and self.process.poll() is None:
            if (self.folder / "nginx.pid").exists() and (self.folder / "nginx.pid").read_text().strip():
                try:
                    socket.create_connection(("127.0.0.1", self.port), 1).close()
                    return True
                except OSError:
                    pass
            time.sleep(0.02)
        return False

    @property
    def url(self):
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def stop(self):
        """Ends nginx once every request is logged."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def access_log(self):
        return (self.folder / "access.log").read_text().splitlines()


class Scripted:
    """tests/support/scripted_server.py in its own process."""

    def __init__(self, folder, port=0, before=()):
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "arrivals.log"
        self.log.touch()
        self.process = subprocess.Popen([*before, sys.executable, SERVER, self.log, str(port)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        word, number = self.process.stdout.readline().split()
        assert word == "PORT"
        self.port = int(number)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def arrivals(self):
        return self.log.read_text().splitlines()

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture(scope="session")
def nginx(tmp_path_factory):
    server = Nginx(tmp_path_factory.mktemp("nginx") / "prefix")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def nginx_tls(tmp_path):
    """nginx_tls(certificate, client_authority=None) → Nginx."""
    servers = []

    def run(certificate, client_authority=None):
        servers.append(Nginx(tmp_path / f"nginx{len(servers)}", tls=certificate, client_authority=client_authority))
        return servers[-1]

    yield run
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def scripted(tmp_path_factory):
    server = Scripted(tmp_path_factory.mktemp("scripted"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def reader():
    """read_page.mjs with its packages in the build folder: nothing is written beside the sources."""
    folder = ROOT / "build/browser"
    folder.mkdir(parents=True, exist_ok=True)
    lock = (BROWSER / "package-lock.json").read_text()
    installed = folder / "installed.json"
    if not installed.is_file() or installed.read_text() != lock:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(BROWSER / name, folder)
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier",
                        "--loglevel=error"], cwd=folder, check=True)
        installed.write_text(lock)
    shutil.copy(BROWSER / "read_page.mjs", folder)
    return folder / "read_page.mjs"


@pytest.fixture
def read_page(reader, request):
    """read_page(page, theme) → what read_page.mjs saw. SQUADLOAD_PICTURES: a folder that gets a screenshot of each."""

    def read(page, theme="light"):
        name = re.sub(r"\W+", "_", request.node.name).strip("_")
        folder = os.environ.get("SQUADLOAD_PICTURES")
        picture = [str(Path(folder) / f"{name}_{theme}.png")] if folder else []
        done = subprocess.run(["node", reader, page, theme, *picture], capture_output=True, text=True, timeout=120,
                              check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return read
