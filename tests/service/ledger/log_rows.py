"""Rows as a guard log has them, and its lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from packhouse.ledger.facts import Fact, Kind, Mark
from packhouse.ledger.guard_log import Line
from packhouse.ledger.shipment_rows import label_row
from tests.service.ledger.rows import NOW, label_of

Row = Mapping[str, Any]


def shipment(shipment_id: str, state: str, updated_at: float = NOW, **columns: Any) -> Row:
    """A shipment, whose id is ORDER-NUMBER unless `order_id` is given."""
    order_id, _, seq = shipment_id.rpartition("-")
    row = {"id": shipment_id, "order_id": order_id, "seq": int(seq), "generation": 1, "state": state}
    row |= {"units": [["line", 1]], "fingerprint": "f", "provider": "", "provider_ref": ""}
    return row | {"updated_at": updated_at, **columns}


def label(shipment_id: str, state: str = "bought", **columns: Any) -> Row:
    """A label of this shipment."""
    return label_row(label_of(shipment_id)) | {"state": state, **columns}


def hold(order_id: str, **columns: Any) -> Row:
    """A person's hold that is active."""
    row = {"order_id": order_id, "shipment_id": "", "code": "manual", "note": "wait", "fingerprint": ""}
    return row | {"placed_by": "ada", "placed_at": NOW - 30, **columns}


def pause(why: str, at: float = NOW) -> Row:
    """A pause, or the end of one with ""."""
    return {"why": why, "at": at}


def line(entry: int | None, *facts: Fact, begins: bool = False, restored: bool = False) -> Line:
    """A line whose entry of the journal has this id, and the id as its time."""
    mark = None if entry is None else Mark(entry, float(entry))
    return Line(mark, facts, begins, restored)


def placed(order_id: str) -> Fact:
    """A line's row: a hold on this order."""
    return Fact(Kind.HOLD, hold(order_id))


def of_kind(rows: Sequence[Fact], kind: Kind) -> list[Row]:
    """The rows of one kind."""
    return [row for one, row in rows if one is kind]
