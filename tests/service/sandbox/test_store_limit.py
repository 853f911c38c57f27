"""A store of the sandbox that allows so many calls a second, with Retry-After or without."""

from __future__ import annotations

import random

import pytest

from packhouse.sandbox.fault_injection import FaultInjection, Latency
from packhouse.sandbox.faults import Faults
from packhouse.sandbox.http import Request, Response, json_response
from tests.clock import ManualClock


@pytest.mark.parametrize(("retry_after_s", "headers"), [(2, ((b"retry-after", b"2"),)), (0, ())])
async def test_of_more_calls_in_a_second_than_the_limit_the_later_ones_get_429(
    retry_after_s: int, headers: tuple[tuple[bytes, bytes], ...]
) -> None:
    clock, faults = ManualClock(), Faults(random.Random(1))
    latency = Latency(limit_per_s=3, retry_after_s=retry_after_s)
    api = FaultInjection(
        "store", faults, clock, random.Random(1), latency, lambda error: json_response({}, error.status)
    )
    request = Request("GET", "/", "", {}, b"")

    async def calls(count: int) -> list[Response]:
        return [await api.call(request, lambda _: json_response({}, 200)) for _ in range(count)]

    answers = await calls(5)
    assert [one.status for one in answers] == [200, 200, 200, 429, 429]
    assert answers[-1].headers == headers
    await clock.advance(1.0)
    assert [one.status for one in await calls(4)] == [200, 200, 200, 429]
    assert faults.triggered == {"store.limit": 3}
