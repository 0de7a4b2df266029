"""scripts/load_test.py on both engines, scripts/generate_load_report.py, and tests/load as a user calls them."""

import csv
import http.server
import json
import os
import re
import signal
import subprocess
import threading

import pytest
from conftest import ROOT, clean_environment, wait_until

PYTHON = "/usr/bin/python3"  # Debian's, with Debian's Locust
LOAD_TEST = ROOT / "scripts/load_test.py"
REPORT = ROOT / "scripts/generate_load_report.py"
STORY_KEYS = {"scenario", "timestamp", "total_requests", "total_failures", "success_rate", "failure_rate", "p95_latency_ms", "p99_latency_ms",
              "max_latency_ms", "thresholds_met"}


def script(file, *arguments, folder, env=None, timeout=120):
    return subprocess.run([PYTHON, file, *map(str, arguments)], cwd=folder, env=clean_environment(env), capture_output=True, text=True,
                          timeout=timeout, check=False)


def one_line(text):
    lines = [line for line in text.splitlines() if "error" in line]
    assert len(lines) == 1, text
    assert "Traceback" not in text
    return lines[0]


# --- load_test.py, native engine ---

def test_a_scenario_on_the_native_engine(tmp_path):
    ran = script(LOAD_TEST, "--scenario", "warm_up", "--time-scale", 12, folder=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("PASS  warm_up")
    names = sorted(f.name for f in (tmp_path / "reports").iterdir())
    assert re.fullmatch(r"load_test_metrics_\d{8}_\d{6}\.json", names[0])
    assert re.fullmatch(r"locust_report_\d{8}_\d{6}\.html", names[1])


def test_users_and_duration_make_it_the_closed_model(nginx, tmp_path):
    ran = script(LOAD_TEST, "--scenario", "sustained", "--users", 3, "--spawn-rate", 30, "--duration", 2, "--host", nginx.url, folder=tmp_path,
                 env={"SQUADLOAD_EXPRESSIONS": "p95 < 10s"})
    metrics = json.loads(next((tmp_path / "reports").glob("*.json")).read_text())
    assert metrics["scenarios"][0]["model"] == "closed"
    assert metrics["exit_code"] == ran.returncode


def test_a_broken_bound_is_exit_code_1(tmp_path):
    ran = script(LOAD_TEST, "--scenario", "warm_up", "--time-scale", 12, folder=tmp_path, env={"SQUADLOAD_P95_LATENCY_MAX_MS": "1"})
    assert ran.returncode == 1
    assert ran.stdout.startswith("FAIL  warm_up")


@pytest.mark.parametrize("engine", ["native", "locust"])
def test_a_target_that_is_down_is_exit_code_3(tmp_path, engine):
    ran = script(LOAD_TEST, "--engine", engine, "--host", "http://127.0.0.1:1", folder=tmp_path)
    assert ran.returncode == 3
    assert "refused" in one_line(ran.stderr).lower()


@pytest.mark.parametrize("arguments, words", [
    (["--scenario", "flood"], "invalid choice"),
    (["--duration", "soon"], "expected a time"),
    (["--duration", "0"], "expected a time"),
    (["--users", "0"], "at least 1"),
    (["--users", "many"], "invalid int"),
    (["--spawn-rate", "-1"], "more than 0"),
    (["--engine", "wrk"], "invalid choice"),
    (["--engine", "locust", "--frobnicate"], "unknown option"),
    (["--engine", "locust", "--host", "nowhere"], "expected a URL"),
    (["--engine", "locust", "--host", "http://127.0.0.1:99999"], "expected a URL"),
    (["--engine", "locust", "--host", "http://127.0.0.1:abc"], "expected a URL"),
    (["--engine", "locust", "--host", "http://[::1"], "expected a URL"),
    (["--engine", "locust", "--host", "http://a..b:80"], "expected a URL"),
    (["--frobnicate"], "unknown option"),
])
def test_what_is_mistyped_is_exit_code_2(tmp_path, arguments, words):
    ran = script(LOAD_TEST, *arguments, folder=tmp_path)
    assert ran.returncode == 2
    assert words in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_host_that_has_words_of_ours_in_its_name_is_unreachable_all_the_same(tmp_path):
    ran = script(LOAD_TEST, "--engine", "locust", "--host", "http://expected-host.invalid:80", folder=tmp_path)
    assert ran.returncode == 3


@pytest.mark.parametrize("engine, number, code", [("native", signal.SIGTERM, 143), ("native", signal.SIGINT, 130)])
def test_a_signal_ends_the_load_not_the_script_alone(nginx, tmp_path, engine, number, code):
    started = subprocess.Popen([PYTHON, LOAD_TEST, "--scenario", "sustained", "--engine", engine, "--host", nginx.url], cwd=tmp_path,
                               env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: list((tmp_path / "reports").glob("*.ndjson")))
    started.send_signal(number)
    out, _ = started.communicate(timeout=30)
    assert started.returncode == code
    assert out.startswith("INTERRUPTED")
    assert list((tmp_path / "reports").glob("load_test_metrics_*.json"))


def test_a_folder_that_cannot_be_is_said(nginx, tmp_path):
    (tmp_path / "file").write_text("")
    ran = script(LOAD_TEST, "--engine", "locust", "--host", nginx.url, "--output-dir", tmp_path / "file", folder=tmp_path)
    assert ran.returncode == 2
    assert "cannot write to" in one_line(ran.stderr)


def test_a_program_that_is_not_built_is_said(tmp_path):
    ran = script(LOAD_TEST, folder=tmp_path, env={"SQUADLOAD_PROGRAM": str(tmp_path / "none")})
    assert ran.returncode == 2
    assert "make build" in one_line(ran.stderr)


# --- load_test.py, Locust's engine ---

def test_the_same_scenario_on_locust(nginx, tmp_path):
    ran = script(LOAD_TEST, "--scenario", "warm_up", "--engine", "locust", "--duration", 3, "--users", 10, "--host", nginx.url, folder=tmp_path)
    assert "Traceback" not in ran.stderr
    # nginx has an answer for all three.
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.startswith("PASS\n")
    prefix = next((tmp_path / "reports").glob("*_stats.csv")).as_posix().removesuffix("_stats.csv")
    summary = script(REPORT, "--csv", prefix, folder=tmp_path)
    assert summary.returncode == 0, summary.stderr
    found = json.loads(open(summary.stdout.strip(), encoding="utf-8").read())
    assert STORY_KEYS <= set(found)
    assert (found["scenario"], found["total_failures"], found["success_rate"]) == ("warm_up", 0, 1.0)


@pytest.fixture
def limiting():
    """A target that answers chats with 429, metrics with 500, and marks healths as fallbacks."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response({"/agents/chat": 429, "/metrics": 500}.get(self.path, 200))
            self.send_header("x-squad-fallback", "true" if self.path == "/health" else "false")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST = answer

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_429s_and_errors_are_counted_over_all_users_and_apart(limiting, tmp_path):
    ran = script(LOAD_TEST, "--engine", "locust", "--duration", 6, "--users", 20, "--host", limiting, folder=tmp_path)
    assert ran.returncode == 1
    assert ran.stdout.startswith("FAIL\n")
    prefix = next((tmp_path / "reports").glob("*_stats.csv")).as_posix().removesuffix("_stats.csv")
    counts = json.loads(open(f"{prefix}_counts.json", encoding="utf-8").read())
    assert min(counts.values()) > 0
    assert counts["rate_limited"] > counts["fallbacks"] + counts["server_errors"]  # 80 to 15 and 5
    with open(f"{prefix}_failures.csv", encoding="utf-8") as file:
        errors = {row["Name"]: row["Error"] for row in csv.DictReader(file)}  # 2.12 quotes it as an exception
    assert set(errors) == {"/agents/chat", "/metrics"}
    assert "status 429" in errors["/agents/chat"]
    assert "status 500" in errors["/metrics"]


def test_outcomes_of_the_locust_file(tmp_path):
    """What each status comes to, with Locust's own classes."""
    (tmp_path / "check.py").write_text(f"""
import sys
sys.path.insert(0, {str(ROOT / 'scripts')!r})
import load_test
from types import SimpleNamespace as N

class Response:
    def __init__(self, status, path, headers=None):
        self.status_code, self.headers, self.error = status, headers or {{}}, None
        self.request, self.said = N(path_url=path), None
    def success(self): self.said = "ok"
    def failure(self, why): self.said = why

seen = []
for status, path, good, headers in [(200, "/agents/chat", {{200, 201}}, {{"x-squad-fallback": "true"}}), (429, "/agents/chat", {{200, 201}}, {{}}),
                                    (503, "/health", {{200, 503}}, {{}}), (503, "/agents/chat", {{200, 201}}, {{}}), (0, "/metrics", {{200}}, {{}})]:
    r = Response(status, path, headers)
    load_test.SquadApiUser.judge(r, good)
    load_test.counts.on_request(response=r)
    seen.append(r.said)
print(seen, load_test.counts.totals)
data = {{}}
load_test.counts.on_report_to_master("w1", data)
load_test.counts.on_worker_report("w1", data)
print(load_test.counts.totals["fallbacks"], load_test.counts.unsent["fallbacks"])
""")
    ran = script(tmp_path / "check.py", folder=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [
        "['ok', 'status 429', 'ok', 'status 503', 'no response'] {'rate_limited': 1, 'server_errors': 1, 'fallbacks': 1}", "2 0"]


def test_the_task_ratio_is_80_15_5(tmp_path):
    ran = subprocess.run([PYTHON, "-m", "locust", "-f", LOAD_TEST, "--show-task-ratio-json", "--headless", "-u", "1"], cwd=tmp_path,
                         env=clean_environment(), capture_output=True, text=True, check=False)
    ratios = json.loads(ran.stdout)["total"]["SquadApiUser"]["tasks"]
    assert {name: round(t["ratio"], 6) for name, t in ratios.items()} == {"task_chat": 0.8, "task_health": 0.15, "task_metrics": 0.05}


# --- generate_load_report.py ---

def test_the_summary_of_a_metrics_file(squadload, scripted, tmp_path):
    run = squadload("run", scripted.url + "/status/500", "-r", 20, "-t", "1s", "--csv", tmp_path / "locust")
    made = script(REPORT, run.metrics_files[0], "--output-dir", tmp_path / "out", folder=tmp_path)
    assert made.returncode == 0, made.stderr
    summary = json.loads((tmp_path / "out" / os.path.basename(made.stdout.strip())).read_text())
    assert re.fullmatch(r"summary_run_\d{8}_\d{6}\.json", os.path.basename(made.stdout.strip()))
    totals = run.totals
    assert STORY_KEYS <= set(summary)
    assert summary["total_requests"] == totals["requests"]
    assert summary["total_failures"] == totals["failed"] == totals["requests"]
    assert summary["p95_latency_ms"] == totals["response_time_ms"]["p95"]
    assert summary["thresholds_met"]["success_rate"] is False
    # The CSVs of the same run say the same, rounded as Locust does.
    from_csv = script(REPORT, "--csv", tmp_path / "locust", "--scenario", "run", folder=tmp_path)
    other = json.loads(open(from_csv.stdout.strip(), encoding="utf-8").read())
    for key in ("total_requests", "total_failures", "total_rate_limited", "success_rate", "failure_rate"):
        assert other[key] == summary[key], key
    assert abs(other["p95_latency_ms"] - summary["p95_latency_ms"]) <= 1


def test_429s_in_csvs_are_no_failures(squadload, scripted, tmp_path):
    squadload("run", scripted.url + "/status/429", "-r", 20, "-t", "1s", "--csv", tmp_path / "x")
    summary = json.loads(open(script(REPORT, "--csv", tmp_path / "x", folder=tmp_path).stdout.strip(), encoding="utf-8").read())
    assert (summary["total_failures"], summary["total_rate_limited"], summary["success_rate"]) == (0, 20, 0.0)


def test_only_statuses_are_429s(tmp_path):
    (tmp_path / "x_stats.csv").write_text("Name,Request Count,Failure Count,95%,99%,Max Response Time\nAggregated,10,6,1,1,1\n")
    (tmp_path / "x_failures.csv").write_text("Method,Name,Error,Occurrences\nGET,/a,status 429,1\nGET,/b,CatchResponseError('status 429'),1\n"
                                             "GET,/c,HTTPError('429 Client Error: for url: /c'),1\n"
                                             "GET,/d,HTTPError('500 Server Error: for url: http://h/orders/429'),3\n")
    summary = json.loads(open(script(REPORT, "--csv", tmp_path / "x", folder=tmp_path).stdout.strip(), encoding="utf-8").read())
    assert (summary["total_rate_limited"], summary["total_failures"]) == (3, 3)


@pytest.mark.parametrize("name, content, words", [
    ("absent.json", None, "No such file"),
    ("bad.json", "{", "is no metrics file"),
    ("other.json", '{"scenarios": [{}]}', "is no metrics file"),
    ("list.json", "[]", "is no metrics file"),
])
def test_what_is_no_metrics_file_is_said(tmp_path, name, content, words):
    if content is not None:
        (tmp_path / name).write_text(content)
    ran = script(REPORT, tmp_path / name, folder=tmp_path)
    assert ran.returncode == 2
    assert words in one_line(ran.stderr)


@pytest.mark.parametrize("content, words", [
    (None, "No such file"),
    ("", "no row Aggregated"),
    ("Name,Request Count\nAggregated,x\n", "have not Locust's columns"),
])
def test_what_are_no_csvs_is_said(tmp_path, content, words):
    if content is not None:
        (tmp_path / "x_stats.csv").write_text(content)
    ran = script(REPORT, "--csv", tmp_path / "x", folder=tmp_path)
    assert ran.returncode == 2
    assert words in one_line(ran.stderr)


# --- tests/load ---

def test_the_load_tests_fail_in_a_sentence_where_the_target_is_down(tmp_path):
    ran = subprocess.run([PYTHON, "-m", "pytest", "tests/load/test_load_scenarios.py::TestLoadScenarios::test_warm_up_scenario", "-q"], cwd=ROOT,
                         env=clean_environment({"SQUADLOAD_HOST": "http://127.0.0.1:1"}), capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "cannot connect to 127.0.0.1:1 (connection refused)" in ran.stdout
    assert "Traceback" not in ran.stdout + ran.stderr


