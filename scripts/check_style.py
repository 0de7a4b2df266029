#!/usr/bin/python3
"""Checks the rules of docs/hacking.md that a machine can check.

Usage: check_style.py [ROOT]. Prints file:line: sentence for each violation; exit code 1 if there is one.
"""

import re
import subprocess
import sys
from pathlib import Path

MAX_LINES = 600
MAX_COLUMNS = 100
CODE = {".cc", ".h", ".py", ".sh"}
TEXT = CODE | {".md", ".cmake", ".yaml", ".json"}


def is_test(name):
    return name.startswith("tests/") or name.endswith("_test.cc")


def may_read_clocks(name):
    return name.startswith(("src/base/time.", "src/load/transport/")) or is_test(name)


def may_print(name):
    return name.startswith(("apps/", "src/cli/", "tests/"))


# Pattern, where it applies, why. Applied to code without comments and string contents.
BANNED = [
    (r"\bsleep_for\b|\bsleep_until\b|\busleep\s*\(", is_test, "tests do not sleep: inject the time"),
    (r"\bstd::cout\b|\bstd::cerr\b", lambda n: not may_print(n), "only apps and cli print; others return text or log"),
    (r"\bs?rand\s*\(|\brandom_device\b|\bmt19937", lambda n: True, "use squadload::Random, which is seeded"),
    (r"\b(steady|system|high_resolution)_clock::now\b|\bclock_gettime\s*\(|\bgettimeofday\s*\(|\btime\s*\(\s*(nullptr|NULL|0)\s*\)",
     lambda n: not may_read_clocks(n), "clocks are read in base/time and the loops only: take the time as an argument"),
    (r"\busing\s+namespace\s+std\s*;", lambda n: True, "no using namespace std"),
]
UNFINISHED = re.compile(r"\b(" + "TO" + "DO|FIX" + "ME|X" + r"XX)\b")


def code_only(text):
    """C++ text with comments and the insides of literals blanked; line numbers stay."""
    def blank(match):
        s = match[0]
        if s.startswith("/"):
            return re.sub(r"[^\n]", " ", s)
        return s[0] + re.sub(r"[^\n]", " ", s[1:-1]) + s[-1]
    literal = r'R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])*\'|//[^\n]*|/\*.*?\*/'
    return re.sub(literal, blank, text, flags=re.S)


def check_file(root, name):
    problems = []
    suffix = Path(name).suffix
    text = (root / name).read_text(encoding="utf-8")
    lines = text.splitlines()
    if suffix in CODE and len(lines) > MAX_LINES:
        problems.append(f"{name}:{len(lines)}: {len(lines)} lines, at most {MAX_LINES}: split it")
    if text and not text.endswith("\n"):
        problems.append(f"{name}:{len(lines)}: no newline at the end")
    for number, line in enumerate(lines, 1):
        if suffix in (".cc", ".h") and len(line) > MAX_COLUMNS:
            problems.append(f"{name}:{number}: {len(line)} columns, at most {MAX_COLUMNS}")
        if UNFINISHED.search(line):
            problems.append(f"{name}:{number}: unfinished work belongs in the tracker, not in the text")
        if "\t" in line and suffix in (".cc", ".h", ".py"):
            problems.append(f"{name}:{number}: a tab")
    if suffix in (".cc", ".h"):
        for number, line in enumerate(code_only(text).splitlines(), 1):
            problems += [f"{name}:{number}: {why}" for pattern, applies, why in BANNED
                         if applies(name) and re.search(pattern, line)]
    if suffix == ".h" and not re.search(r"^#pragma once$", text, re.M):
        problems.append(f"{name}:1: no #pragma once")
    return problems


def check_rooms(root, names):
    """Every folder below src/ with sources has a README."""
    rooms = {Path(n).parent.as_posix() for n in names if n.startswith("src/") and Path(n).suffix in (".cc", ".h")}
    return [f"{room}:1: the room has no README.md" for room in sorted(rooms) if not (root / room / "README.md").is_file()]


def check(root, names):
    """All violations among the files `names` (paths below `root`), as sentences."""
    wanted = sorted(n for n in names if Path(n).suffix in TEXT or Path(n).name in ("CMakeLists.txt", "Makefile"))
    return [p for n in wanted for p in check_file(root, n)] + check_rooms(root, wanted)


def files_of(root):
    listed = subprocess.run(["git", "-C", str(root), "ls-files", "-co", "--exclude-standard", "-z"],
                            capture_output=True, check=False)
    if listed.returncode == 0:
        names = listed.stdout.decode().split("\0")
    else:  # an unpacked archive
        names = [f.relative_to(root).as_posix() for f in root.rglob("*") if "build" not in f.parts]
    return [n for n in names if n and (root / n).is_file()]


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent
    problems = check(root, files_of(root))
    print("\n".join(problems) if problems else "style: fine")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
