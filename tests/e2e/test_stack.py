"""Runs without a host: the Squad API and simulated providers are started beside the load, and gone with it."""

import json
import re
import signal

import jsonschema
import pytest
import yaml
from conftest import ROOT, wait_until

SHIPPED = ROOT / "config/load_testing.yaml"
SCHEMA = json.loads((ROOT / "docs/metrics.schema.json").read_text())
ALL = ["groq", "cerebras", "gemini", "openrouter"]


def shipped(folder, **changes):
    document = yaml.safe_load(SHIPPED.read_text())
    if "scenarios" in changes:
        del document["suite"]  # it names the shipped ones
    for key, value in changes.items():
        document[key] = value
    file = folder / "load.yaml"
    file.write_text(yaml.safe_dump(document))
    return file


def rows(out):
    """{provider: calls} of the summary's table."""
    table = out[out.index("\n provider "):].splitlines()[2:]
    return {m[1]: int(m[2].replace(",", "")) for line in table if (m := re.match(r" (\w+) +([\d,]+) ", line))}


def test_the_shipped_warm_up_passes_and_shows_who_was_called(squadload):
    run = squadload("run", "warm_up", "--config", SHIPPED, "--duration", "4s", "--rate", "20")
    assert run.code == 0, run.out + run.err
    assert "embedded stack" in run.err
    jsonschema.Draft202012Validator(SCHEMA).validate(run.metrics)
    chats = run.scenario["tasks"]["chat"]
    assert rows(run.out) == {"groq": chats["requests"], "cerebras": 0, "gemini": 0, "openrouter": 0}
    groq = run.scenario["providers"]["groq"]
    assert (groq["calls"], groq["ok"], groq["share"]) == (chats["requests"], chats["ok"], 1)
    assert groq["time_ms"]["p50"] <= chats["response_time_ms"]["p50"]


def test_what_one_provider_cannot_take_the_chain_does(squadload, tmp_path):
    """Twice groq's burst at once, and more than its rate: the rest goes down the chain, and nobody is refused."""
    file = shipped(tmp_path, scenarios={"burst": {"rate": 60, "duration": 6}})
    run = squadload("run", "burst", "--config", file)
    assert run.code == 0, run.out + run.err
    providers = run.scenario["providers"]
    chats = run.scenario["tasks"]["chat"]
    assert sum(p["ok"] for p in providers.values()) == chats["ok"] == chats["requests"]
    assert providers["groq"]["served_as_fallback"] == 0
    assert providers["cerebras"]["served_as_fallback"] == providers["cerebras"]["ok"] > 0
    assert sum(p["responses_429"] for p in providers.values()) == 0


def test_enabled_providers_restrict_chains_and_rows(squadload, tmp_path):
    file = shipped(tmp_path, provider_settings={"enabled_providers": ["gemini", "cerebras"]})
    run = squadload("run", "warm_up", "--config", file, "--duration", "2s")
    assert run.code == 0, run.out + run.err
    assert sorted(rows(run.out)) == ["cerebras", "gemini"]
    assert rows(run.out)["cerebras"] == run.scenario["tasks"]["chat"]["requests"]  # the chain's order is the gateway's


def test_an_unknown_provider_is_a_mistake_in_the_file(squadload, tmp_path):
    file = shipped(tmp_path, provider_settings={"enabled_providers": ["grok"]})
    run = squadload("run", "warm_up", "--config", file)
    assert run.code == 2
    assert "grok" in run.err
    assert "groq" in run.err  # what there is
    assert re.search(r"load\.yaml:\d+:\d+: ", run.err)
    assert run.metrics_files == []


def test_a_suite_counts_each_scenario_apart(squadload, tmp_path):
    scenarios = {name: {"rate": 20, "duration": 1} for name in ("first", "second")}
    run = squadload("run", "all", "--config", shipped(tmp_path, scenarios=scenarios))
    assert run.code == 0, run.out + run.err
    for scenario in run.metrics["scenarios"]:
        assert scenario["providers"]["groq"]["calls"] == scenario["tasks"]["chat"]["requests"]


def test_try_shows_a_chat(squadload):
    run = squadload("try", "chat", "--config", SHIPPED)
    assert run.code == 0, run.out + run.err
    assert "x-squad-provider: groq" in run.out


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_load_and_stack(start, number, code):
    run = start("run", "warm_up", "--config", SHIPPED)
    wait_until(lambda: list(run.reports.glob("load_test_series_*")))  # the load is under way
    run.signal(number)
    finished = run.finish()
    assert finished.code == code
    assert finished.scenario["verdict"] == "INTERRUPTED"
    assert finished.scenario["providers"].keys() == set(ALL)


def test_a_host_of_ones_own_starts_nothing(squadload, nginx):
    run = squadload("run", "warm_up", "--config", SHIPPED, "--host", nginx.url, "--duration", "1s")
    assert run.code == 0, run.out + run.err
    assert run.scenario["providers"] == {}
    assert "provider " not in run.out
