"""The load test of the Squad API: a Locust file, and a runner.

As a Locust file, with a stock Locust (>= 2.20):

    locust -f scripts/load_test.py --host http://localhost:8000                     # web UI
    locust -f scripts/load_test.py --host http://localhost:8000 --headless -u 30 -r 30 --run-time 300s --csv reports/sustained

As a script, on squadload's own engine (no Locust needed) or on Locust's:

    python scripts/load_test.py --scenario sustained
    python scripts/load_test.py --scenario spike --host http://localhost:8000 --users 60 --spawn-rate 60 --duration 120
    python scripts/load_test.py --scenario warm_up --host http://localhost:8000 --engine locust
"""

import sys

if __name__ == "__main__":  # before Locust is imported: the runner needs none, or one in a process of its own
    from load_test_runner import main

    sys.exit(main())

import json
import os
import random

from locust import HttpUser, constant_throughput, events, task
from locust.runners import WorkerRunner

AGENTS = ["financial_advisor", "travel_planner", "tech_support"]
PROMPTS = [
    "What's the best investment strategy?",
    "Plan a trip to Tokyo",
    "How do I fix my WiFi?",
    "Calculate ROI for my portfolio",
    "Recommend hotels in Paris",
]


class SquadApiUser(HttpUser):
    """A user of the Squad API.

    One request per second and user at the most, so that 30 users are the 30 requests per second that the scenario promises; a think time
    of 1 to 3 s would make it 15.
    """

    wait_time = constant_throughput(1)

    @task(80)
    def task_chat(self):
        """80% of requests: POST /agents/chat"""
        body = {
            "user_id": f"user_{random.randint(1, 100)}",
            "agent_id": random.choice(AGENTS),
            "task": random.choice(PROMPTS),
            "conversation_history": [],
        }
        with self.client.post("/agents/chat", json=body, catch_response=True) as response:
            self.judge(response, {200, 201})

    @task(15)
    def task_health(self):
        """15% of requests: GET /health. 503 says that no provider is up, which is an answer."""
        with self.client.get("/health", catch_response=True) as response:
            self.judge(response, {200, 503})

    @task(5)
    def task_metrics(self):
        """5% of requests: GET /metrics"""
        with self.client.get("/metrics", catch_response=True) as response:
            self.judge(response, {200})

    @staticmethod
    def judge(response, good):
        """Every response gets an outcome here: without one Locust takes whatever is below 400 for a success and the rest for a failure."""
        if response.status_code in good:
            response.success()
        elif response.status_code == 0:
            response.failure(response.error or "no response")
        else:
            # As squadload's CSVs name it. A 429 is a failure to Locust; the summary counts it apart.
            response.failure(f"status {response.status_code}")


class Counts:
    """What Locust's statistics do not have: 429s, 5xx and fallbacks, of all users, and of all workers at their master.

    Users come and go: what they count themselves goes with them.
    """

    NAMES = ("rate_limited", "server_errors", "fallbacks")

    def __init__(self):
        self.totals = dict.fromkeys(self.NAMES, 0)
        self.unsent = dict.fromkeys(self.NAMES, 0)  # of a worker, since its last report

    def add(self, name, n=1):
        self.totals[name] += n
        self.unsent[name] += n

    def on_request(self, response=None, **_):
        status = getattr(response, "status_code", 0) or 0
        if status == 429:
            self.add("rate_limited")
        elif status >= 500 and not (status == 503 and response.request is not None and response.request.path_url.split("?")[0].endswith("/health")):
            self.add("server_errors")
        # A fallback is an answer that another provider gave, not an error: the gateway says so.
        if response is not None and response.headers is not None and response.headers.get("x-squad-fallback") == "true":
            self.add("fallbacks")

    def on_report_to_master(self, client_id, data, **_):
        data["squad_counts"] = self.unsent
        self.unsent = dict.fromkeys(self.NAMES, 0)

    def on_worker_report(self, client_id, data, **_):
        for name, n in data.get("squad_counts", {}).items():
            if name in self.totals:
                self.totals[name] += n

    def on_test_start(self, **_):
        self.__init__()


counts = Counts()
events.request.add_listener(counts.on_request)
events.report_to_master.add_listener(counts.on_report_to_master)
events.worker_report.add_listener(counts.on_worker_report)
events.test_start.add_listener(counts.on_test_start)


def bound(name, default):
    """A bound by the variable that squadload reads, too. 0: none."""
    return float(os.environ.get("SQUADLOAD_" + name.upper()) or default)


def answers(total):
    """Each bound with what was measured and whether it was kept."""
    requests = total.num_requests
    if requests == 0:
        return [("requests", "none", "> 0", False)]
    spike = os.environ.get("SQUAD_SCENARIO") == "spike"
    limited = counts.totals["rate_limited"]
    success = (requests - total.num_failures) / requests
    times = {q: total.get_response_time_percentile(q) or 0 for q in (0.95, 0.99)}
    p95_max = bound("p95_latency_spike_max_ms", 3000) if spike else bound("p95_latency_max_ms", 2000)
    p99_max = bound("p99_latency_spike_max_ms", 5000) if spike else bound("p99_latency_max_ms", 3000)
    judged = [
        ("success rate", success, ">", bound("success_rate_min", 0.99)),
        ("rate limited (429)", limited / requests, "<", bound("rate_limited_max", 0.01)),
        ("failures", (total.num_failures - limited) / requests, "<=", bound("failure_rate_max", 0.007)),
        ("server errors (5xx)", counts.totals["server_errors"] / requests, "<", bound("error_rate_max", 0.001)),
        ("p95 response ms", times[0.95], "<", p95_max),
        ("p99 response ms", times[0.99], "<", p99_max),
    ]
    if spike:
        judged.append(("max response ms", total.max_response_time, "<", bound("max_latency_spike_ms", 5000)))
    kept = {">": lambda a, b: a > b, "<": lambda a, b: a < b, "<=": lambda a, b: a <= b}
    return [(name, f"{actual:.4g}", f"{sign} {limit:g}", kept[sign](actual, limit)) for name, actual, sign, limit in judged if limit]


@events.quitting.add_listener
def judge_run(environment, **_):
    """The verdict: of a run without web UI, and of a worker's master alone."""
    if isinstance(environment.runner, WorkerRunner) or os.environ.get("SQUAD_SCENARIO") is None or environment.process_exit_code == 3:
        return
    rows = answers(environment.stats.total)
    passed = all(row[3] for row in rows)
    print("PASS" if passed else "FAIL")
    for name, actual, limit, good in rows:
        print(f" {'✔' if good else '✘'}  {name:<22} {actual:>10}   bound {limit}")
    print(f"    served as fallback     {counts.totals['fallbacks']:>10}")
    environment.process_exit_code = 0 if passed else 1
    if path := os.environ.get("SQUAD_COUNTS"):
        with open(path, "w", encoding="utf-8") as out:
            json.dump(counts.totals, out)
