"""What became of each act: a file that is on disk before and after every call, so that a killed run goes on.

Each line tells how one act stands, and an act's last line counts; when a run ends, one line an act is left.
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

from packhouse_cli.bulk.atomic_write import sync_folder, write_whole
from packhouse_cli.bulk.plan import Act, Plan
from packhouse_cli.exit_codes import CommandError, Exit, UsageError
from packhouse_cli.terminal.output import safe


class State(StrEnum):
    """How an act stands. MEANING has a sentence for each."""

    DONE = "done"
    RECORDED = "recorded"
    DRIFTED = "drifted"
    REFUSED = "refused"
    SENDING = "sending"
    FAILED = "failed"
    UNKNOWN = "unknown"
    NOT_BEGUN = "not_begun"


MEANING: dict[State, str] = {
    State.DONE: "The store accepted it.",
    State.RECORDED: "The store's record has it: an earlier call did it, or somebody else.",
    State.DRIFTED: "The order is not as it was planned; nothing was sent. A new plan is needed.",
    State.REFUSED: "The store says no; the reason is its own.",
    State.SENDING: "It was being sent when the run ended; the next run asks the store first.",
    State.FAILED: "It could not be sent; the next run tries again.",
    State.UNKNOWN: "It was sent and nobody can say what came of it; the next run asks the store first.",
    State.NOT_BEGUN: "Its turn had not come.",
}
GOOD = frozenset({State.DONE, State.RECORDED})
FINAL = GOOD | {State.DRIFTED, State.REFUSED}
_IN_DOUBT = (State.SENDING, State.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Standing:
    """How an act stands, why, since when, and when what may have happened was first sent (seconds since 1970;
    0: never).
    """

    state: State = State.NOT_BEGUN
    why: str = ""
    at: float = 0.0
    sent_at: float = 0.0


class Results:
    """The results of one plan. Several threads may tell; their lines share one sync to disk."""

    def __init__(self, path: Path, plan: Plan) -> None:
        """Raises UsageError for a file that is not this plan's or that somebody changed."""
        self.path = path
        self._plan_id = plan.id
        self._of, whole = read_results(path, plan)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
        # A line that a kill cut short was never acted upon.
        os.ftruncate(self._file, whole)
        os.lseek(self._file, 0, os.SEEK_END)
        if not whole:
            sync_folder(path.parent)
        self._writing = threading.Lock()
        self._syncing = threading.Lock()
        self._written = self._synced = 0
        self._broken: OSError | None = None

    def of(self, act: Act) -> Standing:
        """How the act stands."""
        return self._of.get(act.number, Standing())

    def tell(self, act: Act, state: State, why: str = "") -> Standing:
        """Write down how an act stands. Raises OSError, and then to everybody.

        What is being sent is on disk when this returns, also after a power cut. The rest outlives the process
        only: lost, it would be asked for again.
        """
        now, before = time.time(), self.of(act)
        # A store counts how long it remembers a key from its first call.
        first = state is State.SENDING and not (before.sent_at and before.state in _IN_DOUBT)
        sent_at = now if first else before.sent_at
        standing = Standing(state, why, now, sent_at)
        self._of[act.number] = standing
        line = json.dumps(self._line(act, standing), ensure_ascii=False, separators=(",", ":"))
        mine = self._write(line.encode() + b"\n")
        if state is State.SENDING:
            self._sync(mine)
        return standing

    def finish(self, plan: Plan) -> None:
        """Leave one line an act, in the plan's sequence, whole or not at all. Later telling fails."""
        with self._writing, self._syncing:
            self._broken = self._broken or OSError("the run has ended")
            os.close(self._file)
        lines = (json.dumps(self._line(act, self.of(act)), ensure_ascii=False) + "\n" for act in plan.acts)
        write_whole(self.path, lines)

    def _line(self, act: Act, standing: Standing) -> dict[str, Any]:
        return {
            "plan": self._plan_id,
            "act": act.number,
            "line": act.line or None,
            "order_id": act.order_id,
            "state": standing.state.value,
            "why": standing.why,
            "what": act.what,
            "idempotency_key": act.key,
            "at": _moment(standing.at),
            "sent_at": _moment(standing.sent_at),
        }

    def _write(self, line: bytes) -> int:
        """Append a line; which one it is, counted from 1."""
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

    def _sync(self, mine: int) -> None:
        """Return when line `mine` is on disk; whoever syncs does it for all that wait."""
        with self._syncing:
            if self._synced >= mine:
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


def read_results(path: Path, plan: Plan) -> tuple[dict[int, Standing], int]:
    """How each act stands by its number, and how many bytes are whole lines; nothing where there is no file.

    Raises UsageError for a file that is not this plan's or that somebody changed.
    """
    found: dict[int, Standing] = {}
    whole, plan_id = 0, plan.id
    if not path.exists():
        return found, whole
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break
            whole += len(line)
            try:
                told = json.loads(line)
                belongs = told["plan"] == plan_id
                found[told["act"]] = _standing(told)
            except (ValueError, KeyError, TypeError):
                raise UsageError(
                    f"{safe(path)} was changed by somebody, so what was done cannot be told from it. "
                    "Make a new plan from the same rows: what the store has recorded is left out of it."
                ) from None
            if not belongs:
                raise UsageError(
                    f"{safe(path)} has the results of another plan; move it away or rename this plan."
                )
    return found, whole


def _standing(told: Mapping[str, Any]) -> Standing:
    return Standing(State(told["state"]), told["why"], _seconds(told["at"]), _seconds(told["sent_at"]))


def results_path(plan_path: Path) -> Path:
    """Where a plan's results are left: beside it."""
    return plan_path.with_name(f"{plan_path.name}.results.jsonl")


@contextmanager
def only_one(plan_path: Path) -> Iterator[None]:
    """Hold the plan's file locked for the block; the system unlocks it however a run ends.

    Raises CommandError where another run holds it.
    """
    with plan_path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(
                f"Another run applies {safe(plan_path)} just now; wait for it to end.",
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
