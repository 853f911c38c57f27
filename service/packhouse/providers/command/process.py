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

MOST_OUTPUT = 8 * 1024 * 1024
_KEPT_STDERR = 4096
_LONGEST_GRACE_S = 2.0


class NotStarted(Exception):
    """The program could not be started: certainly it did nothing. The message says why."""


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended. `code` is its exit code, negative for the signal that killed it.

    `timed_out`: we ended it. `output` is None when it was larger than MOST_OUTPUT; `errors` is the end of
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

    All is over within `timeout_s`: shortly before, the program is asked to stop, and then made to.
    """
    grace_s = min(_LONGEST_GRACE_S, timeout_s / 4)
    loop = asyncio.get_running_loop()
    try:
        transport, ear = await loop.subprocess_exec(
            _Ear, *argv, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=dict(environment), start_new_session=True
        )
    except (OSError, ValueError) as error:
        raise NotStarted(f"{argv[0]} cannot be started: {error}") from error
    timed_out = False
    try:
        _tell(transport, given)
        async with asyncio.timeout(timeout_s - grace_s):
            await ear.exited.wait()
    except TimeoutError:
        timed_out = True
        await _end(transport.get_pid(), ear, grace_s)
    except BaseException:
        _signal_group(transport.get_pid(), signal.SIGKILL)
        raise
    else:
        # What the program started in turn may hold the pipes open for ever; its own words are here by now.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s / 2):
                await ear.silent.wait()
    finally:
        transport.close()
    code = transport.get_returncode()
    return Finished(
        code=-signal.SIGKILL if code is None else code,
        output=None if ear.output.overflowed else bytes(ear.output.kept),
        errors=ear.errors.kept.decode("utf-8", "replace").strip(),
        timed_out=timed_out,
    )


class _Ear(asyncio.SubprocessProtocol):
    """Hears what the program says. `exited` and `silent` are two events: pipes may outlive the program.

    It never makes the program wait, and keeps a bounded part of what it says.
    """

    def __init__(self) -> None:
        self.output = _Kept(MOST_OUTPUT, keep_end=False)
        self.errors = _Kept(_KEPT_STDERR, keep_end=True)
        self.exited = asyncio.Event()
        self.silent = asyncio.Event()
        self._open = {1, 2}

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        (self.output if fd == 1 else self.errors).add(data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        self._open.discard(fd)
        if not self._open:
            self.silent.set()

    def process_exited(self) -> None:
        self.exited.set()


class _Kept:
    """The start or the end of a stream of bytes, at most `most` of it."""

    def __init__(self, most: int, *, keep_end: bool) -> None:
        self._most = most
        self._keep_end = keep_end
        self.kept = bytearray()
        self.overflowed = False

    def add(self, data: bytes) -> None:
        self.kept += data
        if len(self.kept) > self._most:
            self.overflowed = True
            del self.kept[slice(0, -self._most) if self._keep_end else slice(self._most, None)]


def _tell(transport: asyncio.SubprocessTransport, given: bytes) -> None:
    """Write its input and close it. A program that does not read it is welcome."""
    pipe = cast("asyncio.WriteTransport", transport.get_pipe_transport(0))
    # uvloop raises RuntimeError where the program has closed its end already.
    with contextlib.suppress(OSError, RuntimeError):
        pipe.write(given)
        pipe.write_eof()


async def _end(pid: int, ear: _Ear, grace_s: float) -> None:
    """Ask the group to stop, then make it."""
    _signal_group(pid, signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(grace_s):
            await ear.exited.wait()
    _signal_group(pid, signal.SIGKILL)
    await ear.exited.wait()


def _signal_group(pid: int, number: signal.Signals) -> None:
    # The program leads its own group, which outlives it as long as anything that it started runs.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
