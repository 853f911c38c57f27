"""An order of more rows than can be counted is refused before it is; one at the limit is read."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest

from packhouse.errors import StoreUnreadable
from packhouse.store.orders import LARGEST_ORDER, order_from_json
from packhouse.store.protocol import TOO_LARGE


def lines(count: int) -> list[dict[str, Any]]:
    return [{"id": f"li_{n}", "quantity": 1} for n in range(count)]


def rows(count: int) -> list[dict[str, Any]]:
    return [{}] * count


def test_an_order_at_the_limit_is_read() -> None:
    raw = {"id": "ord_1", "line_items": lines(400), "refunds": rows(500)}
    assert len(order_from_json(raw).lines) == 400


def test_lines_at_the_limit_are_read_one_by_one() -> None:
    with pytest.raises(StoreUnreadable, match="no usable line id") as caught:
        order_from_json({"id": "ord_1", "items": rows(LARGEST_ORDER)})
    assert caught.value.code == ""


@pytest.mark.parametrize("name", ["fulfillments", "fulfilments", "refunds", "returns", "exchanges"])
def test_records_at_the_limit_are_read(name: str) -> None:
    assert order_from_json({"id": "ord_1", "items": [], name: rows(5000)}).lines == ()


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"items": lines(5001)}, "5001 lines and 0 rows"),
        ({"items": lines(1), "refunds": rows(5001)}, "1 lines and 5001 rows"),
        ({"items": [], "refunds": rows(2501), "returns": rows(2500)}, "0 lines and 5001 rows"),
        ({"items": [], "refunds": [{"items": rows(5000)}]}, "0 lines and 5001 rows"),
        ({"items": [{"fulfillments": rows(4999)}, {"note": "x"}]}, "5001 lines and 0 rows"),
        ({"line_items": lines(401), "fulfillments": rows(500)}, "401 lines and 500 rows"),
        ({"line_items": lines(400), "fulfillments": rows(501)}, "400 lines and 501 rows"),
        ({"items": lines(489), "refunds": rows(409)}, "489 lines and 409 rows"),
        ({"items": lines(1000), "refunds": rows(201)}, "1000 lines and 201 rows"),
    ],
)
def test_an_order_beyond_the_limit_is_refused_by_its_size(raw: dict[str, Any], said: str) -> None:
    with pytest.raises(StoreUnreadable, match=said) as caught:
        order_from_json({"id": "ord_1", **raw})
    assert caught.value.code == TOO_LARGE


@pytest.mark.parametrize("name", ["returns", "exchanges"])
def test_what_is_no_list_has_no_rows(name: str) -> None:
    assert order_from_json({"id": "ord_1", "items": [], name: "x" * 5001}).returned == ()
    assert order_from_json({"id": "ord_1", "items": [], name: [{"note": "x" * 5001}, "y"]}).id == "ord_1"


def test_an_order_keeps_what_it_was_read_from_as_a_plain_object() -> None:
    raw = {"id": "ord_1", "items": []}
    assert type(order_from_json(MappingProxyType(raw)).raw) is dict
    assert order_from_json(MappingProxyType(raw)).raw == raw
