"""Runs tests in forks of one process that has imported and collected everything once."""

from __future__ import annotations

import contextlib
import os
import pickle
import resource
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
from _pytest.config import get_config
from _pytest.main import Session
from _pytest.runner import runtestprotocol

# These stop or start the server that all tests share, which only its own process may do.
_SERVER_VERBS = {"restart", "stop", "kill", "start", "close"}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a fork ended: with its answer, or (None) `late`, or by crashing."""

    answer: Any
    late: bool = False


class ForkServer:
    """The collected tests, and forks that run them."""

    def __init__(self, config: pytest.Config, session: Session) -> None:
        self._config = config
        self._session = session
        self.items: dict[str, pytest.Item] = {
            item.nodeid: item for item in session.items if not (_needs_own_server(item) or _is_repeated(item))
        }
        folders = list(dict.fromkeys(item.path for item in session.items))
        self._strangers = {
            folder: next((one for one in session.items if one.path != folder), session.items[0])
            for folder in folders
        }
        self._scratch = Path(tempfile.mkdtemp(prefix="packhouse-mutation-", dir=_memory()))

    @property
    def is_postgres(self) -> Callable[[str], bool]:
        """Whether a test needs PostgreSQL."""
        return lambda test: "[postgresql" in test or "postgres" in test.split("[")[0]

    def warm(self) -> None:
        """Start what all forks share: the PostgreSQL server."""
        for test, item in self.items.items():
            if "[postgresql" in test:
                runtestprotocol(item, log=False, nextitem=self._stranger(item))
                return

    def _stranger(self, item: pytest.Item) -> pytest.Item:
        """A test that shares as little as possible with this one, and is not the same."""
        found = self._strangers[item.path]
        return found if found is not item else self._session.items[-1]

    def run(self, tests: Sequence[str]) -> str:
        """Run tests in this process until one fails; the one that failed, or ""."""
        for test, after in zip_longest(tests, tests[1:]):
            if not self.passes(test, after):
                return str(test)
        return ""

    def passes(self, test: str, after: str | None = None) -> bool:
        """Run one test in this process. pytest has to know which one comes `after` it."""
        item = self.items[test]
        following = self.items[after] if after else self._stranger(item)
        reports = runtestprotocol(item, log=False, nextitem=following)
        return not any(report.failed for report in reports)

    def fork(self, work: Callable[[], Any], *, cpu_s: float, wall_s: float) -> Ended:
        """Run `work` in a fork with a bound on its time; what it returned."""
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            self._in_child(work, writing, cpu_s)
        os.close(writing)
        answer, late = _answer_of(reading, child, wall_s)
        os.close(reading)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        shutil.rmtree(self._scratch / str(child), ignore_errors=True)
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU:
            late = True
        return Ended(pickle.loads(answer) if answer else None, late)

    def _in_child(self, work: Callable[[], Any], writing: int, cpu_s: float) -> None:
        status = 1
        try:
            os.setpgid(0, 0)
            resource.setrlimit(resource.RLIMIT_CPU, (int(cpu_s) + 1, int(cpu_s) + 3))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
            self._own_folder()
            null = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(null, descriptor)
            answer = pickle.dumps(work())
            while answer:
                answer = answer[os.write(writing, answer) :]
            status = 0
        finally:
            os._exit(status)

    def _own_folder(self) -> None:
        own = self._scratch / str(os.getpid())
        own.mkdir()
        factory: Any = self._config._tmp_path_factory  # type: ignore[attr-defined]
        factory._basetemp = own
        tempfile.tempdir = str(own)

    def close(self) -> None:
        """End what the forks shared."""
        self._session._setupstate.teardown_exact(None)
        shutil.rmtree(self._scratch, ignore_errors=True)


def _answer_of(reading: int, child: int, wall_s: float) -> tuple[bytes, bool]:
    """What the child wrote until it ended, or whether it had its time and did not end."""
    began, answer = time.monotonic(), b""
    while time.monotonic() - began - waited_s(child) < wall_s:
        if not select.select([reading], [], [], 1.0)[0]:
            continue
        piece = os.read(reading, 1 << 16)
        if not piece:
            return answer, False
        answer += piece
    return b"", True


def waited_s(process: int | str = "self") -> float:
    """How long a process has waited for a processor: a busy machine makes no test slow."""
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


def _memory() -> str | None:
    """A folder in memory, where there is one: tests write and sync many small ledgers."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _needs_own_server(item: pytest.Item) -> bool:
    names = getattr(getattr(getattr(item, "obj", None), "__code__", None), "co_names", ())
    return any("postgres" in name for name in getattr(item, "fixturenames", ())) and bool(
        _SERVER_VERBS & set(names)
    )


def _is_repeated(item: pytest.Item) -> bool:
    """On PostgreSQL only the ledger's tests run; others differ in nothing else from their run on SQLite."""
    return "[postgresql" in item.nodeid and "service/ledger/" not in item.nodeid


@contextlib.contextmanager
def collected(paths: Sequence[str]) -> Iterator[ForkServer]:
    """Import and collect the tests of these paths."""
    arguments = ["-q", "-s", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:faulthandler", "--tb=no"]
    config = get_config()
    config = config.pluginmanager.hook.pytest_cmdline_parse(
        pluginmanager=config.pluginmanager, args=[*arguments, *paths]
    )
    config._do_configure()
    session = Session.from_config(config)
    config.hook.pytest_sessionstart(session=session)
    config.hook.pytest_collection(session=session)
    server = ForkServer(config, session)
    try:
        yield server
    finally:
        server.close()
        config._ensure_unconfigure()
