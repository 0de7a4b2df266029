"""Files and the commands around them: validate, list, init, try; the shipped file and the one it descends from."""

import json
import re

import pytest
import yaml
from conftest import ROOT

SHIPPED = ROOT / "config/load_testing.yaml"

# Files of this shape are in use; they stay valid, word for word.
PLAIN = """\
# config/load_testing.yaml

scenarios:
  warm_up:
    users: 5
    spawn_rate: 5
    duration: 60
    description: "Baseline warm-up, 5 req/s for 1 minute"

  sustained:
    users: 30
    spawn_rate: 30
    duration: 300
    description: "Sustained load, 30 req/s for 5 minutes (9000 requests total)"

  spike:
    users: 60
    spawn_rate: 60
    duration: 120
    description: "Spike detection, 60 req/s for 2 minutes"

thresholds:
  success_rate_min: 0.99  # > 99%
  rate_limited_max: 0.01  # < 1%
  p95_latency_max_ms: 2000  # P95 < 2 seconds
  p99_latency_max_ms: 3000  # P99 < 3 seconds
  p99_latency_spike_max_ms: 5000  # During spike
  error_rate_max: 0.001  # < 0.1% 5xx errors

provider_settings:
  enabled_providers: ["groq", "gemini"]  # Which providers to test
  track_rpm: true  # Monitor rate limit usage
  track_fallback: true  # Count fallback activations
  track_429s: true  # Count rate limit responses
"""
ENDPOINTS = """
endpoints:
  chat: {weight: 80, timeout: 10, description: "Chat"}
  health: {weight: 15, timeout: 2, description: "Health"}
  metrics: {weight: 5, timeout: 2, description: "Metrics"}
"""


def write(folder, text):
    file = folder / "load.yaml"
    file.write_text(text)
    return file


@pytest.mark.parametrize("text", [PLAIN, PLAIN + ENDPOINTS], ids=["plain", "with_endpoints"])
def test_a_plain_file_is_valid_and_said_to_miss_its_rate(squadload, tmp_path, text):
    run = squadload("validate", write(tmp_path, text))
    assert run.code == 0, run.err
    documents = list(yaml.safe_load_all(run.out))
    assert len(documents) == 3
    assert "cannot reach" in run.err  # 30 users with a wait of 1 to 3 s make 15 requests per second


def test_the_shipped_file_gives_the_rates_it_names(squadload):
    run = squadload("list", "--config", SHIPPED)
    assert run.code == 0, run.err
    for name, rate in (("warm_up", 5), ("sustained", 30), ("spike", 60)):
        line = next(line for line in run.out.splitlines() if line.startswith(name + " "))
        assert re.search(rf"\b{rate}/s", line), line
    valid = squadload("validate", SHIPPED)
    assert valid.code == 0, valid.err
    assert "cannot reach" not in valid.err


@pytest.mark.parametrize("text, place, hint", [
    ("scenarios:\n  s: {users: 1, duration: 1, spwan_rate: 2}\n", "load.yaml:2:", "spawn_rate"),
    ("scenarios:\n  s: {users: 1, duration: 1}\n  s: {users: 2, duration: 1}\n", "load.yaml:3:3", "s"),
    ("scenarios:\n  s:\n    users: many\n    duration: 1\n", "load.yaml:3:12", "many"),
    ("scenarios:\n  s:\n    users: 1\n    duration: 3 parsec\n", "load.yaml:4:15", "parsec"),
    ("thresholds: {p95_latency_max: 5}\nscenarios: {s: {users: 1, duration: 1}}\n", "load.yaml:1:14", "p95_latency_max_ms"),
    ("thresholds: ['p95(caht) < 2s']\nscenarios: {s: {users: 1, duration: 1}}\n", "load.yaml:1:", "chat"),
    ("users: {A: {tasks: {a: {path: '/{{ random_itn(1,2) }}'}}}}\nscenarios: {s: {users: 1, duration: 1}}\n",
     "load.yaml:1:", "random_int"),
    ("scenarios: [\n", "load.yaml:", ""),
    ("", "load.yaml:1:1", ""),
])
def test_a_wrong_file_is_exit_2_with_the_place_and_a_hint(squadload, tmp_path, text, place, hint):
    file = write(tmp_path, text)
    for command in (["validate", file], ["run", "--config", file, "--host", "http://127.0.0.1:1"]):
        run = squadload(*command)
        assert run.code == 2
        assert place in run.err, run.err
        assert hint in run.err
        assert run.out == ""


def test_unknown_scenario_and_stage_name_the_nearest(squadload, tmp_path):
    file = write(tmp_path, PLAIN + "stages: {prod: {duration: 10}}\n")
    run = squadload("run", "sustaind", "--config", file, "--host", "http://127.0.0.1:1")
    assert run.code == 2 and "sustained" in run.err
    run = squadload("validate", file, "--stage", "prd")
    assert run.code == 2 and "prod" in run.err


def test_precedence_is_visible_in_validate(squadload, tmp_path):
    file = write(tmp_path, "scenarios: {s: {rate: 5, duration: 60}}\nthresholds: {p95_latency_max_ms: 2000}\n"
                           "stages: {prod: {rate: 7, thresholds: {p95_latency_max_ms: 1500}}}\n")

    def effective(*arguments, **env):
        run = squadload("validate", file, *arguments, env=env)
        assert run.code == 0, run.err
        return run.out
    assert re.search(r"p95_latency_max_ms: 2000", effective())
    assert re.search(r"p95_latency_max_ms: 1500", effective("--stage", "prod"))
    text = effective("--stage", "prod", SQUADLOAD_P95_LATENCY_MAX_MS="900")
    assert re.search(r"p95_latency_max_ms: 900", text)
    durations = {arguments: effective(*arguments, SQUADLOAD_DURATION="20s", LOCUST_RUN_TIME="10s")
                 for arguments in ((), ("--duration", "30s"))}
    assert "duration: 20s" in durations[()]
    assert "duration: 30s" in durations[("--duration", "30s")]


def test_init_writes_a_valid_file_once(squadload, nginx, tmp_path):
    file = tmp_path / "new" / "mine.yaml"
    run = squadload("init", nginx.url, "--output", file)
    assert run.code == 0, run.err
    text = file.read_text()
    assert nginx.url in text and "#" in text
    assert squadload("validate", file).code == 0
    again = squadload("init", "http://127.0.0.1:9", "--output", file)
    assert again.code == 2
    assert file.read_text() == text
    run = squadload("run", "--config", file, "--duration", "1s")
    assert run.code in (0, 1), run.err
    assert run.totals["requests"] > 0


def test_try_shows_request_and_response(squadload, scripted, tmp_path):
    file = write(tmp_path, "users: {A: {tasks: {say: {method: POST, path: /echo, json: {n: \"{{ random_int(7,7) }}\"}},"
                           " bad: GET /status/500}}}\nscenarios: {s: {users: 1, duration: 1}}\n")
    run = squadload("try", "--config", file, "--host", scripted.url)
    assert run.code == 0, run.err
    assert "POST /echo HTTP/1.1" in run.out
    assert '{"n":"7"}' in run.out
    assert "HTTP/1.1 200" in run.out
    run = squadload("try", "bad", "--config", file, "--host", scripted.url)
    assert run.code == 1
    assert "server_error" in run.out
    run = squadload("try", "sya", "--config", file, "--host", scripted.url)
    assert run.code == 2 and "say" in run.err


def test_requests_carry_what_the_file_says(squadload, scripted, tmp_path):
    (tmp_path / "users.csv").write_text('id,name\n1,"Ann ""A"""\n2,Béla\n')
    file = write(tmp_path, """
users:
  A:
    tasks:
      send:
        method: PUT
        path: "/echo/{{ field(people, name) }}"
        query: {q: "a b&c", n: "{{ seq() }}"}
        headers: {X-Key: "{{ env(TEST_KEY) }}"}
        json: {name: "{{ field(people, name) }}", n: "{{ random_int(5, 5) | number }}", list: [1, true, null]}
        expect: {status: 200, headers: {Content-Type: {contains: json}}, json: {/method: PUT}, body_contains: "X-Key"}
data: {people: {file: users.csv}}
scenarios: {s: {rate: 20, requests: 4}}
""".replace('"X-Key"', '"x-key"'))
    shown = squadload("try", "--config", file, "--host", scripted.url, env={"TEST_KEY": "k-1"})
    assert shown.code == 0, shown.out + shown.err
    body = json.loads(shown.out[shown.out.rindex('{"method"'):].splitlines()[0])
    assert body["path"] == "/echo/Ann%20%22A%22?q=a%20b%26c&n=0"
    assert body["headers"]["x-key"] == "k-1"
    assert json.loads(body["body"]) == {"name": 'Ann "A"', "n": 5, "list": [1, True, None]}
    run = squadload("run", "--config", file, "--host", scripted.url, env={"TEST_KEY": "k-1"})
    assert run.totals["ok"] == 4, run.out


def test_all_runs_every_scenario_in_order(squadload, nginx, tmp_path):
    file = write(tmp_path, "users: {A: {tasks: {h: GET /health}}}\n"
                           "scenarios: {b: {rate: 20, duration: 1}, a: {users: 2, requests: 10}}\n")
    run = squadload("run", "all", "--config", file, "--host", nginx.url)
    assert run.code == 0, run.out + run.err
    assert [s["name"] for s in run.metrics["scenarios"]] == ["b", "a"]
    assert [s["model"] for s in run.metrics["scenarios"]] == ["open", "closed"]
    assert run.metrics["scenarios"][1]["totals"]["requests"] == 10
