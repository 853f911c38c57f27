"""Applies a plan: several orders at a time, each item once, until all items are final or the run stops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packhouse.errors import StoreError
from packhouse.store.client import StoreClient
from packhouse_cli.bulk.actions import ACTIONS
from packhouse_cli.bulk.executor import ItemExecutor, Outcome, TakeOver
from packhouse_cli.bulk.plan import Plan, PlanItem
from packhouse_cli.bulk.progress import Progress
from packhouse_cli.bulk.results import FINAL, SUCCESSFUL, Results, State, lock_plan, results_path
from packhouse_cli.bulk.threads import run_in_threads, stop_on_signal
from packhouse_cli.bulk.throttled_client import ThrottledClient
from packhouse_cli.clients.rate_limiter import RateLimiter
from packhouse_cli.exit_codes import CommandError, Exit, UsageError

_STOPPING = "Stopping after the requests in flight."


@dataclass(frozen=True, slots=True)
class Summary:
    """The state of a plan at the end of a run.

    `finished_now` items became final in this run; `throttled` calls were answered with 429. `error` ended
    the run for all orders. `stopped`: the operator stopped the run.
    """

    plan: Plan
    results: Path
    counts: Counter[State]
    finished_now: int
    throttled: int
    error: StoreError | CommandError | None = None
    stopped: bool = False

    @property
    def finished(self) -> bool:
        """Whether every item is final."""
        return all(state in FINAL for state in self.counts)

    @property
    def exit_code(self) -> Exit:
        """0 if all succeeded. That another run is needed comes before what a person has to check."""
        if self.stopped:
            return Exit.INTERRUPTED
        if not self.finished:
            return Exit.UNFINISHED
        return Exit.OK if all(state in SUCCESSFUL for state in self.counts) else Exit.CONFLICT

    def to_json(self) -> dict[str, Any]:
        """The JSON summary."""
        return {
            "plan": self.plan.id,
            "action": self.plan.action,
            "items": len(self.plan.items),
            "counts": {state.value: self.counts[state] for state in State if self.counts[state]},
            "finished": self.finished,
            "stopped": self.stopped,
            "finished_now": self.finished_now,
            "throttled": self.throttled,
            "results": str(self.results),
        }


def apply_plan(
    plan: Plan,
    plan_path: Path,
    open_store: Callable[[], StoreClient],
    progress: Progress,
    *,
    concurrency: int,
    limiter: RateLimiter,
    confirm: Callable[[int], None],
    take_over: TakeOver,
) -> Summary:
    """Run every item that is not final. `confirm` gets their number, and raises if the operator declines.

    `limiter` says when calls may start; its `stop` ends the run. `take_over` keeps the daemon away from an
    order while the item runs. Raises UsageError, CommandError (then nothing was done) and OSError (the
    results cannot be written).
    """
    action = ACTIONS.get(plan.action)
    if action is None:
        raise UsageError(f"This version of Packhouse cannot apply plans of kind {plan.action!r}.")
    with lock_plan(plan_path):
        results = Results(results_path(plan_path), plan)
        remaining = _remaining(plan, results)
        left = sum(map(len, remaining))
        if not left:
            results.finish(plan)
            return _summary(plan, results, finished_now=0, throttled=0)
        confirm(left)
        clients = [ThrottledClient(open_store(), limiter) for _ in range(min(concurrency, len(remaining)))]
        workers = [ItemExecutor(client, action, results, take_over).run_order for client in clients]
        counter = _OutcomeCounter(progress, action.done_text)
        error: StoreError | CommandError | None = None
        progress.begin("Applying", left)
        try:
            with stop_on_signal(limiter.stop, lambda: progress.print(_STOPPING)):
                for outcomes in run_in_threads(remaining, workers, limiter.stop):
                    counter.add(outcomes or [], limiter.throttled)
        except (StoreError, CommandError) as ended:
            error = ended
        finally:
            progress.end()
            for client in clients:
                client.close()
            results.finish(plan)
        stopped = limiter.stop.is_set() and error is None
        return _summary(plan, results, counter.finished, limiter.throttled, error, stopped)


class _OutcomeCounter:
    """Counts the outcomes and shows the progress."""

    def __init__(self, progress: Progress, done_text: str) -> None:
        self._progress = progress
        self._done_text = done_text
        self._counts: Counter[State] = Counter()

    def add(self, outcomes: list[Outcome], throttled: int) -> None:
        """Count these outcomes, and print those that did not succeed."""
        for outcome in outcomes:
            self._counts[outcome.state] += 1
            if outcome.state not in SUCCESSFUL:
                self._progress.print(f"{outcome.item.where}: {outcome.state.value}: {outcome.reason}")
        unsuccessful = sum(count for state, count in self._counts.items() if state not in SUCCESSFUL)
        notes = [f"{unsuccessful:,} not {self._done_text}"] if unsuccessful else []
        notes += ["rate limited by the store"] if throttled else []
        self._progress.show(self._counts.total(), ", ".join(notes))

    @property
    def finished(self) -> int:
        """The number of items that became final."""
        return sum(count for state, count in self._counts.items() if state in FINAL)


def _remaining(plan: Plan, results: Results) -> list[list[PlanItem]]:
    """The items of each order that has an item that is not final, in the order of the plan."""
    of_order: dict[str, list[PlanItem]] = {}
    for item in plan.items:
        of_order.setdefault(item.order_id, []).append(item)
    return [
        items for items in of_order.values() if any(results.get(item).state not in FINAL for item in items)
    ]


def _summary(
    plan: Plan,
    results: Results,
    finished_now: int,
    throttled: int,
    error: StoreError | CommandError | None = None,
    stopped: bool = False,
) -> Summary:
    counts = Counter(results.get(item).state for item in plan.items)
    return Summary(plan, results.path, counts, finished_now, throttled, error, stopped)
