"""The demo as a person starts it: real processes, real ports, and how it ends."""

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
    """The demo, with its output in one stream; it is stopped at the end in every case."""
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
            process.communicate(timeout=180)


def output_until(process: subprocess.Popen[str], words: str) -> str:
    assert process.stdout is not None
    read = ""
    for line in process.stdout:
        read += line
        if words in line:
            return read
    raise AssertionError(f"it ended before it printed {words!r}:\n{read}")


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


def test_all_orders_are_processed_and_all_totals_agree(tmp_path: Path) -> None:
    with demo(tmp_path, "--orders", "40", "--rate", "0", "--exit") as process:
        out, _ = process.communicate(timeout=300)
    assert process.returncode == Exit.OK, out
    sums = re.search(r"40 orders = (\d+) shipped \+ (\d+) held \+ (\d+) closed", out)
    assert sums is not None, out
    assert sum(map(int, sums.groups())) == 40
    assert "All totals agree" in out
    assert f"{sums[2]} orders wait for a person." in out
    assert '"Cargo bike" = "cheapest"' in out
    assert "Say it in [shipping_options] in packhouse.toml" in " ".join(out.split())
    assert "\x1b" not in out
    labels = [file for file in (tmp_path / "run/data/labels").rglob("*") if file.is_file()]
    assert len(labels) >= int(sums[1])
    assert processes_of(tmp_path) == []


@needs_proc
def test_if_the_daemon_dies_its_last_log_lines_are_shown_and_nothing_keeps_running(tmp_path: Path) -> None:
    with demo(tmp_path, "--orders", "30", "--rate", "2", "--exit") as process:
        output_until(process, "orders are arriving")
        serving = [
            pid for pid in processes_of(tmp_path) if b"serve" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        assert len(serving) == 1
        os.kill(serving[0], signal.SIGKILL)
        out, _ = process.communicate(timeout=180)
    assert process.returncode == Exit.DEMO_PROCESS_DIED, out
    assert "The daemon was killed by signal 9." in out
    assert "daemon.log" in out
    assert "Traceback" not in out
    assert processes_of(tmp_path) == []


@needs_proc
@pytest.mark.parametrize("when", ["Starting the daemon", "orders are arriving"])
def test_ctrl_c_at_any_moment_stops_both_processes(tmp_path: Path, when: str) -> None:
    with demo(tmp_path, "--orders", "30", "--rate", "2") as process:
        output_until(process, when)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=180)
    assert process.returncode == Exit.INTERRUPTED, out
    assert "Traceback" not in out
    assert processes_of(tmp_path) == []


def test_orders_that_are_not_processed_in_time_are_a_failure(tmp_path: Path) -> None:
    argv = (
        "--orders",
        "5",
        "--rate",
        "0",
        "--fault",
        "easypost.error_before_effect=1",
        "--time-limit",
        "8",
        "--exit",
    )
    with demo(tmp_path, *argv) as process:
        out, _ = process.communicate(timeout=180)
    assert process.returncode == Exit.DEMO_TIME_LIMIT, out
    assert "EasyPost answered 500" in out
    assert "orders are not finished." in out
    assert "All totals agree" not in out
