"""What the measurements are worth: exactness, a frozen target, random arrivals. (Known delays: tests/integration.)

Each of these runs takes ten seconds. They start together, ahead of other programs, before any test looks at them.
"""

import math
import threading
import time

import pytest
from conftest import MachineWatch, Nginx, Scripted, Started, ahead, wait_until

FREEZE_AFTER_S = 3
FREEZE_S = 3


class Runs:
    """Runs under way, by name."""

    def __init__(self, folder):
        self.folder = folder
        self.started = {}
        self.servers = {}
        self.finished = {}
        self.machine = MachineWatch()

    def start(self, name, server, *arguments):
        self.servers[name] = server
        folder = self.folder / name
        folder.mkdir()
        self.started[name] = Started(["run", *arguments, "--quiet"], folder, before=ahead())

    def finish(self):
        self.finished = {name: run.finish() for name, run in self.started.items()}

    def __getitem__(self, name):
        return self.finished[name]


def freeze_once(server):
    """Stops the server's process for a while, some seconds after its first request."""
    wait_until(server.arrivals, 20)
    time.sleep(FREEZE_AFTER_S)
    server.freeze()
    time.sleep(FREEZE_S)
    server.thaw()


POISSON = """
target: {{host: "{url}"}}
users:
  Visitor:
    tasks:
      health: {{method: GET, path: /health}}
scenarios:
  random: {{rate: 300, arrivals: poisson, duration: 10, users: 500}}
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("load")
    all_runs = Runs(folder)
    servers = [Nginx(folder / name, before=ahead()) for name in ("nginx", "nginx_poisson")]
    servers += [Scripted(folder / f"scripted_{i}", before=ahead()) for i in range(2)]
    exact, poisson, frozen, frozen_small = servers
    (folder / "poisson.yaml").write_text(POISSON.format(url=poisson.url))
    freezers = [threading.Thread(target=freeze_once, args=(s,)) for s in (frozen, frozen_small)]
    all_runs.machine.start()
    try:
        all_runs.start("exact", exact, exact.url + "/health", "--rate", 500, "--duration", "10s")
        all_runs.start("frozen", frozen, frozen.url + "/", "--rate", 100, "--duration", "10s", "--users", 1000)
        all_runs.start("frozen_small", frozen_small, frozen_small.url + "/", "--rate", 100, "--duration", "10s",
                       "--users", 10)
        for workers in (1, 2):
            all_runs.start(f"poisson_{workers}", poisson, "random", "--config", folder / "poisson.yaml",
                           "--workers", workers, "--seed", 40 + workers)
        for freezer in freezers:
            freezer.start()
        all_runs.finish()
    finally:
        all_runs.machine.stop()
        for freezer in freezers:
            if freezer.ident:
                freezer.join()
        for server in servers:
            server.stop()
        for run in all_runs.started.values():
            run.process.kill()
    return all_runs


def test_500_per_second_for_10_seconds_is_5000_everywhere(runs):
    run = runs["exact"]
    assert run.totals["scheduled"] == 5000, run.err
    assert run.totals["requests"] == 5000
    assert run.totals["ok"] == 5000
    assert run.totals["response_time_ms"]["count"] == 5000
    assert sum(point["started"] for point in run.scenario["series"]) == 5000
    assert len([line for line in runs.servers["exact"].access_log() if "GET /health" in line]) == 5000
    assert run.scenario["model"] == "open"


def needs_times(runs):
    if not ahead() and runs.machine.busy():
        pytest.skip("the machine is too busy to compare times")


def check_all_arrived(run):
    totals = run.totals
    assert (totals["scheduled"], totals["requests"], totals["ok"]) == (1000, 1000, 1000)


def check_frozen(run):
    """100/s for 10 s at a server that stood still for 3 s: 300 requests waited between 3 s and nothing."""
    totals = run.totals
    response = totals["response_time_ms"]
    assert response["mean"] == pytest.approx(450, abs=75)
    assert response["p90"] == pytest.approx(2000, abs=250)
    assert response["p95"] == pytest.approx(2500, abs=250)
    assert response["max"] == pytest.approx(3000, abs=250)
    assert response["p50"] < 250
    assert run.scenario["verdict"] == "PASS", run.scenario["verdict_reason"]
    assert run.code == 0


def test_a_freeze_is_seen_in_full_with_connections_to_spare(runs):
    run = runs["frozen"]
    check_all_arrived(run)
    needs_times(runs)
    check_frozen(run)
    # Every request could start on time: service time tells the same story.
    assert run.totals["service_time_ms"]["p90"] == pytest.approx(2000, abs=250)
    assert run.totals["blocked_ms"]["p99"] < 100


def test_a_freeze_is_seen_in_full_with_ten_connections(runs):
    run = runs["frozen_small"]
    check_all_arrived(run)
    assert run.scenario["connections_opened"] <= 10
    needs_times(runs)
    check_frozen(run)
    totals = run.totals
    # Ten requests waited on the wire; what the others waited for was a free user, not us.
    assert totals["service_time_ms"]["p95"] < 250
    assert totals["service_time_ms"]["mean"] < 120
    assert totals["blocked_ms"]["p90"] == pytest.approx(2000, abs=300)
    assert totals["generator_lag_ms"]["p99"] < 50


@pytest.mark.parametrize("workers", [1, 2])
def test_poisson_arrivals_are_random_as_they_should_be(runs, workers):
    run = runs[f"poisson_{workers}"]
    assert run.scenario["workers"] == workers
    totals = run.totals
    assert totals["ok"] == totals["scheduled"]
    assert abs(totals["scheduled"] - 3000) < 5 * math.sqrt(3000)
    randomness = run.scenario["audit"]["randomness"]
    needs_times(runs)
    assert randomness["bins"] >= 1000
    assert abs(randomness["dispersion_index"] - 1) <= 4 * randomness["dispersion_error"]
    assert abs(randomness["lag1_correlation"]) <= 4 * randomness["lag1_error"]
