"""What the last polls read, and what they could not follow: for readiness, status, metrics and `why`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum


class PollProblem(StrEnum):
    """What kept a poll from reading the store's list as a whole. Each member's advice is in `ADVICE`."""

    PAGE_TOO_LARGE = "page_too_large"
    ROWS_UNREADABLE = "rows_unreadable"
    LIST_CUT_SHORT = "list_cut_short"
    CURSOR_REPEATS = "cursor_repeats"
    LIST_ENDLESS = "list_endless"
    BOUNDS_IGNORED = "bounds_ignored"
    STILL_MOVING = "still_moving"


_P = PollProblem

ADVICE: dict[PollProblem, str] = {
    _P.PAGE_TOO_LARGE: "Ship this order yourself, or make it smaller at the store.",
    _P.ROWS_UNREADABLE: "Look at the store's newest orders with `packhouse orders list --json`; correct the "
    "order there.",
    _P.LIST_CUT_SHORT: "Orders of that time that sent no webhook may be unknown: compare them with "
    "`packhouse orders list --created-after TIME`. Register the webhook.",
    _P.CURSOR_REPEATS: "Orders of that time that sent no webhook may be unknown. Report the store's list to "
    "its support, and register the webhook.",
    _P.LIST_ENDLESS: "Orders that sent no webhook may be unknown. Report the store's list to its support, "
    "and register the webhook.",
    _P.BOUNDS_IGNORED: "Older orders that sent no webhook may be unknown. Report the store's filters to its "
    "support, and register the webhook.",
    _P.STILL_MOVING: "Nothing is to do: the next poll reads the whole list again.",
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that a poll could not follow: what happened, in a sentence."""

    problem: PollProblem
    what: str

    @property
    def sentence(self) -> str:
        """What happened, and what to do."""
        return f"{self.what} {ADVICE[self.problem]}"


@dataclass(frozen=True, slots=True)
class PollReport:
    """The last polls. Times are seconds since 1970 UTC, 0.0 for never.

    `ended_at` is when the last poll of any kind, `full_ended_at` when the last full one ended; `rows` and
    `requests` are those of the last poll, `full_rows` and `full_requests` those of the last full one.
    """

    ended_at: float = 0.0
    full_ended_at: float = 0.0
    rows: int = 0
    requests: int = 0
    full_rows: int = 0
    full_requests: int = 0
    quick_troubles: tuple[Trouble, ...] = ()
    full_troubles: tuple[Trouble, ...] = ()

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """What the last full poll and the last poll could not follow, each once."""
        return tuple(dict.fromkeys((*self.full_troubles, *self.quick_troubles)))

    def to_json(self) -> str:
        """As the ledger keeps it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | None) -> PollReport:
        """Read what `to_json` wrote; an empty report for None."""
        if not text:
            return cls()
        fields = json.loads(text)
        for name in ("quick_troubles", "full_troubles"):
            fields[name] = tuple(_trouble(row) for row in fields.get(name, ()))
        return cls(**fields)


def _trouble(row: Mapping[str, str]) -> Trouble:
    return Trouble(PollProblem(row["problem"]), row["what"])
