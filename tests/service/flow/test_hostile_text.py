"""Text that no database keeps, from store, provider and program: the order ships, or is held and shown."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from packhouse.http import httpx
from packhouse.ledger import holds, queries
from packhouse.model.hold import HoldCode
from packhouse.model.label import LabelFormat
from packhouse.providers.command.adapter import CommandProvider
from packhouse.providers.easypost.adapter import EasyPostProvider
from packhouse.providers.easypost.options import EasyPostOptions
from packhouse.providers.port import Provider, ProviderContext
from packhouse.sandbox.sandbox import EASYPOST_KEY, STORE_KEY
from packhouse.sandbox.store.state import StoreOrder
from packhouse.sandbox.transport import SandboxTransport
from packhouse.store.async_client import AsyncStoreClient
from tests.service.harness import SENDER, Harness, NewHarness

pytestmark = pytest.mark.usefixtures("engine")

# Half an emoji, NUL, an escape sequence, DEL and a C1 control, as JSON writes them.
UNFIT = ["\\ud83d", "\\uDE80", "\\u0000", "\\u001b[2K", "\\b", "\\u007f", "\\u009b"]
ALL_UNFIT = "".join(UNFIT)
NUMBER = "1Z999AA10123456784"


class Changing(httpx.AsyncBaseTransport):
    """The sandbox, with each response's body changed on its way."""

    def __init__(self, harness: Harness, change: Callable[[bytes], bytes]) -> None:
        self._real = SandboxTransport(harness.sandbox)
        self._change = change

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._real.handle_async_request(request)
        body = self._change(response.content)
        return httpx.Response(response.status_code, headers=response.headers.raw[:1], content=body)


def store_that_says(harness: Harness, change: Callable[[bytes], bytes]) -> None:
    harness.store.real = AsyncStoreClient(
        "http://sandbox.invalid/api/storefront/v1",
        STORE_KEY,
        timeout_s=15,
        clock=harness.clock,
        observe=harness.metrics.call,
        transport=Changing(harness, change),
    )


def easypost_that_says(harness: Harness, change: Callable[[bytes], bytes]) -> None:
    options = EasyPostOptions(api_key=SecretStr(EASYPOST_KEY), url="http://sandbox.invalid/easypost/v2")
    context = ProviderContext(harness.clock, 30.0, SENDER, LabelFormat.ZPL, harness.metrics.call)
    harness.provider.real = EasyPostProvider(options, context, Changing(harness, change))


def everywhere(value: Any, unfit: str) -> Any:
    """The value with this in each text of a buyer's or a shop's own words."""
    if isinstance(value, dict):
        own = ("name", "email", "line1", "line2", "city", "note", "reason", "title", "message", "service")
        return {
            key: f"{inner} {unfit}"
            if key in own and isinstance(inner, str) and inner
            else everywhere(inner, unfit)
            for key, inner in value.items()
        }
    return [everywhere(inner, unfit) for inner in value] if isinstance(value, list) else value


def in_words(body: bytes) -> bytes:
    """A response with unfit text in all words, and in fields that nobody reads."""
    if not body.startswith(b"{"):
        return body  # a label's file
    value = everywhere(json.loads(body), "UNFIT")
    if isinstance(value, dict):
        value["UNFIT"] = {"note": "UNFIT", "deep": ["UNFIT"]}
    return json.dumps(value).replace("UNFIT", ALL_UNFIT).encode()


async def words_kept(harness: Harness, order: StoreOrder) -> list[str]:
    """Every sentence that the ledger keeps about an order."""
    row = await harness.order_row(order)
    entries = await harness.ledger.read(queries.entries, order_id=order.id)
    placed = await harness.ledger.read(holds.of_order, order.id)
    return [
        json.dumps(row.snapshot),
        row.reason,
        *(one.why for one in entries),
        *(one.note for one in placed),
    ]


async def test_an_order_of_a_store_with_unfit_text_everywhere_ships(harness: Harness) -> None:
    store_that_says(harness, in_words)
    order = await harness.ship("mixed")
    await harness.advance(200)
    assert await harness.active_holds(order) == []
    assert await harness.states(order) == ["fulfilled"]
    assert (await harness.order_row(order)).attempts == 0
    assert "\\ufffd" in (await words_kept(harness, order))[0]


@pytest.mark.parametrize("unfit", ["\\ud83d", "\\u0000", "\\u001b"])
async def test_an_order_whose_line_has_no_whole_id_is_never_shipped_under_another(
    harness: Harness, unfit: str
) -> None:
    store_that_says(harness, lambda body: body.replace(b'"li_1"', f'"li_1{unfit}"'.encode()))
    order = await harness.ship()
    row = await harness.order_row(order)
    assert row.attempts == 1
    assert "line id" in row.last_error
    assert harness.labels_sold(order) == 0


async def test_a_product_without_a_whole_id_is_no_other_product(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    first = order.sale.items[0]["product_id"]
    store_that_says(harness, lambda body: body.replace(f'"{first}"'.encode(), f'"{first}\\u0000"'.encode()))
    await harness.deliver_event(order)
    await harness.process_due()
    assert [hold.code for hold in await harness.active_holds(order)] == [HoldCode.DIGITAL_UNKNOWN]


@pytest.mark.parametrize("number", ["1e999", "-1e400", "1" + "0" * 400, "1.7e308", "[" * 90 + "]" * 90])
async def test_a_number_or_a_nesting_that_no_rule_reads_stops_no_order_for_ever(
    harness: Harness, number: str
) -> None:
    """What no database keeps counts as a failure and is shown; what it keeps is no matter."""
    order = harness.sandbox.place_order("plain")
    store_that_says(
        harness, lambda body: body.replace(b'"currency":"USD"', f'"currency":"USD","odd":{number}'.encode())
    )
    await harness.deliver_event(order)
    await harness.process_due()
    if await harness.states(order) != ["fulfilled"]:
        row = await harness.order_row(order)
        assert (row.attempts, "cannot be read" in row.last_error) == (1, True)


async def test_a_provider_with_unfit_text_everywhere_sells_a_label_that_ships(harness: Harness) -> None:
    easypost_that_says(harness, in_words)
    order = await harness.ship()
    assert await harness.active_holds(order) == []
    assert await harness.states(order) == ["fulfilled"]
    assert any("\ufffd" in words for words in await words_kept(harness, order))


async def test_a_providers_refusal_with_unfit_text_is_a_hold_that_shows_it(harness: Harness) -> None:
    easypost_that_says(harness, in_words)
    harness.sandbox.faults.trigger_next("easypost.refuse")
    order = await harness.ship()
    (hold,) = await harness.active_holds(order)
    assert hold.code is HoldCode.PROVIDER_REFUSED
    assert hold.note.isprintable()


async def test_a_prepared_purchase_without_a_whole_id_is_not_bought(harness: Harness) -> None:
    easypost_that_says(harness, lambda body: body.replace(b'"shp_', b'"\\u0000shp_'))
    order = await harness.ship()
    assert harness.labels_sold(order, live_only=False) == 0
    assert (await harness.order_row(order)).attempts == 1


def printing(output: bytes, code: int = 0) -> Any:
    """A provider whose program prints this to both of its outputs."""

    def make(context: ProviderContext, folder: Path) -> Provider:
        file = folder / "printed"
        file.write_bytes(output)
        line = f"/bin/cat {shlex.quote(str(file))}; /bin/cat {shlex.quote(str(file))} >&2; exit {code}"
        return CommandProvider.from_settings({"argv": ["/bin/sh", "-c", line]}, context)

    return make


async def test_a_program_that_prints_unfit_text_ships_its_label(new_harness: NewHarness) -> None:
    said = (
        f'{{"tracking": "{NUMBER}", "carrier": "UPS {ALL_UNFIT}", "service": "{ALL_UNFIT}", "x": "\\ud800"}}'
    )
    harness = new_harness(external_tracking=NUMBER, provider=printing(b"\0\x1b[31m log\n" + said.encode()))
    order = await harness.ship()
    assert await harness.states(order) == ["fulfilled"]
    (shipment,) = await harness.shipments(order)
    assert shipment.label is not None
    assert "\ufffd" in shipment.label.carrier


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (b"\0\0\x1b[31m no\xff\xed\xa0\xbd", 1),
        (b"\0\0\x1b[31m no\xff\xed\xa0\xbd", 75),
        (b'{"tracking": "1\\u00002"}', 0),
        (b"\0", 74),
    ],
)
async def test_a_program_that_fails_with_unfit_text_is_held_or_retried_in_the_open(
    new_harness: NewHarness, said: bytes, code: int
) -> None:
    harness = new_harness(provider=printing(said, code))
    order = await harness.ship()
    row, active = await harness.order_row(order), await harness.active_holds(order)
    assert active or row.attempts == 1
    assert row.lease is None
    assert all("\0" not in words for words in await words_kept(harness, order))
