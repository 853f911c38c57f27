"""The demonstration as a person starts it: real processes, real ports, and how it ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from packhouse_cli.exit_codes import Exit

pytestmark = pytest.mark.e2e


@contextmanager
def demo(folder: Path, *argv: str) -> Iterator[subprocess.Popen[str]]:
    """The demonstration, its output in one stream; whatever happens, it is ended."""
    environ = {**os.environ, "ALY_API_KEY": "aly_real_key", "PACKHOUSE_STORE__URL": "http://127.0.0.1:9"}
    process = subprocess.Popen(
        [sys.executable, "-m", "packhouse_cli", "demo", "--dir", str(folder / "run"), *argv],
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)


def output_until(process: subprocess.Popen[str], words: str) -> str:
    assert process.stdout is not None
    read = ""
    for line in process.stdout:
        read += line
        if words in line:
            return read
    raise AssertionError(f"it ended before it said {words!r}:\n{read}")


def processes_of(folder: Path) -> list[int]:
    """The processes that work in this run's folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").readlink() == folder / "run":
                found.append(int(entry.name))
        except OSError:
            continue
    return found


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/cwd").exists(), reason="looks at /proc, which this system lacks"
)


def test_everything_settles_and_the_books_agree(tmp_path: Path) -> None:
    with demo(tmp_path, "--orders", "40", "--rate", "0", "--exit") as process:
        out, _ = process.communicate(timeout=120)
    assert process.returncode == Exit.OK, out
    sums = re.search(r"40 orders = (\d+) shipped \+ (\d+) held \+ (\d+) left alone", out)
    assert sums is not None, out
    assert sum(map(int, sums.groups())) == 40
    assert "It adds up" in out
    assert "\x1b" not in out
    labels = [file for file in (tmp_path / "run/data/labels").rglob("*") if file.is_file()]
    assert len(labels) >= int(sums[1])
    assert processes_of(tmp_path) == []


@needs_proc
def test_a_daemon_that_dies_is_told_with_its_last_words_and_nothing_is_left_running(tmp_path: Path) -> None:
    with demo(tmp_path, "--orders", "30", "--rate", "2", "--exit") as process:
        output_until(process, "orders are on their way")
        serving = [
            pid for pid in processes_of(tmp_path) if b"serve" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        assert len(serving) == 1
        os.kill(serving[0], signal.SIGKILL)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == Exit.DEMO_PROCESS_DIED, out
    assert "The daemon was ended by signal 9." in out
    assert "daemon.log" in out
    assert "Traceback" not in out
    assert processes_of(tmp_path) == []


@needs_proc
@pytest.mark.parametrize("when", ["Starting the daemon", "orders are on their way"])
def test_ctrl_c_at_any_moment_ends_both_processes(tmp_path: Path, when: str) -> None:
    with demo(tmp_path, "--orders", "30", "--rate", "2") as process:
        output_until(process, when)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == Exit.INTERRUPTED, out
    assert "Traceback" not in out
    assert processes_of(tmp_path) == []


def test_what_does_not_settle_in_time_is_no_success(tmp_path: Path) -> None:
    argv = (
        "--orders",
        "5",
        "--rate",
        "0",
        "--fault",
        "easypost.error_before_effect=1",
        "--time-limit",
        "2",
        "--exit",
    )
    with demo(tmp_path, *argv) as process:
        out, _ = process.communicate(timeout=60)
    assert process.returncode == Exit.DEMO_TIME_LIMIT, out
    assert "not settled" in out
    assert "It adds up" not in out
