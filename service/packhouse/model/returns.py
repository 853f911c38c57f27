"""The store's returns and exchanges."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from packhouse.model.order import Units
from packhouse.model.status_words import Outcome, return_outcome


@dataclass(frozen=True, slots=True)
class Return:
    """Units that the buyer sends back. `status` is the store's word (an open set, "" if absent): requested,
    approved, received, rejected.

    `rma` is the number issued with the approval. `units` is empty when the store does not say which.
    """

    id: str
    status: str = ""
    rma: str = ""
    reason: str = ""
    units: tuple[Units, ...] = ()
    raw: dict[str, Any] = field(default_factory=dict, hash=False, compare=False, repr=False)

    @property
    def counts(self) -> bool:
        """Whether its units come back or have come back: the return was not rejected or cancelled."""
        return return_outcome(self.status) is not Outcome.FAILED


@dataclass(frozen=True, slots=True)
class Exchange(Return):
    """Some units that the buyer exchanges for units of the variant `new_variant_id`."""

    new_variant_id: str = ""
