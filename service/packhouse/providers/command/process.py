"""Runs one program: input on stdin, bounded output, a time limit that ends its whole process group."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from subprocess import PIPE
from typing import cast

from packhouse.model.text import fit

MAX_OUTPUT = 8 * 1024 * 1024
_MAX_STDERR = 4096
_MAX_GRACE_S = 2.0


class NotStarted(Exception):
    """The program could not be started, so it did nothing. The message says why."""


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended. `code` is its exit code, negative for the signal that killed it.

    `timed_out`: we ended it. `output` is None when it was larger than MAX_OUTPUT; `errors` is the end of
    its stderr.
    """

    code: int
    output: bytes | None
    errors: str
    timed_out: bool = False


async def run(
    argv: Sequence[str], given: bytes, timeout_s: float, environment: Mapping[str, str]
) -> Finished:
    """Run `argv` without a shell. Raises NotStarted. A cancelled run ends the program too.

    The run ends within `timeout_s`: shortly before, the program gets SIGTERM, and then SIGKILL.
    """
    grace_s = min(_MAX_GRACE_S, timeout_s / 4)
    loop = asyncio.get_running_loop()
    try:
        transport, protocol = await loop.subprocess_exec(
            _Output,
            *argv,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=dict(environment),
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise NotStarted(f"{argv[0]} cannot be started: {error}") from error
    timed_out = False
    try:
        _write_input(transport, given)
        async with asyncio.timeout(timeout_s - grace_s):
            await protocol.exited.wait()
    except TimeoutError:
        timed_out = True
        await _terminate(transport.get_pid(), protocol, grace_s)
    except BaseException:
        _signal_group(transport.get_pid(), signal.SIGKILL)
        raise
    else:
        # A child of the program may keep the pipes open; the program's own output has arrived by now.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s / 2):
                await protocol.closed.wait()
    finally:
        transport.close()
    code = transport.get_returncode()
    return Finished(
        code=-signal.SIGKILL if code is None else code,
        output=None if protocol.output.overflowed else bytes(protocol.output.kept),
        errors=fit(protocol.errors.kept.decode("utf-8", "replace")).strip(),
        timed_out=timed_out,
    )


class _Output(asyncio.SubprocessProtocol):
    """Collects the program's output. `exited` and `closed` are two events: pipes may outlive the program.

    It never makes the program wait, and keeps a bounded part of the output.
    """

    def __init__(self) -> None:
        self.output = _Kept(MAX_OUTPUT, keep_end=False)
        self.errors = _Kept(_MAX_STDERR, keep_end=True)
        self.exited = asyncio.Event()
        self.closed = asyncio.Event()
        self._open = {1, 2}

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        (self.output if fd == 1 else self.errors).add(data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        self._open.discard(fd)
        if not self._open:
            self.closed.set()

    def process_exited(self) -> None:
        self.exited.set()


class _Kept:
    """The start or the end of a stream of bytes, at most `limit` bytes."""

    def __init__(self, limit: int, *, keep_end: bool) -> None:
        self._limit = limit
        self._keep_end = keep_end
        self.kept = bytearray()
        self.overflowed = False

    def add(self, data: bytes) -> None:
        self.kept += data
        if len(self.kept) > self._limit:
            self.overflowed = True
            del self.kept[slice(0, -self._limit) if self._keep_end else slice(self._limit, None)]


def _write_input(transport: asyncio.SubprocessTransport, given: bytes) -> None:
    """Write the program's input and close it. The program need not read it."""
    pipe = cast("asyncio.WriteTransport", transport.get_pipe_transport(0))
    # uvloop raises RuntimeError if the program has already closed its end.
    with contextlib.suppress(OSError, RuntimeError):
        pipe.write(given)
        pipe.write_eof()


async def _terminate(pid: int, protocol: _Output, grace_s: float) -> None:
    """Stop the process group with SIGTERM, then with SIGKILL; at once if the run is cancelled meanwhile."""
    _signal_group(pid, signal.SIGTERM)
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await protocol.exited.wait()
    finally:
        _signal_group(pid, signal.SIGKILL)
    await protocol.exited.wait()


def _signal_group(pid: int, number: signal.Signals) -> None:
    # The program leads its own group, which lives as long as any child of the program.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
