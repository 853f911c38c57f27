"""The result of each plan item. The file is updated before and after each request, so that a run can resume.

Each line is the state of one item, and the last line of an item counts. At the end of a run, one line for
each item is left.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from packhouse_cli.bulk.atomic_write import sync_folder, write_atomically
from packhouse_cli.bulk.plan import Plan, PlanItem
from packhouse_cli.exit_codes import CommandError, Exit, UsageError


class State(StrEnum):
    """The state of a plan item. STATE_DESCRIPTION has a sentence for each."""

    DONE = "done"
    RECORDED = "recorded"
    STALE = "stale"
    REFUSED = "refused"
    SENDING = "sending"
    FAILED = "failed"
    UNKNOWN = "unknown"
    NOT_STARTED = "not_started"


STATE_DESCRIPTION: dict[State, str] = {
    State.DONE: "The store accepted the change.",
    State.RECORDED: "The order already shows the change, from an earlier request or from another client.",
    State.STALE: "The order has changed since the plan was made. Nothing was sent. Make a new plan.",
    State.REFUSED: "The store refused the change. The reason is the store's.",
    State.SENDING: "The run ended while the request was being sent. The next run checks the order first.",
    State.FAILED: "The request could not be sent. The next run tries again.",
    State.UNKNOWN: "The request was sent and its outcome is unknown. The next run checks the order first.",
    State.NOT_STARTED: "The run ended before this item started.",
}
SUCCESSFUL = frozenset({State.DONE, State.RECORDED})
FINAL = SUCCESSFUL | {State.STALE, State.REFUSED}
_UNCERTAIN = (State.SENDING, State.UNKNOWN)


@dataclass(frozen=True, slots=True)
class ResultRow:
    """The state of a plan item, its reason, and when it was recorded (`at`).

    `sent_at` is when the request that may have taken effect was first sent. Times are in seconds since 1970;
    0 means never.
    """

    state: State = State.NOT_STARTED
    reason: str = ""
    at: float = 0.0
    sent_at: float = 0.0


class Results:
    """The results of one plan. Several threads may record results; their lines share one sync to disk."""

    def __init__(self, path: Path, plan: Plan) -> None:
        """Open or create the file. Raises UsageError if it belongs to another plan or was edited."""
        self.path = path
        self._plan_id = plan.id
        self._rows, whole = read_results(path, plan)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
        # A line that was cut off by a kill had no effect.
        os.ftruncate(self._file, whole)
        os.lseek(self._file, 0, os.SEEK_END)
        if not whole:
            sync_folder(path.parent)
        self._writing = threading.Lock()
        self._syncing = threading.Lock()
        self._written = self._synced = 0
        self._broken: OSError | None = None

    def get(self, item: PlanItem) -> ResultRow:
        """The latest result of the item."""
        return self._rows.get(item.number, ResultRow())

    def record(self, item: PlanItem, state: State, reason: str = "") -> ResultRow:
        """Record the state of an item.

        Raises OSError if the file cannot be written, then and on every later call.

        With state SENDING, the line is on disk when this returns, even if the power fails. Other lines
        survive only a kill of the process; if one is lost, the next run reads the order again.
        """
        now, before = time.time(), self.get(item)
        # The store remembers a key for a time that starts with its first request.
        first = state is State.SENDING and not (before.sent_at and before.state in _UNCERTAIN)
        sent_at = now if first else before.sent_at
        row = ResultRow(state, reason, now, sent_at)
        self._rows[item.number] = row
        line = json.dumps(self._line(item, row), ensure_ascii=False, separators=(",", ":"))
        number = self._write(line.encode() + b"\n")
        if state is State.SENDING:
            self._sync(number)
        return row

    def finish(self, plan: Plan) -> None:
        """Rewrite the file with one line for each item, in the order of the plan.

        Recording fails from then on.
        """
        with self._writing, self._syncing:
            self._broken = self._broken or OSError("the run has ended")
            os.close(self._file)
        lines = (
            json.dumps(self._line(item, self.get(item)), ensure_ascii=False) + "\n" for item in plan.items
        )
        write_atomically(self.path, lines)

    def _line(self, item: PlanItem, row: ResultRow) -> dict[str, Any]:
        return {
            "plan": self._plan_id,
            "item": item.number,
            "line": item.line or None,
            "order_id": item.order_id,
            "state": row.state.value,
            "reason": row.reason,
            "summary": item.summary,
            "idempotency_key": item.key,
            "at": _moment(row.at),
            "sent_at": _moment(row.sent_at),
        }

    def _write(self, line: bytes) -> int:
        """Append a line. Returns its number, counted from 1."""
        with self._writing:
            if self._broken is not None:
                raise self._broken
            try:
                while line:
                    line = line[os.write(self._file, line) :]
            except OSError as error:
                self._broken = error
                raise
            self._written += 1
            return self._written

    def _sync(self, number: int) -> None:
        """Return when line `number` is on disk. One sync serves all waiting threads."""
        with self._syncing:
            if self._synced >= number:
                return
            if self._broken is not None:
                raise self._broken
            upto = self._written
            try:
                os.fsync(self._file)
            except OSError as error:
                self._broken = error
                raise
            self._synced = upto


def read_results(path: Path, plan: Plan) -> tuple[dict[int, ResultRow], int]:
    """The latest result of each item by its number, and the length of all complete lines in bytes.

    Both are empty if the file does not exist. Raises UsageError if it belongs to another plan or was edited.
    """
    found: dict[int, ResultRow] = {}
    whole, plan_id = 0, plan.id
    if not path.exists():
        return found, whole
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break
            whole += len(line)
            try:
                stored = json.loads(line)
                belongs = stored["plan"] == plan_id
                found[stored["item"]] = _parse_row(stored)
            except (ValueError, KeyError, TypeError):
                raise UsageError(
                    f"The results file {path} was edited, so it no longer shows what was done. Make a new "
                    "plan from the same rows: it skips every change that the store already shows."
                ) from None
            if not belongs:
                raise UsageError(
                    f"{path} has the results of another plan. Move it away, or rename this plan."
                )
    return found, whole


def _parse_row(stored: Mapping[str, Any]) -> ResultRow:
    at, sent_at = _seconds(stored["at"]), _seconds(stored["sent_at"])
    return ResultRow(State(stored["state"]), stored["reason"], at, sent_at)


def results_path(plan_path: Path) -> Path:
    """The path of a plan's results: in the same folder as the plan."""
    return plan_path.with_name(f"{plan_path.name}.results.jsonl")


@contextmanager
def lock_plan(plan_path: Path) -> Iterator[None]:
    """Lock the plan's file during the block. The system unlocks it however the run ends.

    Raises CommandError if another run holds the lock.
    """
    with plan_path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(
                f"Another run is applying {plan_path}. Wait until it ends.",
                Exit.CONFLICT,
                "locked",
            ) from None
        yield


def _moment(at: float) -> str | None:
    if not at:
        return None
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(at))}.{int(at * 1000) % 1000:03d}Z"


def _seconds(moment: str | None) -> float:
    from datetime import datetime

    return datetime.fromisoformat(moment).timestamp() if moment else 0.0
