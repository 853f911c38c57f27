"""An event loop in which waiting takes no time: where only a timer can go on, its time has come."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class QuickLoop(asyncio.SelectorEventLoop):
    """Its `time` begins at 0 and moves from timer to timer."""

    def __init__(self) -> None:
        self._at = 0.0
        super().__init__()

    def time(self) -> float:
        """Seconds that the tasks believe to have passed."""
        return self._at

    def _run_once(self) -> None:
        loop: Any = self
        if not loop._ready and loop._scheduled:
            self._at = max(self._at, loop._scheduled[0]._when)
        super()._run_once()  # type: ignore[misc]


def run_quickly(story: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a loop of this kind."""

    async def run() -> T:
        try:
            return await story
        finally:
            # Its threads end in their own time, which a limit in the loop's time would not allow.
            await asyncio.get_running_loop().shutdown_default_executor()

    with asyncio.Runner(loop_factory=QuickLoop) as runner:
        return runner.run(run())


def seconds() -> float:
    """What the running loop shows."""
    return asyncio.get_running_loop().time()
