"""A plan: each change to make, the exact request, and the state of the order that it depends on.

The file has one JSON object on each line: the head, the plan items, the skipped rows. docs/bulk.md describes
it. A plan that was edited is refused.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packhouse_cli.bulk.atomic_write import write_atomically
from packhouse_cli.bulk.preconditions import Preconditions
from packhouse_cli.exit_codes import UsageError

VERSION = 1


@dataclass(frozen=True, slots=True)
class PlanItem:
    """One change in a plan. `number` counts from 1; `line` is the row's line in the file, 0 without a file.

    `summary` is for people. `cost_minor` counts minor units of `currency`; it is None if no money moves or
    the store does not say how much. `body` and `key` are sent exactly as stored, on every attempt.
    """

    number: int
    line: int
    order_id: str
    summary: str
    path: str
    body: str
    key: str
    preconditions: Preconditions
    cost_minor: int | None = None
    currency: str = ""

    @property
    def where(self) -> str:
        """The order id for messages, with the line if there is one."""
        return f"{self.order_id} (line {self.line})" if self.line else self.order_id

    def to_json(self) -> dict[str, Any]:
        """The item as the plan file has it."""
        cost = {"amount_minor": self.cost_minor, "currency": self.currency}
        return {
            "item": self.number,
            "line": self.line or None,
            "order_id": self.order_id,
            "summary": self.summary,
            "cost": None if self.cost_minor is None else cost,
            "preconditions": self.preconditions.to_json(),
            "request": {
                "method": "POST",
                "path": self.path,
                "idempotency_key": self.key,
                "body": self.body,
            },
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> PlanItem:
        """Read what `to_json` wrote. Raises KeyError, TypeError, AttributeError for anything else."""
        cost, request = stored["cost"] or {}, stored["request"]
        return cls(
            number=stored["item"],
            line=stored["line"] or 0,
            order_id=stored["order_id"],
            summary=stored["summary"],
            path=request["path"],
            body=request["body"],
            key=request["idempotency_key"],
            preconditions=Preconditions.from_json(stored["preconditions"]),
            cost_minor=cost.get("amount_minor"),
            currency=cost.get("currency", ""),
        )


@dataclass(frozen=True, slots=True)
class SkippedRow:
    """A row, or an order that the filter found, for which nothing is planned, and the reason.

    `order_id` is "" if the row has no readable order id.
    """

    line: int
    order_id: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}" if self.line else self.reason

    def to_json(self) -> dict[str, Any]:
        """The row as the plan file has it."""
        return {"skipped": self.order_id, "line": self.line or None, "reason": self.reason}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> SkippedRow:
        """Read what `to_json` wrote. Raises KeyError, TypeError for anything else."""
        return cls(stored["line"] or 0, stored["skipped"], stored["reason"])


@dataclass(frozen=True, slots=True)
class Plan:
    """Changes of one kind at one store. `action` names the kind; `source` says where the rows came from.

    `irreversible_note` says what cannot be undone.
    """

    action: str
    store_url: str
    made_at: str
    source: Mapping[str, Any]
    irreversible_note: str
    items: tuple[PlanItem, ...]
    skipped: tuple[SkippedRow, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def money(self) -> dict[str, int]:
        """Minor units that the plan moves, by currency."""
        sums: dict[str, int] = {}
        for item in self.items:
            if item.cost_minor is not None:
                sums[item.currency] = sums.get(item.currency, 0) + item.cost_minor
        return sums

    @property
    def orders(self) -> int:
        """The number of orders that the plan changes."""
        return len({item.order_id for item in self.items})

    @property
    def id(self) -> str:
        """A digest of the whole plan: plans with the same id are equal."""
        return _id(self.head(), (_text(line) for line in self._lines()))

    def check_store(self, store_url: str) -> None:
        """Raise UsageError if the plan was made for another store."""
        if self.store_url != store_url:
            raise UsageError(
                f"This plan is for the store at {self.store_url}, but PACKHOUSE_STORE__URL is {store_url}."
            )

    def head(self) -> dict[str, Any]:
        """The first line of the file: everything except the items and the skipped rows."""
        return {
            "packhouse_plan": VERSION,
            "action": self.action,
            "store": self.store_url,
            "made_at": self.made_at,
            "source": dict(self.source),
            "totals": {
                "items": len(self.items),
                "orders": self.orders,
                "skipped": len(self.skipped),
                "money_minor": self.money,
            },
            "irreversible_note": self.irreversible_note,
            "warnings": list(self.warnings),
        }

    def _lines(self) -> Iterator[dict[str, Any]]:
        for item in self.items:
            yield item.to_json()
        for one in self.skipped:
            yield one.to_json()

    def to_lines(self) -> Iterator[str]:
        """The lines of the file."""
        yield _text({**self.head(), "id": self.id})
        yield from map(_text, self._lines())


def write_plan(plan: Plan, path: Path) -> None:
    """Write the plan completely or not at all. Raises UsageError if the file exists."""
    if path.exists():
        raise UsageError(f"{path} already exists. Choose another name with --plan-out.")
    write_atomically(path, (line + "\n" for line in plan.to_lines()))


def unused_plan_path(action: str) -> Path:
    """A path in the current folder for a new plan, named after the action and the time."""
    stem = f"{action.replace(' ', '-')}-{time.strftime('%Y%m%d-%H%M%S')}"
    names = itertools.chain([stem], (f"{stem}-{number}" for number in itertools.count(2)))
    paths = (Path(f"{name}.plan.jsonl") for name in names)
    return next(path for path in paths if not path.exists())


def read_plan(path: Path) -> Plan:
    """Read a plan. Raises UsageError if the file is not a plan, has another version, or was edited."""
    try:
        with path.open(encoding="utf-8", newline="\n") as file:
            head = _head(file.readline(), path)
            try:
                return _plan(head, [line.rstrip("\n") for line in file])
            except (KeyError, TypeError, AttributeError, ValueError, RecursionError):
                raise UsageError(
                    f"The plan {path} was edited after it was made, so it does not match what was checked. "
                    "Nothing was sent. Edit the rows instead and make a new plan."
                ) from None
    except OSError as error:
        raise UsageError(f"The plan {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UsageError(_NOT_A_PLAN.format(path)) from None


_NOT_A_PLAN = (
    "{} is not a plan. Make one with --from FILE, for example `packhouse orders fulfill --from FILE`."
)


def _head(line: str, path: Path) -> dict[str, Any]:
    try:
        head = json.loads(line)
    except (ValueError, RecursionError):
        head = None
    version = head.get("packhouse_plan") if isinstance(head, dict) else None
    if version is None:
        raise UsageError(_NOT_A_PLAN.format(path))
    if version != VERSION:
        raise UsageError(
            f"{path} is a plan of version {version}, and this version of Packhouse reads {VERSION}. "
            "Make a new plan."
        )
    assert isinstance(head, dict)
    return head


def _plan(head: dict[str, Any], lines: list[str]) -> Plan:
    """Parse the lines of a plan. Raises ValueError if the digest differs, and what `from_json` raises."""
    if head.pop("id") != _id(head, lines):
        raise ValueError("the digest differs")
    items, skipped = [], []
    for line in lines:
        stored = json.loads(line)
        if "item" in stored:
            items.append(PlanItem.from_json(stored))
        else:
            skipped.append(SkippedRow.from_json(stored))
    return Plan(
        action=head["action"],
        store_url=head["store"],
        made_at=head["made_at"],
        source=head["source"],
        irreversible_note=head["irreversible_note"],
        items=tuple(items),
        skipped=tuple(skipped),
        warnings=tuple(head["warnings"]),
    )


def _id(head: Mapping[str, Any], lines: Iterable[str]) -> str:
    digest = hashlib.sha256(_text(head).encode())
    for line in lines:
        digest.update(b"\n" + line.encode("utf-8", "surrogatepass"))
    return f"plan_{digest.hexdigest()[:32]}"


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
