"""Runs work in several threads; the results come back to the caller's thread.

Ctrl-C asks the threads to stop: they finish the calls in flight and start no new work.
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

from packhouse_cli.clients.rate_limiter import Stopped

_TICK_S = 0.25

_T = TypeVar("_T")
_R = TypeVar("_R")


def run_in_threads(
    inputs: Iterable[_T], workers: Iterable[Callable[[_T], _R]], stop: threading.Event
) -> Iterator[_R | None]:
    """The results, as the workers finish them; None for each quarter second without a result.

    Each worker runs in a thread of its own. The first error of a worker stops all the others and is raised
    here after they have finished. Stopped ends only the worker that raised it.
    """
    waiting = deque(inputs)
    finished: SimpleQueue[tuple[bool, _R | None, BaseException | None]] = SimpleQueue()

    def work(worker: Callable[[_T], _R]) -> None:
        error: BaseException | None = None
        try:
            while not stop.is_set():
                try:
                    item = waiting.popleft()
                except IndexError:
                    break
                finished.put((False, worker(item), None))
        except Stopped:
            pass
        except BaseException as raised:  # noqa: BLE001 - passed to the waiting thread, which raises it
            error = raised
            stop.set()
        finished.put((True, None, error))

    threads = [threading.Thread(target=work, args=(worker,), daemon=True) for worker in workers]
    for thread in threads:
        thread.start()
    running, failure = len(threads), None
    while running:
        try:
            has_ended, result, error = finished.get(timeout=_TICK_S)
        except Empty:
            yield None
            continue
        if has_ended:
            running -= 1
            failure = failure or error
        else:
            yield result
    if failure is not None:
        raise failure


@contextmanager
def stop_on_signal(stop: threading.Event, on_stop: Callable[[], None]) -> Iterator[None]:
    """In the block, the first SIGINT, SIGTERM or SIGHUP sets `stop` and calls `on_stop`; a second interrupts.

    A terminal that closes sends SIGHUP; under nohup it is ignored, and stays so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        on_stop()

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
