"""Calls that may never return are given up in time, and special files are never waited for."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from packhouse.blocking import call_in_time, read_regular_file


async def test_a_call_that_hangs_is_given_up_and_too_many_are_not_tried() -> None:
    release = threading.Event()
    try:
        for _ in range(16):
            with pytest.raises(TimeoutError, match=r"^reading x did not end within 0\.01 s$"):
                await call_in_time(0.01, release.wait, "reading x")
        with pytest.raises(OSError, match=r"^reading x is not tried: 16 earlier calls"):
            await call_in_time(30.0, lambda: 7, "reading x")
    finally:
        release.set()
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            assert await call_in_time(30.0, lambda: 7, "reading x") == 7
            break
        except OSError:
            time.sleep(0.01)
    else:
        raise AssertionError("calls that have returned still count")


async def test_a_call_gives_its_result_or_its_error() -> None:
    def fail() -> None:
        raise FileNotFoundError("gone")

    assert await call_in_time(30.0, lambda: "text", "x") == "text"
    with pytest.raises(FileNotFoundError, match="gone"):
        await call_in_time(30.0, fail, "x")


def _make_link_to(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def _make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


@pytest.mark.parametrize(
    "make",
    [
        os.mkfifo,
        Path.mkdir,
        _make_socket,
        _make_link_to("/dev/zero"),
        _make_link_to("/proc/self/environ"),
        _make_link_to("/proc/kmsg"),
        _make_link_to("/sys/kernel/mm/transparent_hugepage/enabled"),
        _make_link_to("."),
    ],
    ids=["fifo", "folder", "socket", "device", "environ", "kmsg", "sys", "link"],
)
async def test_what_is_no_regular_file_is_refused_at_once(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    make(tmp_path / "it")
    with pytest.raises(OSError, match="is not a regular file"):
        await call_in_time(30.0, lambda: read_regular_file(str(tmp_path / "it"), 100), "reading it")


def test_a_pipe_with_a_writer_is_refused_too(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "pipe").open("r+b", buffering=0) as writer:
        writer.write(b"^XA^XZ")
        with pytest.raises(OSError, match="is not a regular file"):
            read_regular_file(str(tmp_path / "pipe"), 100)


def test_a_file_that_is_too_large_or_grows_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 2**20)
    assert len(read_regular_file(str(file), 2**20)) == 2**20
    with file.open("ab") as more:
        more.truncate(2**40)  # a hole: it takes no space
    with pytest.raises(OSError, match="is larger than 1 MiB"):
        read_regular_file(str(file), 2**20)
