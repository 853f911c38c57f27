"""Orders with megabytes of words or thousands of rows: read in moderate time, shipped or held, and drawn."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from packhouse.documents import pdf, png, zpl
from packhouse.documents.barcode import bars, zpl_field
from packhouse.documents.label_data import LabelData
from packhouse.errors import StoreUnreadable
from packhouse.model.hold import HoldCode
from packhouse.model.line_units import line_units
from packhouse.model.order import Address, Order
from packhouse.providers.rest import MAX_REASON, page_text, reason_of
from packhouse.rules.address import faults, normalized
from packhouse.rules.postal_codes import normalize
from packhouse.store.orders import order_from_json
from packhouse.store.responses import TOO_LARGE
from packhouse.telemetry.redaction import HIDDEN, Redactor
from tests.service.harness import Harness

MEGABYTE = "x" * 1_000_000
ADDRESS = {
    "name": "A B",
    "line1": "1 Main St",
    "city": "SF",
    "state": "CA",
    "postcode": "94110",
    "country": "US",
}


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Fail if this takes longer on the processor; each case took many times as long before it was bounded."""
    began = time.process_time()
    yield
    assert time.process_time() - began < seconds


def raw(lines: int = 1, **fields: Any) -> dict[str, Any]:
    items = [{"id": f"li_{n}", "quantity": 3, "name": f"Mug {n}"} for n in range(lines)]
    return {"id": "ord_1", "status": "pending", "items": items, "shipping_address": ADDRESS} | fields


def refunds(count: int, **fields: Any) -> list[dict[str, Any]]:
    return [{"id": f"r{n}", "amount": 1, "return_id": f"x{n}"} | fields for n in range(count)]


ROW = {"line_item_id": "li_1", "quantity": 1}


@pytest.mark.parametrize(
    "order",
    [
        raw(100_000),
        raw(1, refunds=refunds(5001)),
        raw(2500, fulfillments=[ROW] * 100),
        raw(1, returns=[{"id": "r", "items": [ROW] * 5000}]),
        raw(1, exchanges=[{}] * 5001),
    ],
    ids=["lines", "refunds", "both", "rows in a row", "exchanges"],
)
def test_an_order_of_too_many_rows_is_refused_before_they_are_counted(order: dict[str, Any]) -> None:
    with within(3), pytest.raises(StoreUnreadable, match="more than can be counted") as caught:
        order_from_json(order)
    assert caught.value.code == TOO_LARGE


@pytest.mark.parametrize(
    "order",
    [
        raw(5000),
        raw(40, refunds=refunds(2400), returns=[ROW | {"id": f"x{n}"} for n in range(2400)]),
        raw(40, fulfillments=[ROW | {"tracking_number": f"T{n}"} for n in range(4900)]),
        raw(1, refunds=refunds(1, items=[ROW] * 4000)),
    ],
    ids=["lines", "refunds and returns", "fulfillments", "one refund"],
)
def test_the_largest_orders_are_counted_in_moderate_time(order: dict[str, Any]) -> None:
    with within(6):
        assert line_units(order_from_json(order))


async def test_an_order_of_too_many_rows_is_held_at_once_and_others_ship(harness: Harness) -> None:
    refused = StoreUnreadable("Order ord_1 has 100000 lines, more than can be counted.", code=TOO_LARGE)
    harness.store.script(order=refused)
    order = await harness.ship()
    (hold,) = await harness.active_holds(order)
    assert hold.code is HoldCode.ORDER_TOO_LARGE
    assert "100000 lines" in hold.note
    await harness.release_hold(hold)
    await harness.process_due()
    assert len(await harness.active_holds(order)) == 1
    harness.store.script(order=None)
    await harness.deliver_event(order, "order.updated")
    await harness.process_due()
    assert await harness.states(order) == ["fulfilled"]


def test_words_without_end_are_shortened_and_nothing_is_hidden() -> None:
    order = order_from_json(
        raw(1, status=MEGABYTE, note=MEGABYTE, shipping_option=MEGABYTE)
        | {"items": [{"id": "li_1", "quantity": 1, "name": MEGABYTE, "sku": MEGABYTE}]}
    )
    assert {len(order.lines[0].name), len(order.lines[0].sku), len(order.shipping_option)} == {1000}
    assert order.lines[0].name.endswith("…")


@pytest.mark.parametrize("part", ["name", "line1", "line2", "city", "company", "phone"])
def test_a_part_of_an_address_that_no_label_has_room_for_is_held_and_not_cut(part: str) -> None:
    address = order_from_json(raw(shipping_address=ADDRESS | {part: "word " * 100})).address
    assert address is not None
    assert any("characters, and a label has room for 200 at most" in fault for fault in faults(address))
    assert normalized(address).country == "US"


@pytest.mark.parametrize(
    "address",
    [
        ADDRESS | {"lines": ["x"] * 1_000_000},
        ADDRESS | {f"field{n}": "x" for n in range(50_000)},
        ADDRESS | {"odd": {f"field{n}": ["x"] * 10 for n in range(5_000)}},
        ADDRESS | {"line1": "a " * 400_000, "line2": "a " * 200_000},
    ],
    ids=["lines", "fields", "nested", "words"],
)
def test_an_address_without_end_is_read_in_moderate_time_and_held(address: dict[str, Any]) -> None:
    with within(4):
        read = order_from_json(raw(shipping_address=address)).address
        found = faults(read)
    assert found
    assert sum(map(len, found)) < 40_000


async def test_an_order_with_words_without_end_is_held_with_a_short_sentence(harness: Harness) -> None:
    def wordy(order: Order) -> Order:
        assert order.address is not None
        lines = tuple(replace(order.lines[0], id=f"li_{n}", name="n" * 1000) for n in range(100))
        return replace(order, lines=lines, address=replace(order.address, name="n" * 1000), status="s" * 1000)

    harness.store.show_orders_as(wordy)
    order = await harness.ship("unknown_digital")
    placed = await harness.active_holds(order)
    assert HoldCode.ADDRESS_INCOMPLETE in {hold.code for hold in placed}
    assert max(len(hold.note) for hold in placed) <= 2000
    before = [hold.id for hold in placed]
    await harness.deliver_event(order, "order.updated")
    await harness.process_due()
    assert [hold.id for hold in await harness.active_holds(order)] == before


@pytest.mark.parametrize(
    "words", ["W" * 8000, "i" * 1_000_000, "Ж" * 8000, "x y " * 200_000, " " * 100_000 + "a"]
)
def test_a_label_is_drawn_in_moderate_time_whatever_the_name(words: str) -> None:
    address = Address(name=words, company=words, street1=words, street2=words, city=words, country="DE")
    label = LabelData(address, address, words, "9400100208303000000015", words, 500, carrier=words)
    with within(3):
        assert len(pdf.draw_pdf(label)) < 60_000
        assert len(zpl.draw_zpl(label)) < 5_000
        assert png.draw_png(label).startswith(b"\x89PNG")


def test_a_barcode_without_end_is_refused_before_it_is_drawn() -> None:
    for draw in (bars, zpl_field):
        with within(1), pytest.raises(ValueError, match="does not fit"):
            draw("1" * 1_000_000)


@pytest.mark.parametrize(
    "word", ["a-", "://", "<script ", "<!-- ", "<", "a.", "[parameters: ", "token ", "1", "a@"]
)
def test_no_pattern_takes_the_square_of_a_words_length(word: str) -> None:
    """Words of a provider's page, of a log line and of a postal code."""
    words = word * (40_000 // len(word))
    with within(3):
        page_text(words.encode())
        assert (
            Redactor().text(f"{words} v1=0 token=x a@b.c\n").endswith(f"token={HIDDEN} {HIDDEN}\n")
            or "[" in word
        )
        normalize("GB", words)


def test_a_refusal_of_endless_words_is_read_in_moderate_time() -> None:
    details = [{"field": f"f{number}", "message": "is wrong"} for number in range(100_000)]
    with within(1):
        assert reason_of(details).endswith("(shortened)")
        assert len(reason_of({str(number): "x" for number in range(200_000)})) <= MAX_REASON
        assert reason_of([[["x" * 50] * 500] * 500] * 500) == "x" * 50
        assert len(reason_of("\u202e <" * 600_000)) <= MAX_REASON


def test_a_pages_text_has_no_tags_comments_scripts_or_styles() -> None:
    page = (
        b"<html><Style>p {}</Style ><p>5 &lt; 6 <!-- no <b> --><b>Bad</b> gateway"
        b"<script src=x>f(1<2)</script>!<br"
    )
    assert page_text(page) == "5 < 6 Bad gateway !<br"
