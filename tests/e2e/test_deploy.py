"""Workflows, compose file and dashboard: what can be tested of them without GitHub and without a container engine."""

import json
import os
import re
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest
import yaml
from conftest import PROGRAM, ROOT, clean_environment

WORKFLOWS = ROOT / ".github/workflows"


def step(job, name):
    return next(s for s in job["steps"] if s.get("name") == name)["run"]


def load_job():
    return yaml.safe_load((WORKFLOWS / "load-test.yml").read_text())["jobs"]["load"]


def run_load_step(folder, **variables):
    """The workflow's step as GitHub runs it: bash -e, the job's variables; those of the repository and inputs are empty unless given."""
    job = load_job()
    environment = clean_environment()
    for name, value in job["env"].items():
        environment[name] = "" if "${{" in str(value) else str(value)
    environment |= {"STAGE": "dev", "SCENARIO": "warm_up", "GITHUB_STEP_SUMMARY": str(folder / "page.md")} | variables
    (folder / "build/release/bin").mkdir(parents=True)
    os.symlink(PROGRAM, folder / "build/release/bin/squadload")
    os.symlink(ROOT / "config", folder / "config")
    return subprocess.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step(job, "load test")], cwd=folder, env=environment,
                          capture_output=True, text=True, timeout=120, check=False)


def test_the_load_workflow_passes_with_the_verdict(tmp_path):
    ran = run_load_step(tmp_path, SQUADLOAD_TIME_SCALE="12")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    reports = tmp_path / "reports/dev"
    assert ElementTree.parse(reports / "junit.xml").getroot().get("failures") == "0"
    kinds = {re.sub(r"_\d{8}_\d{6}", "", f.name) for f in reports.iterdir()}
    assert kinds == {"junit.xml", "summary.md", "load_test_metrics.json", "locust_report.html", "locust_stats.csv", "locust_stats_history.csv",
                     "locust_failures.csv", "locust_exceptions.csv"}
    assert "✅ PASS" in (tmp_path / "page.md").read_text()
    metrics = json.loads(next(reports.glob("load_test_metrics_*.json")).read_text())
    assert metrics["scenarios"][0]["model"] == "closed"  # the stage's users


def test_the_load_workflow_fails_by_a_bound_of_the_repository(tmp_path):
    ran = run_load_step(tmp_path, SQUADLOAD_TIME_SCALE="12", SQUADLOAD_P95_LATENCY_MAX_MS="1")
    assert ran.returncode == 1
    assert "❌ FAIL" in (tmp_path / "page.md").read_text()


def test_the_load_workflow_fails_in_a_sentence_where_the_target_is_down(tmp_path):
    ran = run_load_step(tmp_path, SQUADLOAD_HOST="http://127.0.0.1:1")
    assert ran.returncode == 3
    errors = [line for line in ran.stderr.splitlines() if "error" in line]
    assert errors == ["squadload: error: cannot connect to 127.0.0.1:1 (connection refused)"]


def test_the_stages_are_those_of_the_configuration():
    stages = yaml.safe_load((ROOT / "config/load_testing.yaml").read_text())["stages"]
    assert {name: s["users"] for name, s in stages.items()} == {"dev": 50, "staging": 500, "prod": 1000}
    assert '["dev", "staging", "prod"]' in load_job()["strategy"]["matrix"]["stage"]
    assert load_job()["strategy"]["fail-fast"] is True


@pytest.mark.parametrize("file", sorted(f.name for f in WORKFLOWS.iterdir()))
def test_workflows_call_targets_that_there_are(file):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    workflow = yaml.safe_load((WORKFLOWS / file).read_text())
    called = [word for job in workflow["jobs"].values() for s in job["steps"] for word in re.findall(r"^make ([a-z-]+)$", s.get("run", ""), re.M)]
    assert called
    assert set(called) <= targets


def test_every_service_has_a_health_check_and_options_that_there_are(squadload):
    services = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())["services"]
    assert set(services) == {"redis", "postgres", "squad-providers", "squad-api", "squadload", "prometheus", "grafana"}
    for name, service in services.items():
        assert name == "squadload" or "healthcheck" in service, name
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), name
        program, *words = service.get("command", [""])
        if program in ("squadload", "squad-api", "squad-providers"):
            helped = subprocess.run([PROGRAM.parent / program, *(["run", "--help-all"] if program == "squadload" else ["--help"])],
                                    capture_output=True, text=True, check=True).stdout
            for word in words:
                if str(word).startswith("--"):
                    assert word in helped, (name, word)


def test_the_dashboard_asks_for_figures_that_there_are():
    source = (ROOT / "src/report/open_metrics.cc").read_text()
    dashboard = json.loads((ROOT / "deploy/grafana/squadload.json").read_text())
    asked = {name for panel in dashboard["panels"] for t in panel["targets"] for name in re.findall(r"squadload_\w+", t["expr"])}
    assert len(asked) >= 8
    for name in asked:
        assert f'"{name.removesuffix("_bucket")}"' in source, name
