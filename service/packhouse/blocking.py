"""Runs calls that may never return, such as reading a file of a slow mount, each in a thread of its own.

Such a thread is given up after its time and does not hold up the end of the process. Of those that were given
up, only a few may exist at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

_MOST_GIVEN_UP = 16
_given_up: set[threading.Thread] = set()
# What the kernel makes up on each read: a "file" there may be endless, or show this process's secrets.
_NO_FILES = ("/proc/", "/sys/")


async def call_in_time(timeout_s: float, call: Callable[[], T], what: str) -> T:
    """The result of the call. Raises TimeoutError after `timeout_s`, and OSError if too many calls hang."""
    for thread in [one for one in _given_up if not one.is_alive()]:
        _given_up.discard(thread)
    if len(_given_up) >= _MOST_GIVEN_UP:
        raise OSError(f"{what} is not tried: {len(_given_up)} earlier calls like it have not returned")
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001 - the caller gets it
            tell(_fail, error)
        else:
            tell(_succeed, result)

    def tell(settle: Callable[[asyncio.Future[T], Any], None], value: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, answer, value)

    thread = threading.Thread(target=run, name=f"blocking: {what}"[:60], daemon=True)
    thread.start()
    try:
        async with asyncio.timeout(timeout_s):
            return await answer
    except TimeoutError:
        if answer.done() and not answer.cancelled():
            raise  # the call's own
        raise TimeoutError(f"{what} did not end within {timeout_s:g} s") from None
    finally:
        if thread.is_alive() and not (answer.done() and not answer.cancelled()):
            _given_up.add(thread)


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
