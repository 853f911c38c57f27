"""Many seeds over all cores: a bar while it runs, then the first failures' stories and the sum of it all."""

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

from tests.simulation.plants import PLANTS
from tests.simulation.run import App, Outcome
from tests.simulation.story import REPLAY

_BAR = 30
_STORIES = 3
_CHUNK = 8

_house: App | None = None


def mute() -> None:
    """The daemon's log is not what a simulation tells."""
    structlog.configure(
        processors=[_dropped], logger_factory=structlog.ReturnLoggerFactory(), cache_logger_on_first_use=True
    )


def _buried(unraisable: sys.UnraisableHookArgs) -> None:
    """A coroutine of a process that was killed is freed where it stood, and may protest."""
    if str(unraisable.exc_value) != "coroutine ignored GeneratorExit":
        sys.__unraisablehook__(unraisable)


def _dropped(_logger: object, _name: str, _event: object) -> object:
    raise structlog.DropEvent


def _simulate(seed: int) -> Outcome:
    global _house  # noqa: PLW0603 - one house a process, made when the first seed comes
    if _house is None:
        mute()
        sys.unraisablehook = _buried
        _house = App()
    return _house.simulate(seed)


def cores() -> int:
    """How many processes this one may keep busy."""
    return len(os.sched_getaffinity(0))


def outcomes(seeds: Sequence[int], jobs: int) -> Iterator[Outcome]:
    """Simulate every seed, in whatever order they get ready."""
    if jobs == 1:
        yield from map(_simulate, seeds)
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap_unordered(_simulate, seeds, chunksize=_CHUNK)


def run_many(first: int, count: int, jobs: int, out: TextIO) -> int:
    """Simulate `count` seeds and say how it went; answers how many failed."""
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
    for outcome in failed[:_STORIES]:
        print(f"\n{outcome.story}\nreplay: {REPLAY.format(seed=outcome.seed)}", file=out)
    seconds = time.monotonic() - began
    told = ", ".join(f"{number} {what}" for what, number in sums.items())
    print(f"\n{count} seeds in {seconds:.0f} s ({seconds / count * 1000:.0f} ms each): {told}", file=out)
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


def replay(seed: int, plant: str = "", out: TextIO = sys.stdout) -> int:
    """Tell the story of one seed, whether or not a promise was broken; answers 1 if one was."""
    mute()
    with PLANTS[plant]() if plant else contextlib.nullcontext():
        outcome = App().simulate(seed, always=True)
    print(outcome.story, file=out)
    print(f"\ntrace {outcome.digest}, {outcome.seconds:.0f} virtual seconds", file=out)
    print(f"{len(outcome.problems)} problems" if outcome.problems else "no promise was broken", file=out)
    return 1 if outcome.problems else 0
