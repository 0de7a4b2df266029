"""The three load scenarios as tests: `pytest tests/load/test_load_scenarios.py -v` runs them, some 8 minutes.

    pytest tests/load/test_load_scenarios.py::TestLoadScenarios::test_sustained_load_scenario -v -s
    pytest tests/load -m "not slow"          the same stories in 5, 15 and 24 seconds

The target is the one of SQUADLOAD_HOST, with SQUADLOAD_WITNESS where its providers are simulated; without it squadload starts the Squad API and
simulated providers beside the load. Reports go to tests/load/reports. Each test ends as the run's verdict says: FAIL, VOID and a target that
is down fail it with one sentence.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("SQUADLOAD_PROGRAM") or ROOT / "build/release/bin/squadload")
CONFIG = ROOT / "config/load_testing.yaml"
REPORTS = Path(__file__).resolve().parent / "reports"


def run_scenario(name, reports, *options):
    """Runs a scenario to its end; the scenario of its metrics file. No metrics file: the test fails with the program's sentence."""
    if not PROGRAM.is_file():
        pytest.fail(f"{PROGRAM} is not built: run make build", pytrace=False)
    reports.mkdir(parents=True, exist_ok=True)
    before = set(reports.glob("load_test_metrics_*.json"))
    command = [PROGRAM, "run", name, "--config", CONFIG, "--output-dir", reports, "--csv", reports / name, "-q", *options]
    environment = {name: value for name, value in os.environ.items() if name != "SQUADLOAD_PROGRAM"}
    ran = subprocess.run([str(word) for word in command], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    print(ran.stdout)
    new = sorted(set(reports.glob("load_test_metrics_*.json")) - before)
    if not new:
        sentence = (ran.stderr.strip().splitlines() or [f"squadload ended with {ran.returncode}"])[-1]
        pytest.fail(sentence.removeprefix("squadload: error: "), pytrace=False)
    scenario = json.loads(new[-1].read_text())["scenarios"][0]
    if scenario["verdict"] != "PASS":
        pytest.fail(f"{scenario['verdict']}  {name}: {scenario['verdict_reason']} ({new[-1]})", pytrace=False)
    assert ran.returncode == 0
    return scenario


def check_load(scenario, per_second, seconds):
    """What the schedule asked for was sent: an open model is not slowed down by its target."""
    audit = scenario["audit"]
    assert audit["sent"] == audit["scheduled"] == per_second * seconds
    assert scenario["totals"]["requests"] == audit["sent"]
    assert sum(scenario["totals"]["outcomes"].values()) == audit["scheduled"]


def check_health(scenario, p95_ms, p99_ms):
    totals, times = scenario["totals"], scenario["totals"]["response_time_ms"]
    assert totals["success_rate"] > 0.99
    assert totals["failure_rate"] <= 0.007
    assert totals["rate_limited_rate"] < 0.01
    assert totals["server_error_rate"] < 0.001
    assert times["p95"] < p95_ms
    assert times["p99"] < p99_ms
    for quantile in ("p50", "p75", "p90", "p95", "p99", "p99_9", "max"):
        assert times[quantile] > 0
    assert set(scenario["tasks"]) == {"chat", "health", "metrics"}


def check_providers(scenario):
    """Known where the providers are simulated."""
    for name, provider in scenario["providers"].items():
        if provider["limit_per_minute"] > 0:
            assert provider["peak_per_minute"] <= provider["limit_per_minute"], name
    for check in scenario["witness"]:
        assert check["answer"] != "broken", check["sentence"]


def check_warm_up(scenario, scale=1):
    check_load(scenario, 5 * scale, 60 // scale)
    check_health(scenario, p95_ms=2000, p99_ms=3000)
    check_providers(scenario)


def check_sustained(scenario, scale=1):
    check_load(scenario, 30 * scale, 300 // scale)  # 9,000 requests
    check_health(scenario, p95_ms=2000, p99_ms=3000)
    check_providers(scenario)


def check_spike(scenario, scale=1):
    check_load(scenario, 60 * scale, 120 // scale)
    check_health(scenario, p95_ms=3000, p99_ms=5000)
    check_providers(scenario)
    assert scenario["totals"]["response_time_ms"]["max"] < 5000
    if scenario["providers"]:
        assert sum(p["served_as_fallback"] for p in scenario["providers"].values()) > 0


@pytest.mark.slow
class TestLoadScenarios:
    """The scenarios at full length."""

    def test_warm_up_scenario(self):
        """Warm-up: 5 requests per second for 1 minute."""
        check_warm_up(run_scenario("warm_up", REPORTS))

    def test_sustained_load_scenario(self):
        """Sustained: 30 requests per second for 5 minutes."""
        check_sustained(run_scenario("sustained", REPORTS))

    def test_spike_scenario(self):
        """Spike: 60 requests per second for 2 minutes, and a provider whose quota is cut meanwhile."""
        check_spike(run_scenario("spike", REPORTS))


class TestLoadScenariosQuick:
    """The same stories with durations divided and rates multiplied."""

    @pytest.fixture(autouse=True)
    def beside_the_load(self, monkeypatch):
        for name in ("SQUADLOAD_HOST", "SQUADLOAD_WITNESS", "LOCUST_HOST"):  # another's quotas know nothing of a time scale
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("SQUADLOAD_LAG_BUDGET", "1s")  # a busy machine is not what these are about

    def test_warm_up_scenario(self, tmp_path):
        check_warm_up(run_scenario("warm_up", tmp_path, "--time-scale", 12), 12)

    def test_sustained_load_scenario(self, tmp_path):
        check_sustained(run_scenario("sustained", tmp_path, "--time-scale", 20), 20)

    def test_spike_scenario(self, tmp_path):
        check_spike(run_scenario("spike", tmp_path, "--time-scale", 5), 5)
