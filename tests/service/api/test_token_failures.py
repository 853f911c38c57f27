"""Failed tokens are slowed for the address that sends them, and for no other."""

from __future__ import annotations

import pytest

from packhouse.api.token_failures import TokenFailures
from tests.service.api.doubles import NOW, OTHER_TOKEN, TOKEN, App

PATH = "/api/v1/status"


def guess(app: App, client: str, token: str) -> int:
    app.client = client
    return app.ask("GET", PATH, token=token).status_code


def test_an_address_that_guesses_is_slowed_and_others_are_not(app: App) -> None:
    assert guess(app, "198.51.100.1", TOKEN) == 200
    answers = [guess(app, "198.51.100.1", f"guess-{n}") for n in range(20)]
    assert answers[:10] == [401] * 10
    assert set(answers[10:]) == {429}
    assert guess(app, "198.51.100.2", TOKEN) == 200
    assert guess(app, "198.51.100.2", "first mistake") == 401
    # From the same address: the token that was good before is never slowed.
    assert guess(app, "198.51.100.1", TOKEN) == 200


def test_the_answer_says_when_to_try_again_and_is_counted(app: App) -> None:
    for n in range(12):
        guess(app, "198.51.100.3", f"guess-{n}")
    response = app.ask("GET", PATH, token="guess")
    assert response.status_code == 429
    assert int(response.headers["retry-after"]) >= 1
    assert response.json()["error"]["code"] == "too_many_failures"
    assert app.number("packhouse_token_failures_total", outcome="slowed") >= 3
    assert app.number("packhouse_token_failures_total", outcome="unknown") >= 10


def test_a_good_token_that_is_new_at_a_slowed_address_waits_for_its_turn(app: App) -> None:
    for n in range(10):
        guess(app, "198.51.100.4", f"guess-{n}")
    before = app.clock.time
    assert guess(app, "198.51.100.4", OTHER_TOKEN) == 200
    waited = app.clock.time - before
    assert 0 < waited <= 2
    assert guess(app, "198.51.100.4", OTHER_TOKEN) == 200
    assert app.clock.time - before == waited


def test_a_missing_token_is_no_guess(app: App) -> None:
    assert {guess(app, "198.51.100.5", "") for _ in range(30)} == {401}


def test_the_whole_network_of_an_ipv6_client_is_one_address(app: App) -> None:
    answers = [guess(app, f"2001:db8::{n:x}", f"guess-{n}") for n in range(1, 20)]
    assert answers[-1] == 429


def test_other_routes_take_no_notice_of_a_token(app: App) -> None:
    assert {app.ask("GET", "/livez", token=f"guess-{n}").status_code for n in range(30)} == {200}
    assert guess(app, app.client, "first mistake") == 401


@pytest.mark.anyio
async def test_guesses_at_the_same_time_are_refused_before_their_tokens_are_looked_at() -> None:
    clock = _FrozenClock()
    failures = TokenFailures(clock)
    for _ in range(10):
        assert failures.failed("a") == 0
    waits = [await failures.wait_for_turn("a", b"x") for _ in range(10)]
    assert clock.slept == pytest.approx([1.0, 2.0])
    assert waits[-1] >= 3


def test_memory_for_addresses_is_bounded() -> None:
    failures = TokenFailures(_FrozenClock())
    for n in range(30_000):
        failures.failed(str(n))
        failures.succeeded(str(n), b"x")
    assert failures.remembered() <= 11_000


class _FrozenClock:
    """A clock that stands still and notes the sleeps."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> float:
        return NOW

    def monotonic(self) -> float:
        return NOW

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
