"""An event loop on virtual time: nothing waits, a seed picks what runs next, and a process can be stopped.

Time stands still while anything can run and jumps to the next timer when nothing can. What runs on behalf of
a process carries its `Life` in its context, so that the loop can set all of it aside.
"""

from __future__ import annotations

import asyncio
import collections
import contextvars
import random
import selectors
from collections.abc import Coroutine
from typing import Any

STEPS: contextvars.ContextVar[Life] = contextvars.ContextVar("life")


class Dead(BaseException):
    """Whoever meets this belongs to a process that is gone: nothing it does has an effect any more."""


class Stuck(Exception):
    """The simulation itself cannot go on: nothing will ever happen, or far too much does."""


class Life:
    """One process from its start to its end. Its tasks run in `context`; a new start is a new life."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.dead = False
        self.frozen = False
        self.frozen_s = 0.0
        self._froze_at = 0.0
        self.parked: list[asyncio.Handle] = []
        self.tasks: list[asyncio.Task[Any]] = []
        self.context = contextvars.copy_context()
        self.context.run(STEPS.set, self)

    def check(self) -> None:
        """Raises Dead: every effect of this process asks here first."""
        if self.dead:
            raise Dead(self.name)

    def begin(self, job: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run something as a part of this process."""
        return asyncio.get_running_loop().create_task(job, context=self.context)

    def end(self) -> None:
        """Die, this instant. What is left of its code runs to its end without any effect."""
        self.dead = True
        self.thaw()
        for task in self.tasks:
            task.cancel()

    def freeze(self) -> None:
        """Stand still, as after SIGSTOP; its timers run on."""
        self.frozen = True
        self._froze_at = asyncio.get_running_loop().time()

    def thaw(self) -> None:
        """Go on where it was stopped; timers that fell due meanwhile all fire at once."""
        if self.frozen:
            self.frozen_s += asyncio.get_running_loop().time() - self._froze_at
        self.frozen = False
        if self.parked:
            asyncio.get_running_loop()._ready.extend(self.parked)  # type: ignore[attr-defined]
            self.parked = []


class _Ready(collections.deque[asyncio.Handle]):
    """The loop's queue of what can run: the seed, not the order of arrival, picks the next."""

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
        life = handle._context.get(STEPS)  # type: ignore[attr-defined]
        if life is not None and life.frozen:
            life.parked.append(handle)
            return self._nothing
        return handle


def _nothing() -> None:
    """What the loop is given to run when the process whose turn it was is stopped."""


class _NoWaiting(selectors.SelectSelector):
    """No sockets: to wait is to move the clock."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Stuck("nothing is left that could ever happen")
        self.now += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs as fast as the processor can. Raises Stuck after `most_turns` of the loop."""

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
            raise Stuck(f"something never comes to rest: too many turns by {self.time():.1f} s")
        super()._run_once()  # type: ignore[misc]


def _kept(loop: asyncio.AbstractEventLoop, job: Any, **how: Any) -> asyncio.Task[Any]:
    """A task that its process knows of, so that it can die with it."""
    task: asyncio.Task[Any] = asyncio.Task(job, loop=loop, **how)
    context = how.get("context")
    life = context.get(STEPS) if context is not None else STEPS.get(None)
    if life is not None:
        if len(life.tasks) > 500:
            life.tasks = [one for one in life.tasks if not one.done()]
        life.tasks.append(task)
    return task
