"""A process's access to the outside: its clock and its HTTP calls, which end with the process.

A process without provider keys sends a purchase at the instant of its last check: after that check, a
provider without keys cannot tell a stopped process from a fast one.
"""

from __future__ import annotations

import asyncio
import random
from typing import Any

from packhouse.http import httpx
from packhouse.sandbox.transport import SandboxTransport
from tests.simulation.event_loop import Process
from tests.simulation.sandbox import ONE_CALL, START, reference_in
from tests.simulation.spend_check import SpendCheck
from tests.simulation.trace import Trace


class SimClock:
    """A process's clock: the wall clock may be wrong or jump, the monotonic clock starts at any value."""

    def __init__(self, process: Process, skew: list[float], offset: float) -> None:
        self._process = process
        self._skew = skew
        self._offset = offset
        self._time = asyncio.get_running_loop().time

    def now(self) -> float:
        """See Clock."""
        return START + self._time() + self._skew[0]

    def monotonic(self) -> float:
        """See Clock."""
        return self._offset + self._time()

    async def sleep(self, seconds: float) -> None:
        """See Clock."""
        self._process.check()
        await asyncio.sleep(seconds)
        self._process.check()


class ProcessTransport(httpx.AsyncBaseTransport):
    """Sends the calls of one process to the sandbox. A call that was sent continues without the process."""

    def __init__(
        self,
        sandbox: SandboxTransport,
        process: Process,
        trace: Trace,
        spend_check: SpendCheck,
        chance: random.Random,
        delay: bool,
    ) -> None:
        self._sandbox = sandbox
        self._process = process
        self._trace = trace
        self._spend_check = spend_check
        self._chance = chance
        self._delay = delay

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See SandboxTransport."""
        self._process.check()
        if self._delay:
            await asyncio.sleep(self._chance.random() * 0.05)
            self._process.check()
        body = await request.aread()
        path = request.url.raw_path.decode("ascii")
        what = f"{path} for {reference_in(body)}" if path == ONE_CALL else path
        self._trace.add(self._process.name, "sends", request.method, what)
        self._process.check()
        sent = self._spend_check.sent(self._process, request, body)
        travel = asyncio.get_running_loop().create_task(
            self._send(request), context=self._spend_check.outside
        )
        try:
            response = await travel
        except httpx.HTTPError as error:
            self._process.check()
            self._trace.add(self._process.name, "gets no response to", path, type(error).__name__)
            self._process.check()
            raise
        self._process.check()
        self._trace.add(self._process.name, "receives", str(response.status_code), path)
        self._process.check()
        self._spend_check.received(self._process, sent, response)
        return response

    async def _send(self, request: httpx.Request) -> httpx.Response:
        return await self._sandbox.handle_async_request(request)

    async def aclose(self) -> None:
        """Nothing is open."""


def ignore(*_: Any, **__: Any) -> None:
    """Metrics are not recorded in a simulation."""
