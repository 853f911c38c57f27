"""The sandbox's world with uneven latencies, and a second counter at the carrier that helps nobody.

`POST /easypost/v2/one-call` registers and sells in one call: there is no id to ask by beforehand, and each
call sells a new label, whatever its reference. Keyless carriers are simulated on it.
"""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import replace
from typing import Any

from packhouse.clock import Clock
from packhouse.sandbox.http import ConnectionReset, NoResponse, Request, Response
from packhouse.sandbox.sandbox import Sandbox, SandboxOptions
from packhouse.sandbox.store.webhooks import Sender
from tests.simulation.loop import VirtualLoop

START = 1_800_000_000.0
ONE_CALL = "/easypost/v2/one-call"
_SHIPMENTS = "/easypost/v2/shipments"


class TrueClock:
    """The time that all upstreams live by."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def now(self) -> float:
        return START + self._loop.time()

    def monotonic(self) -> float:
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class SimWorld(Sandbox):
    """`way_s` bounds how long a request or its answer is under way."""

    def __init__(
        self,
        clock: Clock,
        chance: random.Random,
        post: Sender,
        *,
        options: SandboxOptions,
        way_s: float,
        **parts: Any,
    ) -> None:
        self._way = random.Random(chance.getrandbits(64))
        self._way_s = way_s
        super().__init__(clock, random.Random(chance.getrandbits(64)), post, options=options, **parts)

    async def handle(self, request: Request) -> Response:
        """See Sandbox.handle."""
        await asyncio.sleep(self._way.random() * self._way_s)
        answer = await super().handle(request)
        await asyncio.sleep(self._way.random() * self._way_s)
        return answer

    def _call_easypost(self, request: Request) -> Response:
        if request.path != ONE_CALL:
            return self._sell(request)
        asked = json.loads(request.body)
        body = json.dumps({"shipment": asked["shipment"]}).encode()
        made = self.easypost_api.handle(replace(request, path=_SHIPMENTS, body=body))
        if made.status != 201:
            return made
        shipment = json.loads(made.body)
        wanted = [r for r in shipment["rates"] if [r["carrier"], r["service"]] == asked["service"]]
        body = json.dumps({"rate": {"id": wanted[0]["id"] if wanted else ""}}).encode()
        return self._sell(replace(request, path=f"{_SHIPMENTS}/{shipment['id']}/buy", body=body))

    def _sell(self, request: Request) -> Response:
        try:
            return super()._call_easypost(request)
        except NoResponse:
            # It happens later: mostly the connection is lost before the caller's patience.
            if self._way.random() < 0.7:
                raise ConnectionReset from None
            raise


def reference_in(body: bytes) -> str:
    """What a one-call purchase is named."""
    return str(json.loads(body)["shipment"]["reference"])
