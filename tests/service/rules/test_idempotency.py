"""Idempotency keys of posts: valid in a header, and unique for each shipment and wording."""

from __future__ import annotations

from packhouse.model.order import Units
from packhouse.model.shipment import Shipment
from packhouse.model.states import ShipmentState
from packhouse.rules import idempotency


def test_keys_fit_a_header_and_are_unique() -> None:
    def shipment(order_id: str, seq: int = 1, generation: int = 1) -> Shipment:
        return Shipment("s", order_id, seq, ShipmentState.LABELED, (Units("l", 1),), generation)

    keys = [
        idempotency.first(shipment(order_id, *numbers))
        for order_id in ("ord_1", "ord_é", "o" * 300, "p" * 300)
        for numbers in ((1, 1), (1, 2), (2, 1))
    ]
    keys += [idempotency.after(keys[0]), idempotency.after(idempotency.after(keys[0]))]
    assert len(set(keys)) == len(keys)
    assert all(key.isascii() and key.isprintable() and len(key) < 255 for key in keys)


def test_the_same_shipment_and_generation_always_get_the_same_key() -> None:
    shipment = Shipment("s", "ord_1", 2, ShipmentState.LABELED, (Units("l", 1),), generation=3)
    assert idempotency.first(shipment) == idempotency.first(shipment) == "packhouse-ord_1-2-3"


def test_an_order_id_that_no_header_can_carry_gives_a_key_of_its_hash() -> None:
    def key(order_id: str) -> str:
        return idempotency.first(Shipment("s", order_id, 1, ShipmentState.LABELED, ()))

    room = 200 - len(key(""))
    assert key("o" * room) == f"packhouse-{'o' * room}-1-1"
    for order_id in ("o" * (room + 1), "ord\x07", "ord_é", "ord\n1"):
        assert len(key(order_id)) == len("packhouse-") + 64
        assert key(order_id).isprintable()


def test_each_rebuilt_post_gets_the_next_key() -> None:
    second = idempotency.after("packhouse-ord_1-1-1")
    assert (second, idempotency.after(second)) == ("packhouse-ord_1-1-1~2", "packhouse-ord_1-1-1~3")
