"""An event loop on virtual time: nothing waits, a seed picks the next task, and a process can be stopped.

Time stops while a task can run and jumps to the next timer when none can. A task of a process has its
`Process` in its context, so that the loop can freeze the whole process.
"""

from __future__ import annotations

import asyncio
import collections
import contextvars
import random
import selectors
from collections.abc import Coroutine
from typing import Any

PROCESS: contextvars.ContextVar[Process] = contextvars.ContextVar("process")


class ProcessKilled(BaseException):
    """Raised in code of a process that was killed: its actions have no effect any more."""


class Stuck(Exception):
    """The simulation cannot continue: no timer is left, or the loop never becomes idle."""


class Process:
    """One process from its start to its end. Its tasks run in `context`; a restart is a new process."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.dead = False
        self.frozen = False
        self.frozen_s = 0.0
        self._froze_at = 0.0
        self.parked_handles: list[asyncio.Handle] = []
        self.tasks: list[asyncio.Task[Any]] = []
        self.context = contextvars.copy_context()
        self.context.run(PROCESS.set, self)

    def check(self) -> None:
        """Raise ProcessKilled if this process was killed; called before every effect."""
        if self.dead:
            raise ProcessKilled(self.name)

    def begin(self, job: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a coroutine in this process."""
        return asyncio.get_running_loop().create_task(job, context=self.context)

    def end(self) -> None:
        """Kill the process now. Its remaining code runs to its end without any effect."""
        self.dead = True
        self.thaw()
        for task in self.tasks:
            task.cancel()

    def freeze(self) -> None:
        """Stop, as after SIGSTOP; timers continue."""
        self.frozen = True
        self._froze_at = asyncio.get_running_loop().time()

    def thaw(self) -> None:
        """Continue, as after SIGCONT; timers that became due meanwhile fire at once."""
        if self.frozen:
            self.frozen_s += asyncio.get_running_loop().time() - self._froze_at
        self.frozen = False
        if self.parked_handles:
            asyncio.get_running_loop()._ready.extend(self.parked_handles)  # type: ignore[attr-defined]
            self.parked_handles = []


class _Ready(collections.deque[asyncio.Handle]):
    """The loop's queue of ready tasks: the seed picks the next task."""

    def __init__(self, chance: random.Random, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._chance = chance.random
        self._nothing = asyncio.Handle(_nothing, (), loop)
        self._nothing.cancel()

    def popleft(self) -> asyncio.Handle:
        count = len(self)
        if count > 1:
            self.rotate(-int(self._chance() * count))
        handle = super().popleft()
        process = handle._context.get(PROCESS)  # type: ignore[attr-defined]
        if process is not None and process.frozen:
            process.parked_handles.append(handle)
            return self._nothing
        return handle


def _nothing() -> None:
    """Runs in place of a task whose process is frozen."""


class _NoWaiting(selectors.SelectSelector):
    """There are no sockets: waiting moves the clock."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Stuck("no timer is left")
        self.now += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs without waiting. Raises Stuck after `most_turns` of the loop."""

    def __init__(self, chance: random.Random, most_turns: int = 2_000_000) -> None:
        self._virtual = _NoWaiting()
        super().__init__(self._virtual)
        self._ready = _Ready(chance, self)
        self._turns_left = most_turns
        self.set_task_factory(_kept)

    def time(self) -> float:
        """Virtual seconds since the start."""
        return self._virtual.now

    def _run_once(self) -> None:
        self._turns_left -= 1
        if self._turns_left < 0:
            raise Stuck(f"the loop never becomes idle: too many turns by {self.time():.1f} s")
        super()._run_once()  # type: ignore[misc]


def _kept(loop: asyncio.AbstractEventLoop, job: Any, **how: Any) -> asyncio.Task[Any]:
    """A task that ends with its process."""
    task: asyncio.Task[Any] = asyncio.Task(job, loop=loop, **how)
    context = how.get("context")
    process = context.get(PROCESS) if context is not None else PROCESS.get(None)
    if process is not None:
        if len(process.tasks) > 500:
            process.tasks = [one for one in process.tasks if not one.done()]
        process.tasks.append(task)
    return task
