"""Each contestant ships every order once, as the sandbox's audit sees it; no test depends on a speed."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests import postgres
from tests.bench import contestants, redis
from tests.bench.contestants import Run
from tests.bench.exchanges import Exchanges
from tests.bench.gauges import supported, tree_cpu_s
from tests.bench.standing import lines, ratio
from tests.e2e.processes import call_json, running_services

ORDERS = 12
on_linux = pytest.mark.skipif(not supported(), reason="processes are read from /proc, which only Linux has")


@pytest.mark.e2e
@on_linux
@pytest.mark.parametrize(
    ("name", "job"),
    [
        *((name, job) for name in ("pgqueuer", "procrastinate", "celery") for job in ("order", "exchange")),
        ("dbos", "order"),
    ],
)
def test_an_engine_ships_every_order_once(name: str, job: str) -> None:
    if not contestants.ENGINES_PYTHON.exists():
        pytest.skip("the engines are not installed: make peers sets up .venv-bench")
    if name == "celery" and not redis.is_installed():
        pytest.skip("Redis is not installed")
    if name != "celery" and not postgres.is_installed():
        pytest.skip("PostgreSQL is not installed")
    if name == "celery":
        with tempfile.TemporaryDirectory() as folder, redis.running(Path(folder)) as broker:
            run = contestants.engine(name, job, ORDERS, broker.url, broker.pid)
    else:
        with postgres.running() as server:
            address = f"postgresql://{postgres.OWNER}@127.0.0.1:{server.port}/{server.new_database()}"
            run = contestants.engine(name, job, ORDERS, address, server.pid)
    _check(run, ORDERS)


@pytest.mark.e2e
@on_linux
def test_the_documented_loop_ships_every_order_once() -> None:
    if not contestants.can_loop():
        pytest.skip("bash, curl or jq is not installed")
    _check(contestants.documented_loop(2), 2)


@pytest.mark.e2e
@on_linux
def test_a_run_that_ships_an_order_twice_or_not_at_all_is_refused(tmp_path: Path) -> None:
    async def ship(url: str, ids: list[str]) -> None:
        exchanges = Exchanges(url)
        for one in ids:
            state = {"id": one}
            while state := await exchanges.advance(state):
                pass
        await exchanges.aclose()

    async def buy_again(url: str, order_id: str) -> None:
        exchanges = Exchanges(url)
        await exchanges.buy(await exchanges.create_shipment(await exchanges.read_order(order_id)))
        await exchanges.aclose()

    with running_services(tmp_path, "--poll-only-share", "1") as services:
        asked = {"count": 2, "kinds": ["plain"]}
        ids = call_json(f"{services.sandbox_url}/sandbox/orders", asked)["orders"]
        asyncio.run(ship(services.sandbox_url, ids[:1]))
        with pytest.raises(AssertionError, match="'fulfilled': 1"):
            contestants.checked(services, 2)
        asyncio.run(ship(services.sandbox_url, ids[1:]))
        assert contestants.checked(services, 2) > 0
        asyncio.run(buy_again(services.sandbox_url, ids[0]))
        with pytest.raises(AssertionError, match="2 live labels"):
            contestants.checked(services, 2)


@pytest.mark.e2e
@on_linux
def test_the_comparison_is_kept_as_json_with_every_round(tmp_path: Path) -> None:
    kept = tmp_path / "peers.json"
    asked = ["peers", "--orders", "5", "--rounds", "2", "--only", "exchanges alone", "--json", str(kept)]
    ended = subprocess.run(
        [sys.executable, "-m", "tests.bench", *asked],
        cwd=contestants.ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    measured = json.loads(kept.read_text())["benches"]["peers"]
    (alone,) = measured["contestants"]
    assert (measured["count"], measured["rounds"], alone["orders"]) == (5, 2, 5)
    assert len(alone["orders_per_s"]) == 2
    assert min(alone["orders_per_s"]) > 0


@on_linux
def test_the_processor_time_of_a_process_includes_its_ended_children() -> None:
    busy = "import time; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    program = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}]); print(1, flush=True)"
    )
    program += "; input()"
    parent = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert parent.stdout and parent.stdin
    parent.stdout.readline()
    assert tree_cpu_s(parent.pid) >= 0.3
    parent.communicate(b"\n")


def test_a_row_has_the_medians_of_the_ratios_in_the_same_round() -> None:
    def contestant(name: str, *speeds: float) -> dict[str, object]:
        return {"name": name, "orders_per_s": speeds, "cpu_ms": [2.0] * 3, "database_ms": [0.0] * 3}

    ours = contestant("Packhouse, SQLite", 10.0, 20.0, 90.0)
    other = contestant("other", 10.0, 40.0, 30.0)
    assert ratio(ours, other) == 1.0
    head, mine, theirs = lines({"contestants": [ours, other]})
    assert head[2] == "Packhouse, SQLite ÷ it"
    assert mine == ("Packhouse, SQLite", "20.0", "", "2.00", "")
    assert theirs == ("other", "30.0", "1.00", "2.00", "")


def _check(run: Run, count: int) -> None:
    assert run.orders == count
    assert run.elapsed_s > 0
    assert run.cpu_s > 0
