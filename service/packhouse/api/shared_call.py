"""One call at a time whose result all share who ask meanwhile: routes without a token read the ledger too."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class SharedCall(Generic[T]):
    """Calls a function once for everyone who asks before it has returned."""

    def __init__(self, call: Callable[[], Awaitable[T]]) -> None:
        self._call = call
        self._running: asyncio.Future[T] | None = None

    async def __call__(self) -> T:
        """The result, or the error, of the call that runs now or begins now.

        A caller that is cancelled does not cancel the call: others wait for it.
        """
        if self._running is None or self._running.done():
            self._running = asyncio.ensure_future(self._call())
            # If every caller was cancelled, an error has no reader, and asyncio would complain.
            self._running.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(self._running)
