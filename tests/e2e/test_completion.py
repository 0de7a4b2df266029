"""Shell completion and help, as shells and people use them."""

import subprocess

import pytest
from conftest import PROGRAM, ROOT, clean_environment

COMMANDS = {"run", "list", "validate", "init", "try", "audit", "capacity", "report", "compare", "merge", "judge", "completion"}


def completed(*words):
    """What bash offers for the last of the words."""
    quoted = " ".join(f"'{w}'" for w in words)
    script = f"source <(squadload completion bash); COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _squadload; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    environment = clean_environment()
    environment["PATH"] = f"{PROGRAM.parent}:{environment['PATH']}"
    ran = subprocess.run(["bash", "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert ran.stderr == ""
    return set(ran.stdout.split())


def test_bash_offers_commands_options_and_scenarios():
    assert COMMANDS <= completed("squadload", "")
    assert completed("squadload", "com") == {"compare", "completion"}
    assert completed("squadload", "run", "--us") == {"--users"}
    assert completed("squadload", "run", "--users", "5", "--ho") == {"--host"}
    assert completed("squadload", "run", "s") == {"sustained", "spike"}
    assert completed("squadload", "run", "--scenario", "w") == {"warm_up"}
    assert completed("squadload", "run", "--quiet", "--out") == {"--output-dir"}
    assert completed("squadload", "compare", "--tol") == {"--tolerance"}
    assert completed("squadload", "completion", "f") == {"fish"}
    assert completed("squadload", "run", "--users", "") == set()  # a number: nothing to offer


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_command_has_its_options(squadload, shell):
    run = squadload("completion", shell)
    assert run.code == 0
    for word in [*COMMANDS, "prometheus-port", "share-tolerance", "junit"]:
        assert word in run.out


def test_an_unknown_shell_is_said(squadload):
    run = squadload("completion", "cmd.exe")
    assert run.code == 2
    assert "expected bash, zsh or fish" in run.err


@pytest.mark.parametrize("command", [[], *[[c] for c in sorted(COMMANDS)]])
def test_help_fits_a_screen(squadload, command):
    run = squadload(*command, "--help")
    assert run.code == 0
    lines = run.out.splitlines()
    assert len(lines) <= 48
    assert max(map(len, lines)) <= 104
    assert "Example" in run.out


def test_every_option_is_somewhere(squadload):
    short, everything = squadload("run", "--help").out, squadload("run", "--help-all").out
    assert "--help-all" in short
    assert "--prometheus-port" not in short
    assert "--prometheus-port" in everything
