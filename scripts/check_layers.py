#!/usr/bin/python3
"""Checks who includes whom: rooms include lower rooms only, third-party headers stay in their wrapper room.

Usage: check_layers.py [ROOT]. Prints file:line: sentence for each violation; exit code 1 if there is one.
"""

import re
import sys
from pathlib import Path

# Lowest first. A room may include itself and every room before it, unless NOT_BELOW says otherwise.
ROOMS = [
    "base", "yaml", "arrivals", "target/llm", "target/limits", "target/service", "target/providers", "target/squad_api", "target/stack", "target/program",
    "load/pacing", "load/scenario", "load/transport", "load/http", "load/measure", "load/attribution", "load/engine",
    "judge/result", "judge/observe", "judge/witness", "judge/verdict", "judge/compare", "judge/merge", "judge/locust_files", "locust", "report", "run", "worker", "cli",
]
TARGET = {room for room in ROOMS if room.startswith("target/")}
# Neighbours that stand lower in the list but know nothing of each other.
NOT_BELOW = {
    "arrivals": {"yaml"},
    "target/llm": {"yaml", "arrivals"},
    "target/limits": {"yaml", "arrivals", "target/llm"},
    "target/service": {"yaml", "arrivals", "target/llm", "target/limits"},
    "target/program": {"arrivals", "yaml"} | (TARGET - {"target/program"}),
    "target/squad_api": {"arrivals", "target/providers"},
    # Who generates load and judges must not know what the target is made of; run/ starts it.
    "load/scenario": TARGET | {"arrivals"},
    "cli": TARGET,
    "worker": TARGET,
    "run": {"locust"},
    "load/pacing": TARGET | {"arrivals", "yaml"},
    "load/transport": TARGET | {"arrivals", "yaml", "load/pacing", "load/scenario"},
    "load/http": TARGET | {"arrivals", "yaml", "load/pacing", "load/transport"},
    "load/measure": TARGET | {"arrivals", "yaml", "load/scenario", "load/transport", "load/http"},
    "load/attribution": TARGET | {"arrivals", "yaml", "load/pacing", "load/transport"},
    "load/engine": TARGET | {"arrivals", "yaml"},
    "judge/result": TARGET | {"yaml", "load/scenario", "load/transport", "load/http", "load/attribution", "load/engine"},
    "judge/observe": TARGET | {"arrivals", "yaml", "load/scenario", "load/transport", "load/http", "load/attribution", "load/engine"},
    "judge/witness": TARGET | {"judge/observe", "yaml", "load/scenario", "load/transport", "load/http", "load/attribution", "load/engine"},
    "judge/verdict": TARGET | {"yaml", "load/transport", "load/http"},
    "judge/compare": TARGET | {"arrivals", "yaml", "load/scenario", "load/transport", "load/http", "load/attribution", "load/engine", "judge/observe", "judge/witness", "judge/verdict"},
    "judge/merge": TARGET | {"arrivals", "yaml", "load/scenario", "load/transport", "load/http", "load/attribution", "load/engine", "judge/observe", "judge/witness", "judge/verdict", "judge/compare"},
    "judge/locust_files": TARGET | {"arrivals", "yaml", "load/scenario", "load/transport", "load/http", "load/attribution", "load/engine", "judge/observe", "judge/witness", "judge/verdict", "judge/compare", "judge/merge"},
    "locust": TARGET | {"arrivals", "yaml", "load/pacing", "load/scenario", "load/transport", "load/http", "load/attribution", "load/engine", "judge/result", "judge/observe", "judge/witness",
               "judge/verdict", "judge/compare", "judge/merge", "judge/locust_files"},
    "report": {"locust"} | TARGET | {"yaml", "load/transport", "load/http"},
}
# Header prefix → the rooms that may include it.
WRAPPERS = {
    "yaml-cpp/": {"yaml"},
    "CLI/": {"cli", "target/program", "apps"},
    "llhttp": {"load/http"},
    "spdlog/": {"base"},
    "simdjson": {"load/http", "target/llm"},
    "zlib.h": {"load/http"},
    "brotli/": {"load/http"},
    "re2/": {"load/scenario"},
    "sys/epoll.h": {"load/transport"},
    "netdb.h": {"load/transport"},
    "openssl/": {"load/http", "target/service", "locust"},
    "zmq": {"locust"},
    "mpack.h": {"locust"},
    "boost/beast": {"target/service"},
    "boost/": {"target/service", "target/providers", "target/squad_api", "target/stack", "target/program"},
    "hiredis/": {"target/squad_api"},
    "libpq-fe.h": {"target/squad_api"},
    "sqlite3.h": {"target/squad_api"},
    "prometheus/": {"target/squad_api"},
}
# Heavy headers never stand in a header of ours.
SOURCE_ONLY = ["yaml-cpp/", "CLI/", "llhttp", "spdlog/", "simdjson", "zlib.h", "brotli/", "re2/", "fmt/", "openssl/", "zmq", "mpack.h"]
SOURCE_ONLY_EXACT = ["nlohmann/json.hpp"]

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def room_of(path):
    """The room a path below src/ lies in, or None: the longest room name that is a folder of it."""
    return next((r for r in sorted(ROOMS, key=len, reverse=True) if path.startswith(r + "/")), None)


def includes(file):
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if match := INCLUDE.match(line):
            yield number, match[1] == '"', match[2]


def check_project_include(root, room, header, is_test):
    """Why `room` (None: apps, above all rooms) may not include `header`, or None. Tests may use tests/support."""
    if header.startswith("support/") and is_test and (root / "tests" / header).is_file():
        return None
    if not (root / "src" / header).is_file():
        return f'"{header}" is not a path below src/'
    other = room_of(header)
    if room is None or other == room:
        return None
    if ROOMS.index(other) > ROOMS.index(room):
        return f"{room} includes the higher room {other}"
    if other in NOT_BELOW.get(room, ()):
        return f"{room} must not know {other}"
    return None


def check_third_party(room, header, is_header_file):
    for prefix, rooms in WRAPPERS.items():
        if header.startswith(prefix) and room not in rooms:
            return f"<{header}> belongs in {', '.join(sorted(rooms))} only"
    if is_header_file and (header in SOURCE_ONLY_EXACT or any(header.startswith(p) for p in SOURCE_ONLY)):
        return f"<{header}> belongs in a .cc file"
    return None


def check(root):
    """All violations below `root`, as sentences."""
    problems = []
    sources = [f for top in ("src", "apps") for f in sorted((root / top).rglob("*")) if f.suffix in (".cc", ".h")]
    for file in sources:
        name = file.relative_to(root).as_posix()
        in_src = name.startswith("src/")
        room = room_of(name.removeprefix("src/")) if in_src else None
        if in_src and room is None:
            problems.append(f"{name}:1: lies in no known room (scripts/check_layers.py lists them)")
            continue
        for number, ours, header in includes(file):
            why = (check_project_include(root, room, header, file.stem.endswith("_test")) if ours
                   else check_third_party(room or "apps", header, file.suffix == ".h"))
            if why:
                problems.append(f"{name}:{number}: {why}")
    return problems


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    problems = check(root)
    print("\n".join(problems) if problems else "layers: arrows point down only")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
