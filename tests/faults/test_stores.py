"""Redis and PostgreSQL are killed and restarted under load: no request is lost, and every audit row is accounted for."""

import time

import pytest
from stack_processes import THOROUGH, Gateway, Load, Postgres, Providers, Redis, wait_until, stack  # noqa: F401

RATE = 40
SECONDS = 40 if THOROUGH else 8


@pytest.fixture
def parts(stack):
    """(gateway, redis, postgres)"""
    redis, postgres = stack(Redis, "redis"), stack(Postgres, "postgres")
    providers = stack(Providers, "providers")
    gateway = stack(Gateway, "gateway", providers, ["--redis-url", redis.url, "--postgres-url", postgres.url])
    wait_until(lambda: gateway.health()["status"] == "healthy", what="the gateway finding its stores")
    return gateway, redis, postgres


def accounted(gateway, postgres, requests):
    """Rows stored + dropped = requests; stops the gateway. Gives the rows."""
    dropped = gateway.metrics()['squad_audit_rows_total{state="dropped"}']
    assert gateway.stop() == 0
    rows, ids = map(int, postgres.ask("select count(*), count(distinct request_id) from squad_audit").split("|"))
    print(f"requests {requests}, rows {rows}, dropped {dropped:.0f}")
    assert rows + dropped == requests
    assert rows == ids  # nothing twice
    return rows


def test_both_killed_and_restarted(parts, stack):
    gateway, redis, postgres = parts
    load = stack(Load, "load", gateway.url, RATE, SECONDS)
    time.sleep(SECONDS / 4)
    postgres.kill()
    redis.kill()
    time.sleep(SECONDS / 4)
    health = gateway.health()
    assert health["status"] == "degraded"
    assert (health["redis"]["status"], health["postgres"]["status"]) == ("down", "down")
    redis.start()
    postgres.start()
    totals = load.finish()
    assert totals["ok"] == totals["requests"]
    wait_until(lambda: gateway.health()["status"] == "healthy", what="the gateway finding its stores again")
    assert accounted(gateway, postgres, totals["requests"]) == totals["requests"]


def test_postgres_away_to_the_end(parts, stack):
    gateway, _, postgres = parts
    load = stack(Load, "load", gateway.url, RATE, 2)
    time.sleep(1)
    postgres.kill()
    totals = load.finish()
    assert totals["ok"] == totals["requests"]
    assert gateway.stop(30) == 0
    said = gateway.log.read_text()
    postgres.start()
    rows = int(postgres.ask("select count(*) from squad_audit"))
    assert f"{totals['requests'] - rows} of {totals['requests']} audit rows were dropped" in said
