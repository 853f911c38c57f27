"""What survived, what was accepted with a reason, and the share that was killed, room by room."""

from __future__ import annotations

import tomllib
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from tests.mutation.mutants import Mutant, one_writing
from tests.mutation.rooms import room_of
from tests.mutation.runner import KILLED, NOT_PLANTED, SURVIVED, TIMEOUT, UNREACHED, Results

ACCEPTED = Path(__file__).parent / "accepted"


def accepted() -> dict[str, str]:
    """The mutants that change nothing that matters: each with the reason."""
    return {
        one_writing(mutant): group["reason"]
        for path in sorted(ACCEPTED.glob("*.toml"))
        for group in tomllib.loads(path.read_text())["group"]
        for mutant in group["mutants"]
    }


def report(mutants: Sequence[Mutant], results: Results, out: TextIO, *, every: bool = True) -> float:
    """Print the table, and each survivor with its place; returns the share killed of all that were tried.

    "Of all" counts the accepted ones as not killed; the share leaves them out.
    """
    reasons = accepted()
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    left: list[tuple[Mutant, str]] = []
    for mutant in mutants:
        result = results.all.get(mutant.id)
        status = result.status if result else "not tried"
        if status in (SURVIVED, UNREACHED, NOT_PLANTED) and mutant.id in reasons:
            status = "accepted"
        elif status in (SURVIVED, UNREACHED, NOT_PLANTED) and every:
            left.append((mutant, status))
        counts[room_of(mutant.file)][status] += 1
        counts["all"][status] += 1
    for mutant, status in left:
        print(
            f"{mutant.place}: {status}: {mutant.kind}: {mutant.before}  ->  {mutant.after or '(nothing)'}",
            file=out,
        )
    columns = (KILLED, TIMEOUT, SURVIVED, UNREACHED, NOT_PLANTED, "accepted", "not tried")
    heads = "".join(f"{column:>12}" for column in columns)
    print(f"\n{'room':<8}{heads}{'of all':>9}{'share':>9}", file=out)
    share = 0.0
    for room in (*(name for name in counts if name != "all"), "all"):
        of_room = counts[room]
        caught = of_room[KILLED] + of_room[TIMEOUT]
        tried = caught + of_room[SURVIVED] + of_room[UNREACHED] + of_room[NOT_PLANTED]
        share = caught / tried if tried else 0.0
        of_all = caught / (tried + of_room["accepted"]) if tried else 0.0
        numbers = "".join(f"{of_room[column]:>12}" for column in columns)
        print(f"{room:<8}{numbers}{of_all:>9.1%}{share:>9.1%}", file=out)
    return share
