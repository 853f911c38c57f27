"""The sandbox with random latencies, and a provider endpoint without idempotency.

`POST /easypost/v2/one-call` registers and sells in one call: there is no id to look up beforehand, and each
call sells a new label for any reference. The providers without keys use it.
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
from tests.simulation.event_loop import VirtualLoop
from tests.simulation.hostile import OddAnswers

START = 1_800_000_000.0
ONE_CALL = "/easypost/v2/one-call"
_SHIPMENTS = "/easypost/v2/shipments"


class TrueClock:
    """The clock of the store and the provider."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def now(self) -> float:
        return START + self._loop.time()

    def monotonic(self) -> float:
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class SimSandbox(Sandbox):
    """`network_s` bounds how long a request or a response takes; `odd` are answers that arrive changed."""

    def __init__(
        self,
        clock: Clock,
        chance: random.Random,
        post: Sender,
        *,
        options: SandboxOptions,
        network_s: float,
        odd: OddAnswers,
        **parts: Any,
    ) -> None:
        self._network = random.Random(chance.getrandbits(64))
        self._network_s = network_s
        self.odd = odd
        super().__init__(clock, random.Random(chance.getrandbits(64)), post, options=options, **parts)

    async def handle(self, request: Request) -> Response:
        """See Sandbox.handle."""
        await asyncio.sleep(self._network.random() * self._network_s)
        way = self.odd.way_of(request)
        answer = self.odd.instead(way) or self.odd.after(way, request, await super().handle(request))
        await asyncio.sleep(self._network.random() * self._network_s)
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
            # The purchase happens later: mostly the connection is lost before the caller's time-out.
            if self._network.random() < 0.7:
                raise ConnectionReset from None
            raise


def reference_in(body: bytes) -> str:
    """The reference of a one-call purchase."""
    return str(json.loads(body)["shipment"]["reference"])
