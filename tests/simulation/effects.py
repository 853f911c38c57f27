"""Everything through which a process touches the outside, each bound to its life: time, and calls.

A purchase leaves a keyless carrier's process at the instant at which it was last decided on: between that
decision and the first byte no carrier without keys can tell a stopped process from a quick one.
"""

from __future__ import annotations

import asyncio
import random
from typing import Any

from packhouse.http import httpx
from packhouse.sandbox.transport import SandboxTransport
from tests.simulation.loop import Life
from tests.simulation.trace import Trace
from tests.simulation.witness import Witness
from tests.simulation.world import ONE_CALL, START, reference_in


class SimClock:
    """A process's clock: its wall clock may be wrong and may jump, its monotonic one starts anywhere."""

    def __init__(self, life: Life, skew: list[float], offset: float) -> None:
        self._life = life
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
        self._life.check()
        await asyncio.sleep(seconds)
        self._life.check()


class LifeTransport(httpx.AsyncBaseTransport):
    """The way of one process's calls into the world. What has been sent goes on without the process."""

    def __init__(
        self,
        world: SandboxTransport,
        life: Life,
        trace: Trace,
        witness: Witness,
        chance: random.Random,
        dally: bool,
    ) -> None:
        self._world = world
        self._life = life
        self._trace = trace
        self._witness = witness
        self._chance = chance
        self._dally = dally

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See SandboxTransport."""
        self._life.check()
        if self._dally:
            await asyncio.sleep(self._chance.random() * 0.05)
            self._life.check()
        body = await request.aread()
        path = request.url.raw_path.decode("ascii")
        what = f"{path} for {reference_in(body)}" if path == ONE_CALL else path
        self._trace.add(self._life.name, "asks", request.method, what)
        self._life.check()
        sent = self._witness.sent(self._life, request, body)
        travel = asyncio.get_running_loop().create_task(self._travel(request), context=self._witness.outside)
        try:
            response = await travel
        except httpx.HTTPError as error:
            self._life.check()
            self._trace.add(self._life.name, "hears nothing of", path, type(error).__name__)
            self._life.check()
            raise
        self._life.check()
        self._trace.add(self._life.name, "hears", str(response.status_code), path)
        self._life.check()
        self._witness.heard(self._life, sent, response)
        return response

    async def _travel(self, request: httpx.Request) -> httpx.Response:
        return await self._world.handle_async_request(request)

    async def aclose(self) -> None:
        """Nothing is open."""


def deaf(*_: Any, **__: Any) -> None:
    """What metrics are told in a simulation: nothing."""
