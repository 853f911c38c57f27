"""No adapter escapes the deadline of its method: however it hangs, its caller goes on in time.

Deadlines that race each other are tried on a clock that never waits: no machine is too slow for them.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from packhouse.clock import SystemClock
from packhouse.errors import ProviderMisconfigured, ProviderUnavailable
from packhouse.http import httpx
from packhouse.model.label import Label, Rate
from packhouse.model.money import Money
from packhouse.providers.command.adapter import CommandProvider
from packhouse.providers.conformance.subject import sample_request
from packhouse.providers.deadline import BoundedProvider, is_running, time_left_s, within
from packhouse.providers.http import NoResponse, NotSent, ProviderHttp
from packhouse.providers.link_guard import LinkRefused
from packhouse.providers.port import Absent, Bought, Purchase, Unknown
from tests.service.providers.command.test_command import assert_gone
from tests.service.providers.context import context, kept
from tests.service.providers.in_memory import InMemoryProvider
from tests.service.quick_loop import QuickLoop, seconds
from tests.service.scripted import Scripted

TIMEOUT_S = 0.3
# Against a hang of a minute or more, on a machine however slow.
PATIENCE_S = 30.0

on_a_quick_clock = pytest.mark.usefixtures("event_loop_runner")


@pytest.fixture
def event_loop_runner() -> Iterator[asyncio.Runner]:
    """A loop in which waiting takes no time."""
    with asyncio.Runner(loop_factory=QuickLoop) as runner:
        yield runner


def assert_in_time() -> None:
    assert seconds() < TIMEOUT_S + 0.001


def purchase() -> Purchase:
    return Purchase(sample_request("ord_1/1/1"), "", Rate("bike", "Bike", "standard", Money(495, "USD")))


def label() -> Label:
    return kept("in_memory", Bought("ord_1/1/1", "BIKE1", "Bike", "standard", Money(495, "USD")))


METHODS: dict[str, Callable[[BoundedProvider], Awaitable[Any]]] = {
    "prepare": lambda provider: provider.prepare(purchase().request),
    "buy": lambda provider: provider.buy(purchase()),
    "lookup": lambda provider: provider.lookup(purchase()),
    "document": lambda provider: provider.document(label()),
    "void": lambda provider: provider.void(label()),
    "track": lambda provider: provider.track(label()),
    "check": lambda provider: provider.check(),
}


async def _forever(*_: Any) -> Any:
    await asyncio.sleep(60)


async def _without_mercy(*_: Any) -> Any:
    """An adapter that ignores every cancellation, for a while."""
    ends = seconds() + 2.0
    while seconds() < ends:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0.05)
    return Absent()


@on_a_quick_clock
@pytest.mark.parametrize("hang", [_forever, _without_mercy])
@pytest.mark.parametrize("method", METHODS)
async def test_every_method_ends_in_time(method: str, hang: Any) -> None:
    account = Scripted(InMemoryProvider(SystemClock()))
    account.script(**{method: hang})
    bounded = BoundedProvider(account, TIMEOUT_S)
    if method in ("buy", "lookup"):
        outcome = await METHODS[method](bounded)
        assert outcome == Unknown(f"in_memory did not end {method} within 0.3 s.")
    else:
        with pytest.raises(ProviderUnavailable, match=f"in_memory did not end {method} within 0.3 s") as late:
            await METHODS[method](bounded)
        assert late.value.account == "in_memory"
    assert_in_time()


@on_a_quick_clock
async def test_a_purchase_that_ends_while_it_is_cancelled_keeps_its_outcome() -> None:
    account = Scripted(InMemoryProvider(SystemClock()))

    async def late(asked: Any) -> Any:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        return await account.real.buy(asked)

    account.script(buy=late)
    assert isinstance(await BoundedProvider(account, TIMEOUT_S).buy(purchase()), Bought)


@on_a_quick_clock
async def test_a_purchase_that_still_runs_is_not_looked_up() -> None:
    account = Scripted(InMemoryProvider(SystemClock()))
    account.script(buy=_without_mercy)
    bounded = BoundedProvider(account, TIMEOUT_S)
    assert isinstance(await bounded.buy(purchase()), Unknown)
    assert is_running(("in_memory", purchase().request.reference))
    outcome = await bounded.lookup(purchase())
    assert isinstance(outcome, Unknown)
    assert "has not ended yet" in outcome.reason
    assert account.seen("lookup") == []
    await asyncio.sleep(2.2)
    assert await bounded.lookup(purchase()) == Absent()


async def test_an_error_names_the_account_that_was_called() -> None:
    account = Scripted(InMemoryProvider(SystemClock()))
    account.script(prepare=ProviderMisconfigured("the key is refused"))
    with pytest.raises(ProviderMisconfigured) as refused:
        await BoundedProvider(account, TIMEOUT_S).prepare(purchase().request)
    assert refused.value.account == "in_memory"


@on_a_quick_clock
async def test_a_worker_that_stops_ends_the_method_too() -> None:
    ended = asyncio.Event()

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    task = asyncio.create_task(within(30.0, slow()))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


@on_a_quick_clock
async def test_the_calls_of_one_method_share_its_time() -> None:
    left: list[float] = []

    async def two_calls() -> None:
        left.append(time_left_s(99.0))
        await asyncio.sleep(0.1)
        left.append(time_left_s(99.0))

    await within(1.0, two_calls())
    assert left == pytest.approx([0.9, 0.8])
    assert time_left_s(99.0) == 99.0


@on_a_quick_clock
async def test_a_call_without_an_answer_ends_before_its_method_does() -> None:
    """So the method hears of it, and says what it means."""
    http = ProviderHttp("slow", context(timeout_s=TIMEOUT_S), httpx.MockTransport(_forever))
    with pytest.raises(NoResponse):
        await within(TIMEOUT_S, http.send("buy", "GET", "https://api.example"))
    assert_in_time()
    await http.aclose()


async def test_a_body_that_drips_is_not_read_for_ever() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
            while not writer.is_closing():
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.05)

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    http = ProviderHttp("slow", context(timeout_s=1.0))
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(ProviderUnavailable):
            await http.send("buy", "GET", url)
    await http.aclose()
    server.close()


@on_a_quick_clock
async def test_several_calls_and_redirects_end_within_the_time_of_one_method() -> None:
    url, answered = "https://api.example", 0

    async def slowly_away(request: httpx.Request) -> httpx.Response:
        nonlocal answered
        await asyncio.sleep(0.12)
        answered += 1
        return httpx.Response(302, headers={"location": f"/{answered}"})

    http = ProviderHttp("slow", context(timeout_s=TIMEOUT_S), httpx.MockTransport(slowly_away), url=url)
    sent = 0

    async def many() -> None:
        nonlocal sent
        while True:
            sent += 1
            with contextlib.suppress(ProviderUnavailable, LinkRefused):
                await (http.download("get", url) if sent % 2 else http.send("get", "GET", url))
            await asyncio.sleep(0.001)

    with pytest.raises(TimeoutError):
        await within(TIMEOUT_S, many())
    assert_in_time()
    assert answered == 2
    await http.aclose()


@on_a_quick_clock
async def test_a_call_for_which_no_time_is_left_is_not_sent() -> None:
    http = ProviderHttp("slow", context(timeout_s=TIMEOUT_S))

    async def late() -> None:
        await asyncio.sleep(time_left_s(0.0))
        await http.send("buy", "POST", "http://127.0.0.1:9")

    with pytest.raises(NotSent, match="nothing was sent"):
        await within(TIMEOUT_S, late())
    await http.aclose()


async def test_a_program_that_ignores_the_signal_to_stop_is_ended_in_time(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    script = f"trap '' TERM; echo $$ > {mark}; while :; do sleep 60; done"
    timeout_s = 2.0
    account = CommandProvider.from_settings({"argv": ["/bin/sh", "-c", script]}, context(timeout_s=timeout_s))
    began = time.monotonic()
    outcome = await BoundedProvider(account, timeout_s).buy(purchase())
    assert time.monotonic() - began < PATIENCE_S
    assert isinstance(outcome, Unknown)
    if mark.exists():  # else its time was over before its first line
        assert_gone(int(mark.read_text()))
