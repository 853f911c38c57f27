"""Two hundred seeds keep every promise; a slow machine runs as many as the time allows."""

from __future__ import annotations

import time

from tests.simulation.many import cores, outcomes
from tests.simulation.report import REPLAY

SEEDS = 200
BUDGET_S = 100.0
AT_LEAST = 40


def test_every_promise_is_kept() -> None:
    began, done = time.monotonic(), 0
    for outcome in outcomes(range(SEEDS), cores()):
        assert not outcome.problems, f"{outcome.report}\n\nreplay: {REPLAY.format(seed=outcome.seed)}"
        done += 1
        if done >= AT_LEAST and time.monotonic() - began > BUDGET_S:
            break
    print(f"{done} of {SEEDS} seeds in {time.monotonic() - began:.0f} s")
    assert done >= AT_LEAST
