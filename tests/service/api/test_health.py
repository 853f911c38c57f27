"""Health and numbers: the status code carries the truth, the body the reasons."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from fastapi import FastAPI

from packhouse.api.health import router
from packhouse.api.shared_call import SharedCall
from packhouse.errors import LedgerUnavailable
from packhouse.http import httpx
from packhouse.model.health import Check, Level
from tests.service.api.doubles import NOW, App


@pytest.mark.parametrize("path", ["/readyz", "/healthz"])
def test_a_house_in_order_is_ready(path: str) -> None:
    app = App()
    app.health.answer = [Check("ledger", Level.PASS), Check("disk", Level.PASS)]
    response = app.ask("GET", path, token="")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/health+json"
    assert response.json() == {
        "status": "pass",
        "checks": {"ledger": [{"status": "pass", "output": ""}], "disk": [{"status": "pass", "output": ""}]},
    }


def test_trouble_upstream_is_a_warning_and_leaves_the_house_ready() -> None:
    app = App()
    app.health.answer = [Check("ledger", Level.PASS), Check("store", Level.WARN, "answers 503 since 12:00")]
    response = app.ask("GET", "/readyz", token="")
    assert (response.status_code, response.json()["status"]) == (200, "warn")
    assert response.json()["checks"]["store"] == [{"status": "warn", "output": "answers 503 since 12:00"}]


def test_one_failure_takes_the_work_away_with_its_reason() -> None:
    app = App()
    app.health.answer = [Check("disk", Level.FAIL, "12 MB free"), Check("store", Level.WARN, "slow")]
    response = app.ask("GET", "/readyz", token="")
    assert (response.status_code, response.json()["status"]) == (503, "fail")
    assert response.json()["checks"]["disk"][0]["output"] == "12 MB free"


def test_a_ledger_that_cannot_be_asked_is_a_failure_not_an_error() -> None:
    app = App()
    app.health.failure = LedgerUnavailable("cannot open the database")
    response = app.ask("GET", "/readyz", token="")
    assert response.status_code == 503
    assert response.json()["checks"]["ledger"][0]["output"] == "cannot open the database"


def test_checks_that_do_not_end_are_a_failure() -> None:
    class Stuck:
        async def checks(self) -> Sequence[Check]:
            await asyncio.Event().wait()
            return []

    async def run() -> httpx.Response:
        app = FastAPI()
        app.include_router(router(Stuck(), timeout_s=0.02))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://x") as client:
            return await client.get("/readyz")

    response = asyncio.run(run())
    assert (response.status_code, list(response.json()["checks"])) == (503, ["checks"])


def test_the_loop_is_alive_even_when_the_house_is_not_ready() -> None:
    app = App()
    app.health.failure = LedgerUnavailable("disconnected")
    assert app.ask("GET", "/livez", token="").json() == {"status": "pass", "checks": {}}


def test_the_scrape_shows_what_the_ledger_says_now(app: App) -> None:
    app.clock.time = NOW + 61.5
    text = app.ask("GET", "/metrics", token="").text
    assert 'packhouse_orders{phase="open"} 1.0' in text
    assert "packhouse_queue_age_seconds 1.5" in text
    assert 'packhouse_build_info{version="1.2.3"} 1.0' in text
    assert "packhouse_ledger_up 1.0" in text


def test_the_scrape_is_answered_when_the_ledger_is_not(app: App) -> None:
    app.ledger.failure = LedgerUnavailable("disconnected")
    response = app.ask("GET", "/metrics", token="")
    assert response.status_code == 200
    assert "packhouse_ledger_up 0.0" in response.text


def test_the_page_that_draws_the_api_is_off_unless_asked_for() -> None:
    assert App().ask("GET", "/docs", token="").status_code == 404


def test_many_who_ask_at_once_share_one_check_and_its_error() -> None:
    calls = 0
    gate = asyncio.Event()

    async def check() -> int:
        nonlocal calls
        calls += 1
        await gate.wait()
        if calls == 2:
            raise LedgerUnavailable("down")
        return calls

    async def run() -> None:
        shared = SharedCall(check)
        asking = [asyncio.create_task(shared()) for _ in range(50)]
        await asyncio.sleep(0)
        asking[0].cancel()
        await asyncio.sleep(0)
        gate.set()
        results = await asyncio.gather(*asking, return_exceptions=True)
        assert isinstance(results[0], asyncio.CancelledError)
        assert results[1:] == [1] * 49
        with pytest.raises(LedgerUnavailable):
            await shared()
        assert await shared() == 3

    asyncio.run(run())
