"""A plan is applied: several orders at a time, each act once, until all have an end or somebody stops it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packhouse.errors import StoreError
from packhouse.store.client import StoreClient
from packhouse_cli.bulk.actions import ACTIONS
from packhouse_cli.bulk.executor import Hand, Outcome, Taking
from packhouse_cli.bulk.plan import Act, Plan
from packhouse_cli.bulk.progress import Progress
from packhouse_cli.bulk.results import FINAL, GOOD, Results, State, only_one, results_path
from packhouse_cli.bulk.threads import stoppable, worked_through
from packhouse_cli.bulk.throttled_client import Caller, Pace
from packhouse_cli.exit_codes import CommandError, Exit, UsageError
from packhouse_cli.terminal.output import safe


@dataclass(frozen=True, slots=True)
class Summary:
    """How a plan stands at the end of a run. `done_now` acts got an end in it, `waits` calls were throttled.

    `error` is what ended the run for all orders; `stopped` says that a person did.
    """

    plan: Plan
    results: Path
    counts: Counter[State]
    done_now: int
    waits: int
    error: StoreError | CommandError | None = None
    stopped: bool = False

    @property
    def finished(self) -> bool:
        """Every act has an end."""
        return all(state in FINAL for state in self.counts)

    @property
    def exit_code(self) -> Exit:
        """0: all done. That another run is needed comes before what a person has to look at."""
        if self.stopped:
            return Exit.INTERRUPTED
        if not self.finished:
            return Exit.UNFINISHED
        return Exit.OK if all(state in GOOD for state in self.counts) else Exit.CONFLICT

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "plan": self.plan.id,
            "action": self.plan.action,
            "acts": len(self.plan.acts),
            "counts": {state.value: self.counts[state] for state in State if self.counts[state]},
            "finished": self.finished,
            "stopped": self.stopped,
            "done_now": self.done_now,
            "waits": self.waits,
            "results": str(self.results),
        }


def apply_plan(
    plan: Plan,
    plan_path: Path,
    open_store: Callable[[], StoreClient],
    progress: Progress,
    *,
    concurrency: int,
    max_per_s: float,
    agree: Callable[[int], None],
    taking: Taking,
) -> Summary:
    """Carry out what has no end yet. `agree` is asked about that many acts and raises where somebody says no,
    `taking` keeps the machine's hands off an order meanwhile.

    Raises UsageError, CommandError (nothing was done then) and OSError (the results cannot be written).
    """
    action = ACTIONS.get(plan.action)
    if action is None:
        raise UsageError(f"This plan is of {safe(plan.action)!r}, which this packhouse cannot do.")
    with only_one(plan_path):
        results = Results(results_path(plan_path), plan)
        waiting = _waiting(plan, results)
        left = sum(map(len, waiting))
        if not left:
            results.finish(plan)
            return _summary(plan, results, done_now=0, waits=0)
        agree(left)
        pace = Pace(max_per_s, threading.Event())
        callers = [Caller(open_store(), pace) for _ in range(min(concurrency, len(waiting)))]
        hands = [Hand(caller, action, results, taking).carry_out for caller in callers]
        tally = _Tally(progress, action.done)
        error: StoreError | CommandError | None = None
        progress.begin("Applying", left)
        try:
            with stoppable(pace.stop, lambda: progress.say("Stopping: what is in flight is finished first.")):
                for outcomes in worked_through(waiting, hands, pace.stop):
                    tally.take(outcomes or [], pace.waits)
        except (StoreError, CommandError) as ended:
            error = ended
        finally:
            progress.end()
            for caller in callers:
                caller.close()
            results.finish(plan)
        stopped = pace.stop.is_set() and error is None
        return _summary(plan, results, tally.ended, pace.waits, error, stopped)


class _Tally:
    """Counts what comes back, and shows it."""

    def __init__(self, progress: Progress, done: str) -> None:
        self._progress = progress
        self._done = done
        self._counts: Counter[State] = Counter()

    def take(self, outcomes: list[Outcome], waits: int) -> None:
        """Some acts have been tried."""
        for outcome in outcomes:
            self._counts[outcome.state] += 1
            if outcome.state not in GOOD:
                where, why = safe(outcome.act.where), safe(outcome.why)
                self._progress.say(f"{where}: {outcome.state.value}: {why}")
        amiss = sum(count for state, count in self._counts.items() if state not in GOOD)
        notes = [f"{amiss:,} not {self._done}"] if amiss else []
        notes += ["the store asked to wait"] if waits else []
        self._progress.show(self._counts.total(), ", ".join(notes))

    @property
    def ended(self) -> int:
        """How many acts got an end."""
        return sum(count for state, count in self._counts.items() if state in FINAL)


def _waiting(plan: Plan, results: Results) -> list[list[Act]]:
    """The acts of each order that has one without an end, in the plan's sequence."""
    of_order: dict[str, list[Act]] = {}
    for act in plan.acts:
        of_order.setdefault(act.order_id, []).append(act)
    return [acts for acts in of_order.values() if any(results.of(act).state not in FINAL for act in acts)]


def _summary(
    plan: Plan,
    results: Results,
    done_now: int,
    waits: int,
    error: StoreError | CommandError | None = None,
    stopped: bool = False,
) -> Summary:
    counts = Counter(results.of(act).state for act in plan.acts)
    return Summary(plan, results.path, counts, done_now, waits, error, stopped)
