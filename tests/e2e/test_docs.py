"""Every command in the README and the guide's pages, run as written but for less time, against a stack started as the README says.

Ports are free ones, runs take a second. What cannot be run here (containers, installing packages, building oneself) is held against the files and targets it names.
"""

import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from conftest import PROGRAM, ROOT, clean_environment, free_port, wait_until

PAGES = ["README.md", "docs/guide.md", "docs/stack.md", "docs/reports.md", "docs/ci.md", "docs/moving.md", "docs/scale-out.md",
         "docs/running-load-tests.md", "docs/running-load-tests.pt-BR.md"]
PROGRAMS = ("squadload", "squad-api", "squad-providers", "make", "curl", "pytest", "python3", "locust", "docker", "kubectl", "helm", "pip", "source")
SAMPLE = ROOT / "tests/load/reports/sample_load_test_metrics.json"


def commands(pages=PAGES):
    """(page, command) of all fenced blocks without a language; each command once."""
    found = {}
    for page in pages:
        text = (ROOT / page).read_text()
        for language, block in re.findall(r"^```(\w*)\n(.*?)^```", text, re.S | re.M):
            if language not in ("", "sh"):
                continue
            for line in block.replace("\\\n", " ").splitlines():
                line = re.sub(r"\s+#.*$", "", line).strip()
                if re.match(rf"([A-Z_0-9]+=\S+ )*({'|'.join(PROGRAMS)})\b(?!:)", line):
                    found.setdefault(line, page)
    return [(page, command) for command, page in found.items()]


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """squad-providers and squad-api as the README starts them, on free ports: (gateway's port, providers' port)."""
    folder = tmp_path_factory.mktemp("stack")
    ports = free_port(), free_port()
    environment = clean_environment()
    processes = [subprocess.Popen([PROGRAM.parent / "squad-providers", "--port", str(ports[1]), "-q"], cwd=folder, env=environment),
                 subprocess.Popen([PROGRAM.parent / "squad-api", "--port", str(ports[0]), "--providers-url", f"http://127.0.0.1:{ports[1]}", "-q"],
                                  cwd=folder, env=environment)]
    for port in ports:
        wait_until(lambda p=port: subprocess.run(["curl", "-sf", f"http://127.0.0.1:{p}/health"], stdout=subprocess.DEVNULL, check=False).returncode == 0)
    yield ports
    for process in processes:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def place(stack, tmp_path_factory):
    """A folder like a checkout in which the programs are built, with two metrics files to compare and a scenario file."""
    folder = tmp_path_factory.mktemp("place")
    for name in ("config", "scripts", "deploy", "docs", "pytest.ini", "requirements.txt"):
        os.symlink(ROOT / name, folder / name)
    shutil.copytree(ROOT / "tests/load", folder / "tests/load", ignore=shutil.ignore_patterns("load_test_metrics_*", "locust_report_2*"))
    for name in ("before.json", "after.json"):
        shutil.copy(SAMPLE, folder / name)
    # Two parts of one load: as good as any that ran at the same time.
    shutil.copy(SAMPLE, folder / "worker1.json")
    (folder / "worker2.json").write_text(SAMPLE.read_text().replace('"seed": 1,', '"seed": 2,'))
    (folder / "reports").mkdir()
    subprocess.run([PROGRAM, "init", f"http://127.0.0.1:{stack[0]}", "--output", folder / "my_test.yaml"], stdout=subprocess.DEVNULL, check=True)
    tools = folder / "tools"
    tools.mkdir()
    for name, words in (("pytest", "-m pytest"), ("locust", "-m locust"), ("python3", "")):
        (tools / name).write_text(f'#!/bin/sh\nexec /usr/bin/python3 {words} "$@"\n')
        (tools / name).chmod(0o755)
    return folder


def shortened(command):
    """The command with what makes it quick at its end, where the last of an option counts."""
    words = command.split()
    while "=" in words[0]:
        words.pop(0)
    if words[:2] == ["squadload", "run"]:
        return command + " -t 1s"
    if words[:2] == ["squadload", "capacity"]:
        return command + " --from 50 --to 60 --step 2s"
    if words[0] == "pytest":
        return command + " --collect-only -q"
    if words[0] == "locust":
        return command + " --headless -u 2 -r 2 --run-time 2s --only-summary"
    if words[:2] == ["python3", "scripts/load_test.py"]:
        return command + " --duration 1"
    return command


def check_cluster(words):
    """The folders, files and objects that a command for a cluster names are there."""
    for option, value in zip(words, words[1:], strict=False):
        if option == "-k":
            assert (ROOT / value / "kustomization.yaml").is_file()
        if option == "--values":
            assert (ROOT / value).is_file()
    for word in words:
        if word.startswith("--from-file="):
            assert (ROOT / word.partition("=")[2]).is_file()
    names = [name for name in words if name.startswith(("service/", "job/"))]
    if "-n" in words:
        made = [yaml.safe_load(f.read_text()) for f in (ROOT / "deploy/kubernetes").rglob("*.yaml") if f.name != "helm-values.yaml"]
        there = {f"{o['kind'].lower()}/{o['metadata']['name']}" for o in made if "metadata" in o}
        assert set(names) <= there
        assert f"namespace/{words[words.index('-n') + 1]}" in there


def check_named(command):
    """What is not run: the files, services and targets it names are there."""
    words = shlex.split(command)
    if words[0] == "make":
        subprocess.run(["make", "-n", *[w for w in words[1:]]], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    elif words[:2] == ["docker", "build"]:
        assert (ROOT / words[words.index("-f") + 1]).is_file()
    elif words[0] == "docker":
        services = yaml.safe_load((ROOT / words[words.index("-f") + 1]).read_text())["services"]
        assert words[-1] in services or words[-2:] == ["up", "-d"], command
    elif words[0] in ("kubectl", "helm"):
        check_cluster(words)
    elif words[0] == "pip":
        assert (ROOT / words[-1]).is_file()
    else:
        return False
    return True


@contextlib.contextmanager
def master_for(command, place, environment):
    """A Locust master for two seconds of the `squadload worker` in it, if there is one; the port it is to join."""
    if "squadload worker" not in command:
        yield None
        return
    scenario = re.findall(r"--(?:config|scenario|stage) \S+", command)
    made = subprocess.run([PROGRAM, "locustfile", *" ".join(scenario).split()], cwd=place, env=environment, capture_output=True, text=True, check=True)
    port = free_port()
    (place / f"master_{port}.py").write_text(made.stdout)
    process = subprocess.Popen([place / "tools/locust", "-f", f"master_{port}.py", "--master", "--master-bind-host", "127.0.0.1", "--master-bind-port",
                                str(port), "--headless", "--expect-workers", "1", "-u", "2", "-r", "2", "-t", "2s", "--host", environment["TARGET"]],
                               cwd=place, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield port
    process.terminate()
    process.wait(20)


@pytest.mark.parametrize("page, command", commands(), ids=lambda value: re.sub(r"\W+", "_", str(value))[:60])
def test_the_command_works(page, command, stack, place):
    if command.endswith("&") or command == "squad-api" or check_named(command):
        return  # the stack fixture is these
    text = shortened(command)
    for port, host in ((stack[0], "8000"), (stack[1], "9100")):
        text = re.sub(rf"(127\.0\.0\.1|localhost):{host}", f"127.0.0.1:{port}", text)
    text = re.sub(r"--prometheus-port \d+", "--prometheus-port 0", text)
    # Whatever the examples of auditing and reporting call their files.
    text = re.sub(r"reports/load_test_metrics_\d+_\d+\.json|METRICS\.json", str(SAMPLE), text)
    if " init " in text:
        (place / "my_test.yaml").unlink()  # it overwrites nothing
    environment = clean_environment()
    environment["PATH"] = f"{PROGRAM.parent}:{place / 'tools'}:{environment['PATH']}"
    environment |= {"TARGET": f"http://127.0.0.1:{stack[0]}", "SQUADLOAD_PROGRAM": str(PROGRAM), "PYTHONDONTWRITEBYTECODE": "1"}
    with master_for(text, place, environment) as port:
        text += f" --master-port {port}" if port else ""
        ran = subprocess.run(["bash", "-c", text], cwd=place, env=environment, capture_output=True, text=True, timeout=120, check=False)
    said = f"{page}: {command}\n{text}\n{ran.stdout[-2000:]}{ran.stderr[-2000:]}"
    assert "Traceback" not in said, said
    # A second of a scenario is too short for some of its bounds; that it ran and was judged is what counts.
    runs = re.search(r"squadload (run|try)|load_test\.py|squadload capacity|^locust", text)
    assert ran.returncode in ((0, 1) if runs else (0,)), said
    if re.search(r"squadload run", text):
        assert re.search(r"^(PASS|FAIL)  ", ran.stdout, re.M), said


def test_there_are_commands_to_run():
    assert len(commands()) >= 35
    assert all(commands([page]) for page in PAGES)


def test_links_lead_somewhere():
    for page in [*PAGES, "ARCHITECTURE.md", "docs/hacking.md"]:
        text = (ROOT / page).read_text()
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if target.startswith(("http://", "https://")):
                continue
            file, _, anchor = target.partition("#")
            path = (ROOT / page).parent / file if file else ROOT / page
            assert path.exists(), f"{page}: {target}"
            if anchor:
                heads = [re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in re.findall(r"^#+ (.*)$", path.read_text(), re.M)]
                assert anchor in heads, f"{page}: {target}"


def test_the_samples_are_of_this_format(squadload, tmp_path):
    shown = squadload("report", SAMPLE, "--csv", tmp_path / "again", "--junit", tmp_path / "junit.xml")
    assert shown.code == 0, shown.err
    assert (tmp_path / "junit.xml").read_text() == (SAMPLE.parent / "sample_junit.xml").read_text()
    for kind in ("stats", "stats_history", "failures", "exceptions"):
        assert (tmp_path / f"again_{kind}.csv").read_bytes() == (SAMPLE.parent / f"sample_locust_{kind}.csv").read_bytes()
    summary = json.loads((SAMPLE.parent / "sample_summary_warm_up.json").read_text())
    assert summary["total_requests"] == json.loads(SAMPLE.read_text())["scenarios"][0]["totals"]["requests"]
    assert Path(SAMPLE.parent / "sample_locust_report.html").stat().st_size < 300_000
