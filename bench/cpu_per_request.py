#!/usr/bin/python3
"""CPU time per request of squadload beside other tools, against nginx on loopback.

    bench/cpu_per_request.py [--pairs 5] [--seconds 5] [--connections 64] [--backends io_uring,epoll] [--peers wrk,h2load,hey,ab]
                             [--request get|post|post_constant] [--tls]

One core for the generator (and nothing else of ours), another for nginx. Closed loop without waits. The tools take turns,
so that a drift of the machine hits all; figures are medians over the pairs, a ratio is the median of the pairs' ratios.
Peers keep one coarse histogram or none and check nothing; squadload does all it does in any run: times from the schedule and
from the send, status and, for post, a body made from a template. Wanted beside wrk: at most 0.90. With --max-ratio the exit
code says whether the first backend kept it. Prints a table, writes bench/results/cpu_per_request*.json.
"""

import argparse
import functools
import re
import sys

import common

SCENARIO = """users:
  User:
    wait_time: none
    tasks:
      chat:
        method: POST
        path: /agents/chat
        headers: {{Content-Type: application/json}}
        body: '{body}'
scenarios: {{bench: {{users: {connections}, duration: {seconds}s}}}}
"""
BODIES = {"post": """{{"message": "{{{{ choice("How do I diversify?", "What is an index fund?") }}}}", "n": {{{{ random_int(1, 100000) }}}}, "id": {{{{ seq() }}}}}}""",
          "post_constant": """{{"message": "How do I diversify?", "n": 4711, "id": 4711}}"""}
LUA = {"post": """local prompts = {"How do I diversify?", "What is an index fund?"}
local id = 0
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
request = function()
  id = id + 1
  return wrk.format(nil, nil, nil, string.format('{"message": "%s", "n": %d, "id": %d}', prompts[math.random(2)], math.random(100000), id))
end
""", "post_constant": """wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"message": "How do I diversify?", "n": 4711, "id": 4711}'
"""}


def figures(ran, requests, seconds):
    if requests == 0:
        sys.exit(f"bench: no request was answered:\n{ran.output[-2000:]}")
    return {"cpu_us_per_request": (ran.user_s + ran.system_s) / requests * 1e6, "user_us_per_request": ran.user_s / requests * 1e6,
            "requests_per_s": requests / seconds}


def found(pattern, ran):
    match = re.search(pattern, ran.output)
    if match is None:
        sys.exit(f"bench: cannot read this output:\n{ran.output[-3000:]}")
    return int(match[1])


def ours(backend, o, target, core):
    if o.request == "get":
        arguments = [target.url + "/health", "--users", o.connections, "--duration", f"{o.seconds}s"]
    else:
        file = target.folder / "scenario.yaml"
        file.write_text(SCENARIO.format(body=BODIES[o.request].format(), connections=o.connections, seconds=o.seconds))
        arguments = ["--config", file, "--host", target.url]
    ran, scenario = common.squadload([*map(str, arguments), "--backend", backend], core, target.certificate)
    totals = scenario["totals"]
    if totals["ok"] != totals["requests"]:
        sys.exit(f"bench: not every request was ok: {totals['outcomes']}")
    return figures(ran, totals["requests"], o.seconds)


def wrk(o, target, core):
    script = []
    path = "/health"
    if o.request != "get":
        path = "/agents/chat"
        (target.folder / "wrk.lua").write_text(LUA[o.request])
        script = ["-s", target.folder / "wrk.lua"]
    ran = common.run_measured(["wrk", "-t1", f"-c{o.connections}", f"-d{o.seconds}s", *script, target.url + path], core)
    return figures(ran, found(r"(\d+) requests in", ran), o.seconds)


def h2load(o, target, core):
    ran = common.run_measured(["h2load", "--h1", "-t1", f"-c{o.connections}", f"-D{o.seconds}", *posted(o, target, "-d"),
                               target.url + path_of(o)], core)
    return figures(ran, found(r"requests: .*?(\d+) succeeded", ran), o.seconds)


def hey(o, target, core):
    body = ["-m", "POST", "-T", "application/json", *posted(o, target, "-D")] if o.request != "get" else []
    ran = common.run_measured(["hey", "-cpus", "1", "-z", f"{o.seconds}s", "-c", o.connections, *body, target.url + path_of(o)], core)
    return figures(ran, found(r"\[200\]\s+(\d+) responses", ran), o.seconds)


def ab(o, target, core):
    body = [*posted(o, target, "-p"), "-T", "application/json"] if o.request != "get" else []
    ran = common.run_measured(["ab", "-k", "-q", "-r", "-c", o.connections, "-t", o.seconds, "-n", "100000000", *body,
                               target.url + path_of(o)], core)
    return figures(ran, found(r"Complete requests:\s+(\d+)", ran), o.seconds)


def path_of(o):
    return "/health" if o.request == "get" else "/agents/chat"


def posted(o, target, option):
    """A constant body is what these tools can send."""
    if o.request == "get":
        return []
    file = target.folder / "body.json"
    file.write_text('{"message": "How do I diversify?", "n": 4711, "id": 4711}')
    return [option, file]


PEERS = {"wrk": wrk, "h2load": h2load, "hey": hey, "ab": ab}


def shown(runs, backends, peers):
    rows = [[name, f"{common.median(r, 'cpu_us_per_request'):.2f}", f"{common.median(r, 'user_us_per_request'):.2f}",
             f"{common.median(r, 'requests_per_s'):,.0f}"] for name, r in runs.items()]
    lines = [common.table(["", "CPU µs/request", "of it user", "requests/s"], rows)]
    compared = {}
    for backend in backends:
        for peer in peers:
            ratio = common.ratios(runs[f"squadload {backend}"], runs[peer], "cpu_us_per_request")
            compared[f"{backend} / {peer}"] = ratio
            lines.append(f"squadload {backend} / {peer}: {ratio['median']:.2f} (pairs: {ratio['low']:.2f} … {ratio['high']:.2f})")
    return "\n".join(lines), compared


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--backends", default="io_uring,epoll", help="event loops of squadload to measure (default io_uring,epoll)")
    parser.add_argument("--peers", default="wrk", help="of wrk, h2load, hey and ab (default wrk)")
    parser.add_argument("--request", choices=["get", "post", "post_constant"], default="get", help="post: its body is made from a template")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--max-ratio", type=float, help="exit 1 when the first backend takes more than this beside the first peer")
    o = parser.parse_args()
    backends = o.backends.split(",")
    peers = o.peers.split(",")
    if unknown := [p for p in peers if p not in PEERS]:
        parser.error(f"unknown peer {unknown[0]}")
    common.need(common.PROGRAM, *peers)
    common.raise_descriptors()
    cores = common.cores()

    def measured(tool):
        # Each run has an nginx, and so a port, of its own: where ports of the runs before are still in TIME_WAIT, the
        # kernel's search for a free one costs whoever comes next more than the requests.
        with common.nginx(cores.target, o.tls) as target:
            return tool(o, target, cores.generator)

    tools = {f"squadload {b}": functools.partial(measured, functools.partial(ours, b)) for b in backends}
    tools |= {p: functools.partial(measured, PEERS[p]) for p in peers}
    runs = common.alternate(tools, o.pairs, common.say)
    text, compared = shown(runs, backends, peers)
    title = f"{o.request}{' over TLS' if o.tls else ''}, {o.connections} connections, {o.pairs} pairs of {o.seconds} s"
    print(f"CPU time per request: {title}\n{text}")
    suffix = "" if (o.request, o.tls, o.connections) == ("get", False, 64) else f"_{o.request}{'_tls' if o.tls else ''}_{o.connections}"
    common.write_results(f"cpu_per_request{suffix}", {"what": title, "ratios": compared, "runs": runs})
    if o.max_ratio and compared[f"{backends[0]} / {peers[0]}"]["median"] > o.max_ratio:
        sys.exit(f"above {o.max_ratio}")


if __name__ == "__main__":
    main()
