"""The tables of docs/performance.md, from the JSON files in docs/performance/ that the benchmarks wrote.

Each benchmark in a file is a part `measured-NAME` of a page, so that the text and the numbers cannot differ.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
sys.path.append(str(DOCS.parent))

from tests.bench.figures import number  # noqa: E402
from tests.bench.standing import lines  # noqa: E402


def parts(folder: Path = DOCS / "performance") -> dict[str, Callable[[], str]]:
    """One part for each benchmark in the folder's files. Raises ValueError for one that is there twice."""
    found: dict[str, Callable[[], str]] = {}
    for file in sorted(folder.glob("*.json")):
        kept = json.loads(file.read_text())
        for name, bench in kept["benches"].items():
            part = f"measured-{name}"
            if part in found:
                raise ValueError(f"{file.name}: {name} is in another file too")
            found[part] = partial(_part, kept["machine"], bench)
    return found


def _part(machine: Mapping[str, Any], bench: Mapping[str, Any]) -> str:
    shown = compared(bench) if "contestants" in bench else against_baseline(bench)
    return f"{shown}\n\n{conditions(machine, bench)}"


def compared(bench: Mapping[str, Any]) -> str:
    """The contestants, each with the ratios of Packhouse's orders a second to its own."""
    heads, *rows = lines(dict(bench))
    return _table(heads, rows)


def against_baseline(bench: Mapping[str, Any]) -> str:
    """Packhouse's figures, with those of the baseline where there is one."""
    rows = [
        (
            one["name"],
            one["unit"],
            number(one["ours"]),
            "" if one["baseline"] is None else number(one["baseline"]),
            "" if one["ratio"] is None else f"{one['ratio']:.2f}",
        )
        for one in bench["figures"]
    ]
    return f"{_table(('', 'unit', 'Packhouse', 'baseline', 'ratio'), rows)}\n\nBaseline: {bench['baseline']}."


def conditions(machine: Mapping[str, Any], bench: Mapping[str, Any]) -> str:
    """How much was measured, and on what."""
    rounds = f"Medians of {bench['rounds']} rounds" if bench["rounds"] > 1 else "One round"
    at = f", {bench['concurrency']} at a time" if "concurrency" in bench else ""
    processor = re.sub(r"\((?:R|TM)\)", "", machine["processor"])
    return (
        f"{rounds}, {bench['count']:,} in each{at}. {machine['cores']} cores ({processor}), "
        f"{machine['system'].split('-')[0]}, Python {machine['python']}, SQLite {machine['sqlite']}; "
        f"load {machine['load_before']} before, {machine['load_after']} after."
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    table = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in table)
