"""An order that is read again with the very same bytes is the order of before; any other answer is parsed."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from packhouse.errors import StoreUnreadable
from packhouse.model.order import Address, Order
from packhouse.store.orders import read_order
from packhouse.store.responses import StoreResponse
from tests.service.store.samples import DOCUMENTED

_BODY = json.dumps(DOCUMENTED).encode()


def _read(body: bytes, before: Order | None = None, encoding: str = "identity") -> Order:
    return read_order(StoreResponse(200, {"content-encoding": encoding}, body), "ord_724b", before)


def test_the_same_bytes_give_the_same_order() -> None:
    before = _read(_BODY)
    assert before.body == _BODY
    assert _read(_BODY, before) is before


def test_other_bytes_are_parsed_even_if_they_say_the_same() -> None:
    before = _read(_BODY)
    again = _read(_BODY + b" ", before)
    assert again is not before
    assert again == before
    assert again.body == _BODY + b" "


def test_one_changed_word_is_seen() -> None:
    changed = _read(json.dumps({**DOCUMENTED, "status": "cancelled"}).encode(), _read(_BODY))
    assert changed.status == "cancelled"


def test_a_changed_copy_is_never_taken_for_what_the_store_says() -> None:
    copy = replace(_read(_BODY), status="pending")
    assert copy.body == b""
    assert _read(_BODY, copy) == _read(_BODY)


@pytest.mark.parametrize("before", [None, Order("ord_724b")])
def test_an_empty_answer_is_no_order(before: Order | None) -> None:
    with pytest.raises(StoreUnreadable):
        _read(b"", before)


def test_the_bytes_of_another_order_are_refused() -> None:
    other = read_order(StoreResponse(200, {}, json.dumps({**DOCUMENTED, "id": "ord_1"}).encode()), "ord_1")
    with pytest.raises(StoreUnreadable):
        _read(other.body, other)


def test_a_compressed_answer_is_refused_whatever_its_bytes_are() -> None:
    with pytest.raises(StoreUnreadable, match="compressed"):
        _read(_BODY, _read(_BODY), "gzip")


def test_the_parts_of_an_address_are_all_its_fields() -> None:
    address = Address("Ada", city="Paris", country="FR", unplaced=("planet: Earth",))
    assert address.parts() == asdict(address)
