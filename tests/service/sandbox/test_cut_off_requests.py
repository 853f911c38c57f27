"""A request that ends before its body does nothing: its client was killed while it sent."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import pytest

from packhouse.sandbox.sandbox import STORE_KEY, Sandbox
from packhouse.sandbox.server import SandboxApp
from tests.clock import ManualClock
from tests.service.sandbox.harness import ORDERS, Receiver, in_sandbox

_GONE = {"type": "http.disconnect"}
_BEGUN = {"type": "http.request", "body": b'{"amo', "more_body": True}
_REST = {"type": "http.request", "body": b'unt": 300}', "more_body": False}


@pytest.mark.parametrize(
    ("messages", "refunded"),
    [([_GONE], 0), ([_BEGUN, _GONE], 0), ([_BEGUN, _REST], 300)],
    ids=["no body", "half a body", "the whole body"],
)
def test_a_refund_without_its_whole_body_refunds_nothing(
    messages: list[dict[str, Any]], refunded: int
) -> None:
    left = list(messages)

    async def receive() -> dict[str, Any]:
        return left.pop(0) if left else _GONE

    async def send(message: MutableMapping[str, Any]) -> None:
        pass

    async def story(sandbox: Sandbox, clock: ManualClock, _: Receiver) -> None:
        order = sandbox.place_order("plain")
        scope = {
            "type": "http",
            "method": "POST",
            "raw_path": f"{ORDERS}/{order.id}/refund".encode(),
            "query_string": b"",
            "headers": [(b"authorization", f"Bearer {STORE_KEY}".encode())],
        }
        await SandboxApp(sandbox)(scope, receive, send)
        await clock.advance(60)
        assert order.refunded_minor == refunded

    in_sandbox(story)
