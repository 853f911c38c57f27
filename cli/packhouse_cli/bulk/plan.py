"""A plan: what would happen to each order, exactly what would be sent, and what that relies on.

The file has one JSON object a line: the head, the acts, what was left out. docs/bulk.md describes it. Who
changes one by hand is told so instead of being obeyed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packhouse_cli.bulk.atomic_write import write_whole
from packhouse_cli.bulk.preconditions import Relied
from packhouse_cli.exit_codes import UsageError
from packhouse_cli.terminal.output import safe

VERSION = 1


@dataclass(frozen=True, slots=True)
class Act:
    """One call to the store. `number` counts from 1, `line` is the row's in the source, 0 if it had none.

    `what` is a sentence for people; `cost_minor` counts minor units of `currency` and is None where no money
    moves or the store does not say how much. `body` and `key` are sent as they stand, as often as it takes.
    """

    number: int
    line: int
    order_id: str
    what: str
    path: str
    body: str
    key: str
    relied: Relied
    cost_minor: int | None = None
    currency: str = ""

    @property
    def where(self) -> str:
        """The act in a message: its order, and its line if it has one."""
        return f"{self.order_id} (line {self.line})" if self.line else self.order_id

    def to_json(self) -> dict[str, Any]:
        """The act as the file has it."""
        costs = {"amount_minor": self.cost_minor, "currency": self.currency}
        return {
            "act": self.number,
            "line": self.line or None,
            "order_id": self.order_id,
            "what": self.what,
            "costs": None if self.cost_minor is None else costs,
            "relies_on": self.relied.to_json(),
            "request": {
                "method": "POST",
                "path": self.path,
                "idempotency_key": self.key,
                "body": self.body,
            },
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Act:
        """Read what `to_json` wrote. Raises KeyError, TypeError, AttributeError for anything else."""
        costs, request = told["costs"] or {}, told["request"]
        return cls(
            number=told["act"],
            line=told["line"] or 0,
            order_id=told["order_id"],
            what=told["what"],
            path=request["path"],
            body=request["body"],
            key=request["idempotency_key"],
            relied=Relied.from_json(told["relies_on"]),
            cost_minor=costs.get("amount_minor"),
            currency=costs.get("currency", ""),
        )


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row, or an order that a filter found, that needs nothing, or can have nothing, done.

    `order_id` is "" where the row names none that could be read.
    """

    line: int
    order_id: str
    why: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.why}" if self.line else self.why

    def to_json(self) -> dict[str, Any]:
        """As the file has it."""
        return {"left_out": self.order_id, "line": self.line or None, "why": self.why}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> LeftOut:
        """Read what `to_json` wrote. Raises KeyError, TypeError for anything else."""
        return cls(told["line"] or 0, told["left_out"], told["why"])


@dataclass(frozen=True, slots=True)
class Plan:
    """All acts of one kind at one store. `action` names the kind, `source` says what the plan was made from.

    `for_good` says what cannot be undone about it.
    """

    action: str
    store_url: str
    made_at: str
    source: Mapping[str, Any]
    for_good: str
    acts: tuple[Act, ...]
    left_out: tuple[LeftOut, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def money(self) -> dict[str, int]:
        """Minor units that would move, by currency."""
        sums: dict[str, int] = {}
        for act in self.acts:
            if act.cost_minor is not None:
                sums[act.currency] = sums.get(act.currency, 0) + act.cost_minor
        return sums

    @property
    def orders(self) -> int:
        """How many orders it touches."""
        return len({act.order_id for act in self.acts})

    @property
    def id(self) -> str:
        """The digest of everything in it: who has the same id has the same plan."""
        return _id(self.head(), (_text(line) for line in self._lines()))

    def head(self) -> dict[str, Any]:
        """Everything but the acts and what was left out."""
        return {
            "packhouse_plan": VERSION,
            "action": self.action,
            "store": self.store_url,
            "made_at": self.made_at,
            "source": dict(self.source),
            "totals": {
                "acts": len(self.acts),
                "orders": self.orders,
                "left_out": len(self.left_out),
                "money_minor": self.money,
            },
            "cannot_be_undone": self.for_good,
            "warnings": list(self.warnings),
        }

    def _lines(self) -> Iterator[dict[str, Any]]:
        for act in self.acts:
            yield act.to_json()
        for one in self.left_out:
            yield one.to_json()

    def to_lines(self) -> Iterator[str]:
        """The file, line by line."""
        yield _text({**self.head(), "id": self.id})
        yield from map(_text, self._lines())


def write_plan(plan: Plan, path: Path) -> None:
    """Write the plan, whole or not at all. Raises UsageError where the file exists."""
    if path.exists():
        raise UsageError(f"{safe(path)} exists already; choose another name with --plan-out.")
    write_whole(path, (line + "\n" for line in plan.to_lines()))


def read_plan(path: Path) -> Plan:
    """Read a plan. Raises UsageError for what is none, of another version, or changed since it was made."""
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            head = _head(file.readline(), path)
            try:
                return _plan(head, [line.rstrip("\n") for line in file])
            except (KeyError, TypeError, AttributeError, ValueError, RecursionError):
                raise UsageError(
                    f"{safe(path)} was changed after it was made, so it no longer says what was checked. "
                    "Nothing was done. Change the rows it was made from and make a new plan."
                ) from None
    except OSError as error:
        raise UsageError(f"The plan {safe(path)} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UsageError(_NO_PLAN.format(safe(path))) from None


_NO_PLAN = "{} is no plan; `packhouse orders fulfill --from FILE` and its like make plans."


def _head(line: str, path: Path) -> dict[str, Any]:
    try:
        head = json.loads(line)
    except (ValueError, RecursionError):
        head = None
    version = head.get("packhouse_plan") if isinstance(head, dict) else None
    if version is None:
        raise UsageError(_NO_PLAN.format(safe(path)))
    if version != VERSION:
        raise UsageError(
            f"{safe(path)} is a plan of version {safe(version)}, and this packhouse reads {VERSION}. "
            "Make it anew."
        )
    assert isinstance(head, dict)
    return head


def _plan(head: dict[str, Any], lines: list[str]) -> Plan:
    """Raises ValueError where the digest is another, and what `from_json` raises."""
    if head.pop("id") != _id(head, lines):
        raise ValueError("the digest is another")
    acts, left_out = [], []
    for line in lines:
        told = json.loads(line)
        if "act" in told:
            acts.append(Act.from_json(told))
        else:
            left_out.append(LeftOut.from_json(told))
    return Plan(
        action=head["action"],
        store_url=head["store"],
        made_at=head["made_at"],
        source=head["source"],
        for_good=head["cannot_be_undone"],
        acts=tuple(acts),
        left_out=tuple(left_out),
        warnings=tuple(head["warnings"]),
    )


def _id(head: Mapping[str, Any], lines: Iterable[str]) -> str:
    digest = hashlib.sha256(_text(head).encode())
    for line in lines:
        digest.update(b"\n" + line.encode("utf-8", "surrogatepass"))
    return f"plan_{digest.hexdigest()[:32]}"


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
