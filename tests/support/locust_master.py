"""A stock Locust master and workers of its fleet, for tests: Debian's, and a newer one named by SQUADLOAD_LOCUST."""

import csv
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

DEBIANS = ["/usr/bin/python3", "-m", "locust"]
NEWEST = os.environ.get("SQUADLOAD_LOCUST")

# What a master says when a worker has done it harm, or is not as it should be.
HARM = ("Traceback", "Unhandled", "different version", "old (pre 2.0)", "Unknown message type", "unknown worker",
        "Unrecognized message", "RPCError", "waittime is expired")


def clean_environment(extra=None):
    kept = {k: v for k, v in os.environ.items()
            if not k.startswith(("SQUADLOAD_", "LOCUST_")) and not k.lower().endswith("_proxy")}
    return kept | (extra or {})


class Master:
    """`locust --master` below `folder`, with its log and its CSVs."""

    def __init__(self, locust, folder, file, port, *options, web_port=None, name="master", env=None):
        self.folder, self.port, self.web_port, self.name = folder, port, web_port, name
        self.log_file = folder / f"{name}.log"
        mode = ["--web-host", "127.0.0.1", "--web-port", str(web_port)] if web_port else ["--headless"]
        command = [*locust, "-f", str(file), "--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", str(port),
                   *mode, *[str(o) for o in options]]
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=folder, env=clean_environment(env), stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)

    def log(self):
        return self.log_file.read_text(errors="replace")

    def harm(self, but=None):
        """Lines that should not be there; `but`: what one of them may say."""
        return [line for line in self.log().splitlines() if any(word in line for word in HARM) and not (but and but in line)]

    def wait(self, seconds=60):
        return self.process.wait(seconds)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def ask(self, path, **form):
        data = urllib.parse.urlencode(form).encode() if form else None
        with urllib.request.urlopen(f"http://127.0.0.1:{self.web_port}{path}", data, timeout=10) as answer:
            text = answer.read().decode()
        return json.loads(text) if text.lstrip().startswith("{") else text

    def up(self):
        try:
            return bool(self.ask("/stats/requests"))
        except (urllib.error.URLError, OSError):
            return False

    def swarm(self, users, spawn_rate, host=None):
        answer = self.ask("/swarm", user_count=users, spawn_rate=spawn_rate, **({"host": host} if host else {}))
        assert answer["success"], answer

    def stop(self):
        """GET until 2.46, POST from then on."""
        try:
            answer = self.ask("/stop")
        except urllib.error.HTTPError as error:
            if error.code != 405:
                raise
            answer = self.ask("/stop", now="yes")
        assert answer["success"], answer

    def stats(self):
        """Fresh figures: the web API keeps them for up to two seconds."""
        time.sleep(2.1)
        return self.ask("/stats/requests")

    def workers(self):
        return self.ask("/stats/requests").get("workers", [])

    def total(self):
        return next(e for e in self.stats()["stats"] if e["name"] == "Aggregated")

    def csv(self, prefix, kind):
        with (self.folder / f"{prefix}_{kind}.csv").open(newline="") as file:
            return list(csv.DictReader(file))


def pause(process, seconds):
    process.send_signal(signal.SIGSTOP)
    time.sleep(seconds)
    process.send_signal(signal.SIGCONT)
