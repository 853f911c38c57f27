"""Runs many seeds on all cores: a progress bar, then reports of the first failures and the totals."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TextIO

import structlog

from tests.simulation.event_loop import ProcessKilled
from tests.simulation.every_mutant import MUTANTS
from tests.simulation.report import REPLAY
from tests.simulation.run import Outcome, Simulation

_BAR = 30
_REPORTS = 3
_CHUNK = 8

_simulation: Simulation | None = None


def silence_logs() -> None:
    """Drop the daemon's log."""
    structlog.configure(
        processors=[_drop], logger_factory=structlog.ReturnLoggerFactory(), cache_logger_on_first_use=True
    )


def is_of_killed_process(unraisable: sys.UnraisableHookArgs) -> bool:
    """Whether the error is of a coroutine of a killed process, which may raise one when it is freed."""
    error = unraisable.exc_value
    return isinstance(error, ProcessKilled) or str(error) == "coroutine ignored GeneratorExit"


def _report_others(unraisable: sys.UnraisableHookArgs) -> None:
    if not is_of_killed_process(unraisable):
        sys.__unraisablehook__(unraisable)


def _drop(_logger: object, _name: str, _event: object) -> object:
    raise structlog.DropEvent


def _simulate(seed: int) -> Outcome:
    global _simulation  # noqa: PLW0603 - one simulation a process, created for its first seed
    if _simulation is None:
        silence_logs()
        sys.unraisablehook = _report_others
        _simulation = Simulation()
    return _simulation.simulate(seed)


def cores() -> int:
    """How many processor cores this process may use."""
    return len(os.sched_getaffinity(0))


def outcomes(seeds: Sequence[int], jobs: int) -> Iterator[Outcome]:
    """Simulate every seed; the outcomes come in any order."""
    if jobs == 1:
        yield from map(_simulate, seeds)
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap_unordered(_simulate, seeds, chunksize=_CHUNK)


def run_many(first: int, count: int, jobs: int, out: TextIO) -> int:
    """Simulate `count` seeds and print the result; return how many failed."""
    began = time.monotonic()
    sums: Counter[str] = Counter()
    failed: list[Outcome] = []
    for number, outcome in enumerate(outcomes(range(first, first + count), jobs or cores()), 1):
        sums.update(outcome.counts)
        sums["virtual hours"] += round(outcome.seconds / 3600)
        if outcome.problems:
            failed.append(outcome)
            _clear(out)
            print(f"seed {outcome.seed}: {outcome.problems[0]}", file=out)
        _progress(out, number, count, len(failed), time.monotonic() - began)
    _clear(out)
    failed.sort(key=lambda outcome: outcome.seed)
    for outcome in failed[:_REPORTS]:
        print(f"\n{outcome.report}\nreplay: {REPLAY.format(seed=outcome.seed)}", file=out)
    seconds = time.monotonic() - began
    totals = ", ".join(f"{number} {what}" for what, number in sums.items())
    print(f"\n{count} seeds in {seconds:.0f} s ({seconds / count * 1000:.0f} ms each): {totals}", file=out)
    print(f"{len(failed)} seeds broke a promise", file=out)
    return len(failed)


def _progress(out: TextIO, done: int, count: int, failed: int, seconds: float) -> None:
    if not out.isatty():
        if done % max(count // 10, 1) == 0:
            print(f"{done} of {count} seeds, {failed} failed, {seconds:.0f} s", file=out, flush=True)
        return
    full = _BAR * done // count
    left = seconds / done * (count - done)
    bar = "█" * full + "░" * (_BAR - full)
    print(
        f"\r{bar} {done} of {count}, {failed} failed, {left:.0f} s left \x1b[K", end="", file=out, flush=True
    )


def _clear(out: TextIO) -> None:
    if out.isatty():
        print("\r\x1b[K", end="", file=out)


def replay(seed: int, mutant: str = "", out: TextIO = sys.stdout) -> int:
    """Print the report of one seed; return 1 if a promise was broken."""
    silence_logs()
    with MUTANTS[mutant]() if mutant else contextlib.nullcontext():
        outcome = Simulation().simulate(seed, always=True)
    print(outcome.report, file=out)
    print(f"\ntrace {outcome.digest}, {outcome.seconds:.0f} virtual seconds", file=out)
    print(f"{len(outcome.problems)} problems" if outcome.problems else "no promise was broken", file=out)
    return 1 if outcome.problems else 0
