"""Signals of terminals and supervisors: the daemon finishes its work, and ignores what it was told to."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.processes import Process, free_port, wait_for

pytestmark = pytest.mark.e2e


def started(folder: Path, under: tuple[str, ...] = ()) -> Process:
    """A daemon alone, without a store, which may not serve yet."""
    return Process(
        folder,
        "daemon",
        "serve",
        environ={
            "PACKHOUSE_STORE__URL": "http://127.0.0.1:1/api",
            "ALY_API_KEY": "aly_signals",
            "PACKHOUSE_DATA_DIR": str(folder / "data"),
            "PACKHOUSE_HTTP__PORT": str(free_port()),
        },
        under=under,
    )


def serving(folder: Path, under: tuple[str, ...] = ()) -> Process:
    """A daemon alone, without a store, that serves."""
    process = started(folder, under)
    wait_for(lambda: '"serving"' in process.output(), "the daemon to serve")
    wait_for(lambda: _accepts(port_of(process)), "the port to accept connections")
    return process


def port_of(process: Process) -> int:
    """The port in the log line that says where the daemon serves."""
    return int(process.output().split('"url": "http://127.0.0.1:')[1].split('"')[0])


def _accepts(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_the_daemon_stops_in_order_on_each_signal_that_ends_programs(
    number: signal.Signals, tmp_path: Path
) -> None:
    process = serving(tmp_path)
    try:
        os.kill(process.pid, number)
        assert process.wait() == 0
    finally:
        process.kill()
    assert '"stopping"' in process.output()
    assert '"stopped"' in process.output()
    assert "Traceback" not in process.output()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs the signal masks of Linux")
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
@pytest.mark.parametrize("after_s", [0.0, 0.3, 0.8])
def test_a_stop_during_the_start_ends_the_daemon_with_0(
    number: signal.Signals, after_s: float, tmp_path: Path
) -> None:
    process = started(tmp_path)
    try:
        wait_for(lambda: _catches(process.pid, number), "the command to run")
        time.sleep(after_s)
        os.kill(process.pid, number)
        assert process.wait() == 0
    finally:
        process.kill()
    assert "Traceback" not in process.output()


def _catches(pid: int, number: signal.Signals) -> bool:
    mask = Path(f"/proc/{pid}/status").read_text().split("SigCgt:")[1].split()[0]
    return bool(int(mask, 16) >> (number - 1) & 1)


def test_under_nohup_the_end_of_the_terminal_changes_nothing(tmp_path: Path) -> None:
    process = serving(tmp_path, under=("sh", "-c", "trap '' HUP; exec \"$@\"", "sh"))
    try:
        os.kill(process.pid, signal.SIGHUP)
        time.sleep(1)
        assert process.alive()
        assert process.end() == 0
    finally:
        process.kill()
    assert process.output().count('"stopping"') == 1


def test_a_second_signal_closes_connections_and_still_ends_in_order(tmp_path: Path) -> None:
    process = serving(tmp_path)
    try:
        with socket.create_connection(("127.0.0.1", port_of(process))) as half_sent:
            half_sent.sendall(b"POST /webhooks/aly HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
            time.sleep(0.3)
            os.kill(process.pid, signal.SIGHUP)
            time.sleep(0.3)
            os.kill(process.pid, signal.SIGHUP)
            assert process.wait() == 0
    finally:
        process.kill()
    assert '"stopped"' in process.output()


@pytest.mark.parametrize("arguments", [("help",), ("--help",), ("sandbox", "--help"), ("serve", "--help")])
def test_a_reader_that_leaves_early_sees_no_traceback(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", '"$@" | head -n 1 >/dev/null', "sh", sys.executable, "-m", "packhouse_cli", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.stderr == ""
