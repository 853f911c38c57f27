"""Several threads work through one heap; what each finished comes back to the caller's own thread.

Ctrl-C asks them to stop: what is in flight is finished, nothing more is begun.
"""

from __future__ import annotations

import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from types import FrameType
from typing import TypeVar

from packhouse_cli.bulk.throttled_client import Stopped

_TICK_S = 0.25

_T = TypeVar("_T")
_R = TypeVar("_R")


def worked_through(
    heap: Iterable[_T], hands: Iterable[Callable[[_T], _R]], stop: threading.Event
) -> Iterator[_R | None]:
    """What the hands make of the heap, as it gets done; None each time nothing was for a quarter second.

    Each hand is called from one thread of its own. The first error that a hand raises stops all others and is
    raised here when they have finished; Stopped only ends that hand.
    """
    waiting = deque(heap)
    finished: SimpleQueue[tuple[bool, _R | None, BaseException | None]] = SimpleQueue()

    def work(hand: Callable[[_T], _R]) -> None:
        error: BaseException | None = None
        try:
            while not stop.is_set():
                try:
                    item = waiting.popleft()
                except IndexError:
                    break
                finished.put((False, hand(item), None))
        except Stopped:
            pass
        except BaseException as raised:  # noqa: BLE001 - handed to the thread that waits, which raises it
            error = raised
            stop.set()
        finished.put((True, None, error))

    threads = [threading.Thread(target=work, args=(hand,), daemon=True) for hand in hands]
    for thread in threads:
        thread.start()
    at_work, failure = len(threads), None
    while at_work:
        try:
            left, result, error = finished.get(timeout=_TICK_S)
        except Empty:
            yield None
            continue
        if left:
            at_work -= 1
            failure = failure or error
        else:
            yield result
    if failure is not None:
        raise failure


@contextmanager
def stoppable(stop: threading.Event, told: Callable[[], None]) -> Iterator[None]:
    """Within the block the first Ctrl-C (or SIGTERM) sets `stop` and calls `told`, the second interrupts."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def asked(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        told()

    before = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
