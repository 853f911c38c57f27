"""Runs calls that wait, each in a thread of its own: for the disk, or for a mount that may never answer.

A call that may never return is given up after its time and does not hold up the end of the process. Of those
that were given up, only a few may exist at once. A thread whose call has returned is kept for the next one.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_MOST_GIVEN_UP = 16
_given_up: set[_Call[Any]] = set()
# Where the threads that wait for a call get it. Beyond so many, a thread ends with its call.
_MOST_KEPT = 16
_kept: list[SimpleQueue[_Call[Any]]] = []
# What the kernel makes up on each read: a "file" there may be endless, or show this process's secrets.
_NO_FILES = ("/proc/", "/sys/")


async def in_thread(call: Callable[[], T]) -> T:
    """The result of a call that waits for the disk. It ends, also where its caller was cancelled.

    Half the price of an executor of the standard library, at several calls for each order.
    """
    return await _begin(call).answer


async def call_in_time(timeout_s: float, call: Callable[[], T], what: str) -> T:
    """The result of the call. Raises TimeoutError after `timeout_s`, and OSError if too many calls hang."""
    for earlier in [one for one in _given_up if one.has_ended]:
        _given_up.discard(earlier)
    if len(_given_up) >= _MOST_GIVEN_UP:
        raise OSError(f"{what} is not tried: {len(_given_up)} earlier calls like it have not returned")
    begun = _begin(call)
    answer = begun.answer
    try:
        async with asyncio.timeout(timeout_s):
            return await answer
    except TimeoutError:
        if answer.done() and not answer.cancelled():
            raise  # the call's own
        raise TimeoutError(f"{what} did not end within {timeout_s:g} s") from None
    finally:
        if not begun.has_ended and not (answer.done() and not answer.cancelled()):
            _given_up.add(begun)


class _Call(Generic[T]):
    """A call, and the future on its loop that gets the result."""

    def __init__(self, call: Callable[[], T], loop: asyncio.AbstractEventLoop) -> None:
        self._call = call
        self._loop = loop
        self.answer: asyncio.Future[T] = loop.create_future()
        self.has_ended = False

    def run(self) -> None:
        """Make the call in this thread."""
        try:
            result = self._call()
        except BaseException as error:  # noqa: BLE001 - the caller gets it
            self._tell(_fail, error)
        else:
            self._tell(_succeed, result)

    def _tell(self, settle: Callable[[asyncio.Future[T], Any], None], value: object) -> None:
        self.has_ended = True
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(settle, self.answer, value)


def _begin(call: Callable[[], T]) -> _Call[T]:
    """Begin a call in a kept thread, or in a new one."""
    begun = _Call(call, asyncio.get_running_loop())
    try:
        calls = _kept.pop()
    except IndexError:
        calls = SimpleQueue()
        threading.Thread(target=_work, args=(calls,), name="blocking", daemon=True).start()
    calls.put(begun)
    return begun


def _work(calls: SimpleQueue[_Call[Any]]) -> None:
    while True:
        calls.get().run()
        if len(_kept) >= _MOST_KEPT:
            return
        _kept.append(calls)


def read_regular_file(path: str, most_bytes: int) -> bytes:
    """The bytes of a regular file. Raises OSError for anything else, without waiting for it, and for a file
    with more than `most_bytes`.
    """
    # Before it is opened: opening a device may do something, and a pipe may have someone at its other end.
    if not Path(path).is_file() or os.path.realpath(path).startswith(_NO_FILES):
        raise OSError(f"{path} is not a regular file")
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    with os.fdopen(handle, "rb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(f"{path} is not a regular file")
        content = bytearray()
        while len(content) <= most_bytes:
            if not (part := file.read(most_bytes + 1 - len(content))):
                return bytes(content)
            content += part
    raise OSError(f"{path} is larger than {most_bytes // 2**20} MiB")


def _fail(answer: asyncio.Future[T], error: BaseException) -> None:
    if not answer.done():
        answer.set_exception(error)


def _succeed(answer: asyncio.Future[T], result: T) -> None:
    if not answer.done():
        answer.set_result(result)
