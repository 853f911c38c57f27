"""A hold: why one order or one shipment waits. What each kind means is a row in hold_kinds/."""

from __future__ import annotations

from dataclasses import dataclass

from packhouse.model.hold_kind import HoldCode as HoldCode
from packhouse.model.hold_kind import HoldKind, Stage
from packhouse.model.hold_kinds import KINDS as KINDS


@dataclass(frozen=True, slots=True)
class Hold:
    """One active or released hold. `shipment_id` is "" when the hold is on the whole order.

    `fingerprint` is that of the facts it rests on (rules/fingerprints.py), as they were when it was placed.
    Times are seconds since 1970 UTC.
    """

    id: int
    order_id: str
    shipment_id: str
    code: HoldCode
    note: str
    fingerprint: str
    placed_by: str
    placed_at: float
    released_by: str = ""
    released_at: float | None = None
    release_reason: str = ""

    @property
    def kind(self) -> HoldKind:
        """The row of its kind."""
        return KINDS[self.code]

    @property
    def is_active(self) -> bool:
        """Whether it still blocks."""
        return self.released_at is None

    @property
    def problem(self) -> str:
        """What is wrong: the detail."""
        return self.kind.describe(self.note)

    @property
    def sentence(self) -> str:
        """What is wrong: the detail. What to do."""
        return self.kind.explain(self.note)

    @property
    def advice(self) -> tuple[str, ...]:
        """Each way to make the order continue, as a sentence or as an action and its command line."""
        return self.kind.advice_for(hold=str(self.id), order=self.order_id, shipment=self.shipment_id)

    def blocks(self, stage: Stage) -> bool:
        """Whether this hold stops `stage` while it is active."""
        return self.is_active and stage in self.kind.blocks
