"""The circuit breaker: a provider that refuses repeatedly is not asked for a while."""

from __future__ import annotations

import pytest

from packhouse.providers.port import NotBought, Whose
from packhouse.steps.circuit_breaker import CircuitBreaker
from tests.service.harness import Harness

pytestmark = pytest.mark.usefixtures("engine")


async def test_repeated_refusals_open_the_circuit_breaker_and_one_order_tries_again(harness: Harness) -> None:
    harness.provider.script(buy=NotBought("the account is empty", Whose.ACCOUNT))
    harness.context.breaker.threshold = 3
    orders = [harness.sandbox.place_order("plain") for _ in range(8)]
    for order in orders:
        await harness.deliver_event(order)
    await harness.process_due()
    assert len(harness.provider.seen("buy")) == 3
    await harness.advance(250, step=10)
    assert len(harness.provider.seen("buy")) == 3
    harness.provider.script(buy=None)
    await harness.advance(1800, step=30)
    assert {await harness.phase(order) for order in orders} == {"shipped"}


def test_the_circuit_breaker_lets_one_try_after_the_cooldown_and_closes_at_a_sale() -> None:
    breaker = CircuitBreaker(threshold=2, cooldown_s=10.0)
    assert not breaker.refused("c", 0.0)
    assert breaker.wait_s("c", 0.0) == 0.0
    assert breaker.refused("c", 1.0)
    assert breaker.wait_s("c", 5.0) == 6.0
    assert breaker.wait_s("c", 11.0) == 0.0  # this order tries
    assert breaker.wait_s("c", 11.0) == 10.0  # the others wait for its result
    breaker.sold("c")
    assert breaker.wait_s("c", 11.0) == 0.0


def test_an_order_that_buys_elsewhere_leaves_the_try_to_the_next_order() -> None:
    breaker = CircuitBreaker(threshold=1, cooldown_s=10.0)
    breaker.refused("c", 0.0)
    assert breaker.wait_s("c", 10.0) == 0.0
    breaker.not_tried("c", 10.0)
    assert breaker.wait_s("c", 10.0) == 0.0
    assert breaker.wait_s("c", 11.0) == 9.0
    breaker.not_tried("unknown", 11.0)
    assert breaker.wait_s("unknown", 11.0) == 0.0
