"""Runs one program: input on stdin, bounded output, a time limit that ends its whole process group."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MOST_OUTPUT = 8 * 1024 * 1024
_KEPT_STDERR = 4096
_TERM_GRACE_S = 2.0
_PIPE_GRACE_S = 1.0
_CHUNK = 64 * 1024


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
    """Run `argv` without a shell. Raises NotStarted. A cancelled run ends the program too."""
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=dict(environment),
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise NotStarted(f"{argv[0]} cannot be started: {error}") from error
    assert process.stdin and process.stdout and process.stderr
    output, errors = _Sink(MOST_OUTPUT), _Sink(_KEPT_STDERR, keep_end=True)
    talk = [
        asyncio.create_task(_tell(process.stdin, given)),
        asyncio.create_task(output.fill(process.stdout)),
        asyncio.create_task(errors.fill(process.stderr)),
    ]
    timed_out = False
    try:
        async with asyncio.timeout(timeout_s):
            await process.wait()
    except TimeoutError:
        timed_out = True
        await _end(process)
    except BaseException:
        _signal_group(process, signal.SIGKILL)
        raise
    finally:
        # What it started in turn may hold the pipes open for ever; its own words have arrived by now.
        await asyncio.wait(talk, timeout=_PIPE_GRACE_S)
        for task in talk:
            task.cancel()
        await asyncio.gather(*talk, return_exceptions=True)
    code = process.returncode if process.returncode is not None else -signal.SIGKILL
    said = errors.content().decode("utf-8", "replace").strip()
    return Finished(code, None if output.overflowed else output.content(), said, timed_out)


class _Sink:
    """Reads a pipe to its end, so that the program never waits for us, and keeps so much of it."""

    def __init__(self, most: int, *, keep_end: bool = False) -> None:
        self._most = most
        self._keep_end = keep_end
        self._kept = bytearray()
        self.overflowed = False

    async def fill(self, pipe: asyncio.StreamReader) -> None:
        while chunk := await pipe.read(_CHUNK):
            self._kept += chunk
            if len(self._kept) > self._most:
                self.overflowed = True
                del self._kept[: -self._most if self._keep_end else None]

    def content(self) -> bytes:
        return bytes(self._kept)


async def _tell(pipe: asyncio.StreamWriter, given: bytes) -> None:
    """A program that does not read its input is welcome."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        pipe.write(given)
        await pipe.drain()
    pipe.close()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        await pipe.wait_closed()


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ask the group to stop, then make it."""
    _signal_group(process, signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_TERM_GRACE_S):
            await process.wait()
    _signal_group(process, signal.SIGKILL)
    await process.wait()


def _signal_group(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    # The program leads its own group; members it left behind keep the group's number from being reused.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
