"""squadload worker under stock Locust masters: Debian's, and the one SQUADLOAD_LOCUST names (make test-locust)."""

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter

import pytest
from conftest import PROGRAM, ROOT, Scripted, clean_environment, free_port, wait_until

sys.path.insert(0, str(ROOT / "tests/support"))
from locust_master import DEBIANS, NEWEST, Master, pause  # noqa: E402

LOCUSTS = {"debian": DEBIANS} | ({"newest": [NEWEST]} if NEWEST else {})
# Of workers that a master counts on and that are not there, killed or standing still.
LATE = "waittime is expired"
only_newest = pytest.mark.skipif(not NEWEST, reason="SQUADLOAD_LOCUST names no current Locust (make test-locust)")

FILE = """
target: {{host: '{url}'}}
scenarios:
  closed: {{users: 5, duration: 10, thresholds: {{p95_latency_max_ms: 60000}}}}
  open: {{rate: 40, duration: 10}}
users:
  Shopper:
    weight: 3
    wait_time: constant_throughput(10)
    tasks:
      good: {{path: /good, weight: 3}}
      bad: {{path: /status/503}}
  Other-one:
    wait_time: constant_throughput(10)
    tasks:
      other: {{path: /other}}
"""


class Worker:
    """`squadload worker`, with its log and its reports."""

    def __init__(self, folder, port, number, *options):
        self.folder = folder / f"worker{number}"
        self.folder.mkdir()
        self.log_file = self.folder / "log"
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(
                [PROGRAM, "worker", "--master-host", "127.0.0.1", "--master-port", str(port), "--config", folder / "test.yaml",
                 "--output-dir", self.folder / "reports", *options],
                env=clean_environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder)

    def log(self):
        return self.log_file.read_text()

    def wait(self, seconds=30):
        return self.process.wait(seconds)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()

    def runs(self):
        return [json.loads(f.read_text())["scenarios"][0] for f in sorted((self.folder / "reports").glob("load_test_metrics_*.json"))]

    def requests(self):
        return sum(run["totals"]["requests"] for run in self.runs())


class Fleet:
    """A target, a master and its workers."""

    def __init__(self, folder, locust, target):
        self.folder, self.locust, self.target = folder, locust, target
        self.port, self.things = free_port(), []
        (folder / "test.yaml").write_text(FILE.format(url=target.url))

    def file(self, scenario="closed"):
        path = self.folder / f"{scenario}.py"
        made = subprocess.run([PROGRAM, "locustfile", "--config", self.folder / "test.yaml", "--scenario", scenario],
                              env=clean_environment(), capture_output=True, text=True, check=True)
        path.write_text(made.stdout)
        return path

    def keep(self, thing):
        self.things.append(thing)
        return thing

    def master(self, *options, file=None, **more):
        return self.keep(Master(self.locust, self.folder, file or self.file(), self.port, *options, **more))

    def web_master(self, *options, file=None, **more):
        master = self.master(*options, file=file, web_port=free_port(), **more)
        wait_until(master.up, 30)
        return master

    def worker(self, *options):
        return self.keep(Worker(self.folder, self.port, len(self.things), *options))

    def served(self):
        return Counter(line.split()[3] for line in self.target.arrivals())

    def stop(self):
        for thing in self.things:
            (thing.kill if isinstance(thing, Master) else thing.stop)()


@pytest.fixture(params=LOCUSTS)
def fleet(request, tmp_path):
    target = Scripted(tmp_path / "target")
    fleet = Fleet(tmp_path, LOCUSTS[request.param], target)
    fleet.version = request.param
    yield fleet
    fleet.stop()
    target.stop()


def running(master, workers, users):
    """All of them run, with that many users in all."""
    return lambda: (lambda all_: len(all_) == workers and all(w["state"] == "running" for w in all_)
                    and sum(w["user_count"] for w in all_) == users)(
                        [w for w in master.workers() if w["state"] not in ("missing", "stopped")])


def test_headless(fleet):
    master = fleet.master("-u", 8, "-r", 4, "-t", "8s", "--expect-workers", 1, "--csv", "out", "--csv-full-history")
    worker = fleet.worker()
    assert worker.wait() == 0, worker.log()
    assert master.wait() == 1, "there were failures"
    assert master.harm() == []
    served = fleet.served()
    run = worker.runs()[0]
    assert run["totals"]["requests"] == sum(served.values()) > 300
    rows = {row["Name"]: row for row in master.csv("out", "stats")}
    for name in ("/good", "/status/503", "/other"):
        assert int(rows[name]["Request Count"]) == served[name], name
    assert int(rows["/status/503"]["Failure Count"]) == served["/status/503"]
    assert int(rows["Aggregated"]["Request Count"]) == sum(served.values())
    # Users by class as the master divided them: 6 and 2.
    assert served["/other"] == pytest.approx(sum(served.values()) / 4, rel=0.1)
    failure, = master.csv("out", "failures")
    assert failure["Error"].strip('"') == "CatchResponseError('status 503')"
    assert int(failure["Occurrences"]) == served["/status/503"]
    assert master.csv("out", "exceptions") == []
    assert max(int(row["User Count"]) for row in master.csv("out", "stats_history")) == 8
    # Its percentiles are ours, rounded.
    good = run["tasks"]["good"]["response_time_ms"]
    assert float(rows["/good"]["Max Response Time"]) == pytest.approx(good["max"], abs=0.01)
    assert float(rows["/good"]["50%"]) == pytest.approx(good["p50"], abs=1)
    assert float(rows["/good"]["95%"]) == pytest.approx(good["p95"], abs=10)
    assert "as worker 0" in worker.log()


def test_without_failures_the_master_exits_with_zero(fleet):
    text = (fleet.folder / "test.yaml").read_text().replace("/status/503", "/fine")
    (fleet.folder / "test.yaml").write_text(text)
    master = fleet.master("-u", 3, "-r", 3, "-t", "3s", "--expect-workers", 1)
    assert fleet.worker().wait() == 0
    assert master.wait() == 0, master.log()
    assert master.harm() == []


def test_web_start_change_stop_and_start_again(fleet):
    master = fleet.web_master()
    worker = fleet.worker()
    wait_until(lambda: [w["state"] for w in master.workers()] == ["ready"])
    master.swarm(4, 2, fleet.target.url)
    wait_until(running(master, 1, 4), 20)
    master.swarm(12, 10)
    wait_until(running(master, 1, 12), 20)
    master.swarm(2, 10)
    wait_until(running(master, 1, 2), 20)
    master.stop()
    wait_until(lambda: [w["state"] for w in master.workers()] == ["ready"], 20)
    first = worker.requests()
    assert master.total()["num_requests"] == first == sum(fleet.served().values())
    master.swarm(6, 6, fleet.target.url)
    wait_until(running(master, 1, 6), 20)
    time.sleep(4)
    master.stop()
    wait_until(lambda: [w["state"] for w in master.workers()] == ["ready"], 20)
    second = worker.requests() - first
    # The second test's figures are its own.
    assert master.total()["num_requests"] == second > 100
    assert sum(fleet.served().values()) == first + second
    assert len(worker.runs()) == 2
    assert master.harm() == []
    assert master.stats()["stats"][0]["method"] == "GET"


def test_two_workers_one_killed_one_added(fleet):
    master = fleet.web_master()
    first, second = fleet.worker(), fleet.worker()
    wait_until(lambda: len(master.workers()) == 2)
    master.swarm(10, 10, fleet.target.url)
    wait_until(running(master, 2, 10), 20)
    assert [w["user_count"] for w in master.workers()] == [5, 5]
    time.sleep(3)
    second.stop()
    wait_until(lambda: "missing" in [w["state"] for w in master.workers()], 20)
    third = fleet.worker()
    # Who is new gets its share, and who was there gives it.
    wait_until(running(master, 2, 10), 20)
    assert sorted(w["user_count"] for w in master.workers() if w["state"] == "running") == [5, 5]
    time.sleep(3)
    master.stop()
    wait_until(lambda: [w["state"] for w in master.workers() if w["state"] != "missing"] == ["ready"] * 2, 20)
    # What the killed one measured since its last report is gone with it, three seconds at the most.
    told = master.total()["num_requests"]
    known = first.requests() + third.requests()
    served = sum(fleet.served().values())
    assert known < told <= served
    assert served - told <= 3.5 * 50 + 5
    assert master.harm(but=LATE) == []


def test_parts_make_the_whole(fleet, squadload):
    """Three ways to one count: the master's table judged, the workers' files merged, the target's log."""
    master = fleet.master("-u", 8, "-r", 8, "-t", "5s", "--expect-workers", 2, "--csv", "out")
    workers = [fleet.worker(), fleet.worker()]
    assert [w.wait() for w in workers] == [0, 0]
    assert master.wait() == 1
    files = [next((w.folder / "reports").glob("load_test_metrics_*.json")) for w in workers]
    merged = squadload("merge", *files, "--output-dir", fleet.folder / "merged")
    assert merged.code == 0, merged.err
    assert "configured differently" not in merged.out
    judged = squadload("judge", "--locust-csv", fleet.folder / "out", "--config", fleet.folder / "test.yaml", "--output-dir", fleet.folder / "judged")
    assert judged.code == 0, judged.err
    whole, told = ([json.loads(f.read_text())["scenarios"][0]["totals"] for f in (fleet.folder / name).glob("load_test_metrics_*.json")][0]
                   for name in ("merged", "judged"))
    assert whole["requests"] == told["requests"] == sum(fleet.served().values()) == sum(w.requests() for w in workers)
    assert whole["outcomes"] == told["outcomes"]


def test_a_worker_that_stood_still_for_eight_seconds(fleet):
    master = fleet.web_master()
    first, second = fleet.worker(), fleet.worker()
    wait_until(lambda: len(master.workers()) == 2)
    master.swarm(8, 8, fleet.target.url)
    wait_until(running(master, 2, 8), 20)
    pause(second.process, 8)
    assert "missing" in master.log()
    wait_until(running(master, 2, 8), 20)
    time.sleep(4)
    master.stop()
    wait_until(lambda: [w["state"] for w in master.workers()] == ["ready"] * 2, 20)
    assert master.total()["num_requests"] == first.requests() + second.requests() == sum(fleet.served().values())
    assert master.harm(but=LATE) == []


def test_a_master_that_is_killed_and_comes_back(fleet):
    master = fleet.web_master()
    worker = fleet.worker()
    wait_until(lambda: [w["state"] for w in master.workers()] == ["ready"])
    master.swarm(5, 5, fleet.target.url)
    wait_until(running(master, 1, 5), 20)
    time.sleep(2)
    master.kill()
    time.sleep(2)
    before = sum(fleet.served().values())
    time.sleep(1)
    assert sum(fleet.served().values()) > before, "without a master the load goes on for a while"
    again = fleet.web_master(name="again")
    wait_until(lambda: [w["state"] for w in again.workers()] == ["ready"], 30)
    assert len(worker.runs()) == 1, "the run of the master that is gone has ended"
    assert worker.requests() == sum(fleet.served().values())
    again.swarm(3, 3, fleet.target.url)
    wait_until(running(again, 1, 3), 20)
    time.sleep(4)
    again.stop()
    wait_until(lambda: [w["state"] for w in again.workers()] == ["ready"], 20)
    assert again.total()["num_requests"] == worker.runs()[1]["totals"]["requests"]
    assert again.harm() == []


def test_what_is_in_flight_when_the_test_ends(fleet):
    """A quit leaves half a second: what takes longer is in the worker's own figures, which say so."""
    (fleet.folder / "test.yaml").write_text(FILE.format(url=fleet.target.url).replace("/good", "/delay/1700").replace("/status/503", "/delay/1700"))
    master = fleet.master("-u", 4, "-r", 4, "-t", "6s", "--expect-workers", 1, "--csv", "out")
    worker = fleet.worker()
    assert worker.wait() == 0
    assert master.wait() == 0
    told = int(master.csv("out", "stats")[-1]["Request Count"])
    run, = worker.runs()
    served = sum(fleet.served().values())
    assert run["totals"]["requests"] == served
    assert run["outcomes"] if "outcomes" in run else run["totals"]["outcomes"]["abandoned"] == 0
    assert 0 < served - told <= 4
    assert any(f"the master was not told of {served - told} request" in note for note in run["notes"])
    assert master.harm() == []


def test_the_web_uis_stop_awaits_what_is_in_flight(fleet):
    (fleet.folder / "test.yaml").write_text(FILE.format(url=fleet.target.url).replace("/good", "/delay/900").replace("/status/503", "/delay/900"))
    master = fleet.web_master()
    worker = fleet.worker()
    wait_until(lambda: [w["state"] for w in master.workers()] == ["ready"])
    master.swarm(6, 6, fleet.target.url)
    wait_until(running(master, 1, 6), 20)
    time.sleep(2)
    master.stop()
    wait_until(lambda: [w["state"] for w in master.workers()] == ["ready"], 20)
    assert master.total()["num_requests"] == worker.requests() == sum(fleet.served().values())


def test_an_open_scenarios_rate_is_shared(fleet):
    """40 per second over two workers, whatever the number of users; the new one takes its part."""
    master = fleet.web_master(file=fleet.file("open"))
    first = fleet.worker("--scenario", "open")
    wait_until(lambda: len(master.workers()) == 1)
    master.swarm(10, 10, fleet.target.url)
    wait_until(running(master, 1, 10), 20)
    time.sleep(4)
    second = fleet.worker("--scenario", "open")
    wait_until(running(master, 2, 10), 20)
    time.sleep(5)
    master.stop()
    wait_until(lambda: [w["state"] for w in master.workers()] == ["ready"] * 2, 20)
    assert master.total()["num_requests"] == first.requests() + second.requests() == sum(fleet.served().values())
    alone = [p["scheduled"] for p in first.runs()[0]["series"]]
    beside = [p["scheduled"] for p in second.runs()[0]["series"]]
    assert sum(alone[2:4]) / 2 == pytest.approx(40, abs=3)
    assert sum(alone[-4:-2]) / 2 == pytest.approx(20, abs=3)
    assert sum(beside[-4:-2]) / 2 == pytest.approx(20, abs=3)
    assert master.harm() == []


def test_a_target_that_is_down_is_said_to_the_master(fleet):
    text = (fleet.folder / "test.yaml").read_text().replace(fleet.target.url, f"http://127.0.0.1:{free_port()}")
    (fleet.folder / "test.yaml").write_text(text)
    master = fleet.master("-u", 2, "-r", 2, "-t", "3s", "--expect-workers", 1, "--csv", "out")
    worker = fleet.worker()
    assert worker.wait() == 0
    assert master.wait() == 1
    exception, = master.csv("out", "exceptions")
    assert "squadload worker:" in exception["Message"] and "refused" in exception["Message"]
    assert master.harm(but=LATE) == []


def test_sigterm_says_what_was_measured(fleet):
    master = fleet.web_master()
    worker = fleet.worker()
    wait_until(lambda: [w["state"] for w in master.workers()] == ["ready"])
    master.swarm(5, 5, fleet.target.url)
    wait_until(running(master, 1, 5), 20)
    time.sleep(1)
    worker.process.send_signal(signal.SIGTERM)
    assert worker.wait() == 143
    assert "quit" in master.log()
    assert master.total()["num_requests"] == worker.requests() == sum(fleet.served().values())
    assert master.harm() == []


def test_a_master_with_classes_of_its_own(fleet):
    """scripts/load_test.py as the master's file: its one class is not the scenario's."""
    master = fleet.master("-u", 8, "-r", 8, "-t", "5s", "--expect-workers", 1, "--host", fleet.target.url, "--csv", "out",
                          file=ROOT / "scripts/load_test.py", env={"SQUAD_SCENARIO": "closed", "SQUAD_COUNTS": str(fleet.folder / "counts.json")})
    worker = fleet.worker()
    assert worker.wait() == 0
    assert master.wait() == 1
    assert "no user class SquadApiUser" in worker.log()
    served = fleet.served()
    assert served["/other"] == pytest.approx(sum(served.values()) / 4, rel=0.1)
    counts = json.loads((fleet.folder / "counts.json").read_text())
    assert counts["server_errors"] == served["/status/503"]
    assert "FAIL" in master.log()
    assert master.harm() == []


@only_newest
def test_beside_a_python_worker(tmp_path):
    """One table, and one row for each error."""
    target = Scripted(tmp_path / "target")
    fleet = Fleet(tmp_path, [NEWEST], target)
    (tmp_path / "test.yaml").write_text(f"""
target: {{host: '{target.url}'}}
scenarios: {{closed: {{users: 5, duration: 10}}}}
users:
  SquadApiUser:
    wait_time: constant_throughput(10)
    tasks: {{bad: {{path: /status/503}}, good: {{path: /good}}}}
""")
    file = tmp_path / "mixed.py"
    file.write_text("""
from locust import HttpUser, constant_throughput, task


class SquadApiUser(HttpUser):
    wait_time = constant_throughput(10)

    @task
    def bad(self):
        with self.client.get("/status/503", catch_response=True) as response:
            response.failure(f"status {response.status_code}")

    @task
    def good(self):
        self.client.get("/good")
""")
    try:
        master = fleet.master("-u", 10, "-r", 10, "-t", "8s", "--expect-workers", 2, "--csv", "out", "--host", target.url, file=file)
        worker = fleet.worker()
        with (tmp_path / "python.log").open("wb") as log:
            python = subprocess.Popen([NEWEST, "-f", file, "--worker", "--master-host", "127.0.0.1", "--master-port", str(fleet.port)],
                                      cwd=tmp_path, env=clean_environment(), stdout=log, stderr=log)
        assert worker.wait() == 0
        assert master.wait() == 1
        assert python.wait(20) == 0
        assert master.harm() == []
        rows = {row["Name"]: row for row in master.csv("out", "stats")}
        assert set(rows) == {"/status/503", "/good", "Aggregated"}
        failure, = master.csv("out", "failures")
        assert failure["Error"] == "CatchResponseError('status 503')"
        assert int(failure["Occurrences"]) == int(rows["/status/503"]["Request Count"])
        total = int(rows["Aggregated"]["Request Count"])
        ours = worker.requests()
        assert 0.4 < ours / total < 0.6
        # A Python worker drops what is in flight at the end.
        assert 0 <= sum(fleet.served().values()) - total <= 5
    finally:
        fleet.stop()
        target.stop()


def health(port):
    """Status of GET /health; None: nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def test_health_is_whether_it_has_joined(tmp_path):
    target = Scripted(tmp_path / "target")
    fleet = Fleet(tmp_path, DEBIANS, target)
    try:
        port = free_port()
        fleet.worker("--health-port", str(port))
        assert wait_until(lambda: health(port)) == 503
        fleet.master("-u", 1, "-t", "60s")
        wait_until(lambda: health(port) == 200, 20)
    finally:
        fleet.stop()
        target.stop()


def test_no_master(tmp_path):
    (tmp_path / "test.yaml").write_text(FILE.format(url="http://127.0.0.1:1"))
    worker = Worker(tmp_path, free_port(), 0)
    time.sleep(1)
    worker.process.send_signal(signal.SIGTERM)
    assert worker.wait() == 143
    assert "looking for the Locust master" in worker.log()


@pytest.mark.parametrize("options, sentence", [
    (["--master-port", "0"], "--master-port: \"0\" is not a port"),
    (["--master-port", "x"], "--master-port: \"x\" is not a port"),
    (["--master-port", "70000"], "is not a port"),
    (["--master-host", "tcp://x"], "--master-host: \"tcp://x\" is not a host"),
    (["--master-host", ""], "is not a host"),
    (["--master-hots", "x"], "did you mean --master-host?"),
    (["--health-port", "x"], "--health-port"),
    (["--scenario", "closde"], "did you mean 'closed'?"),
    (["--config", "nowhere.yaml"], "nowhere.yaml"),
])
def test_a_command_line_that_is_wrong(squadload, tmp_path, options, sentence):
    (tmp_path / "test.yaml").write_text(FILE.format(url="http://127.0.0.1:1"))
    run = squadload("worker", "--config", tmp_path / "test.yaml", *options)
    assert run.code == 2, run.err
    assert sentence in run.err


def test_a_port_that_speaks_something_else(squadload, nginx, start, tmp_path):
    """An HTTP server is no master: nothing is said to it but a greeting, and the worker says so."""
    (tmp_path / "test.yaml").write_text(FILE.format(url=nginx.url))
    started = start("worker", "--master-port", nginx.port, "--config", tmp_path / "test.yaml")
    time.sleep(2)
    started.signal(signal.SIGTERM)
    assert started.finish().code == 143


def test_a_locustfile_needs_a_master(tmp_path, squadload):
    (tmp_path / "test.yaml").write_text(FILE.format(url="http://127.0.0.1:1"))
    run = squadload("locustfile", "--config", tmp_path / "test.yaml", "--scenario", "open")
    (tmp_path / "open.py").write_text(run.out)
    alone = subprocess.run([*DEBIANS, "-f", tmp_path / "open.py", "--headless", "-u", "1", "-t", "1s"], capture_output=True,
                           text=True, env=clean_environment(), cwd=tmp_path, timeout=60, check=False)
    assert alone.returncode != 0
    assert "it is for --master" in alone.stderr


@only_newest
def test_load_test_py_for_native_and_python_workers(tmp_path):
    """The shipped script is the file of the master and of a Python worker, the shipped scenarios those of ours."""
    target = Scripted(tmp_path / "target")
    fleet = Fleet(tmp_path, [NEWEST], target)
    (tmp_path / "test.yaml").write_text((ROOT / "config/load_testing.yaml").read_text())
    script = ROOT / "scripts/load_test.py"
    try:
        master = fleet.master("-u", 20, "-r", 20, "-t", "8s", "--expect-workers", 2, "--csv", "out", "--host", target.url, file=script,
                              env={"SQUAD_SCENARIO": "sustained"})
        worker = fleet.worker("--scenario", "sustained")
        with (tmp_path / "python.log").open("wb") as log:
            python = subprocess.Popen([NEWEST, "-f", script, "--worker", "--master-host", "127.0.0.1", "--master-port", str(fleet.port)],
                                      cwd=tmp_path, env=clean_environment(), stdout=log, stderr=log)
        assert worker.wait() == 0, worker.log()
        assert master.wait() == 0, master.log()
        assert python.wait(20) == 0
        assert master.harm() == []
        rows = {(row["Type"], row["Name"]): int(row["Request Count"]) for row in master.csv("out", "stats")}
        assert set(rows) == {("POST", "/agents/chat"), ("GET", "/health"), ("GET", "/metrics"), ("", "Aggregated")}
        # Half of the users, so half of the 30 per second.
        assert worker.requests() == pytest.approx(15 * 8, abs=12)
        assert 0 <= sum(fleet.served().values()) - rows["", "Aggregated"] <= 10
        assert "PASS" in master.log()
    finally:
        fleet.stop()
        target.stop()
