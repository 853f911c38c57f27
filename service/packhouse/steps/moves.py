"""A move of a shipment between two states: one description, written to the ledger and applied in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from packhouse.ledger import shipment_rows, shipments
from packhouse.ledger.tx import Tx
from packhouse.model.flat import flat
from packhouse.model.journal import Entry
from packhouse.model.label import Rate
from packhouse.model.money import Money
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState


@dataclass(frozen=True, slots=True)
class Move:
    """A shipment's new state, its label's new state if that changes too, and other changed fields.

    `changes` are fields of `Shipment` with their new values. The other fields are those of a label in its
    void; they are written with `label_state` only.
    """

    shipment: Shipment
    to: ShipmentState
    label_state: LabelState | None = None
    void_refusals: int = 0
    void_due_at: float | None = None
    void_again: bool = False
    changes: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def write(self, tx: Tx, entries: Sequence[Entry] = ()) -> None:
        """Write the move and its journal entries. Raises LeaseLost."""
        if self.label_state is None:
            columns = columns_of(self.changes)
            shipments.move(tx, self.shipment, self.to, entries, **columns)
        else:
            shipments.move_with_label(
                tx,
                self.shipment,
                self.to,
                self.label_state,
                entries,
                self.void_refusals,
                self.void_due_at,
                self.void_again,
            )

    def fields(self, now: float) -> dict[str, Any]:
        """The fields of the shipment that change, as `Shipment` has them, for a move written at `now`."""
        fields: dict[str, Any] = {"state": self.to, **self.changes}
        label = self.shipment.label
        if self.label_state is not None and label is not None:
            fields["label"] = replace(
                label,
                state=self.label_state,
                void_requested_at=label.void_requested_at or now,
                void_refusals=self.void_refusals,
                void_due_at=self.void_due_at,
                void_again=self.void_again,
            )
        return fields


def columns_of(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a shipment as its row has them."""
    return {name: _column(value) for name, value in changes.items()}


def _column(value: Any) -> Any:
    """A field's value as its column has it."""
    if isinstance(value, Rate):
        return shipment_rows.rate_to_json(value)
    return flat(value) if isinstance(value, Money) else value
