"""The number of connections fits the number of files that the process may open."""

from __future__ import annotations

import pytest

from packhouse.api.capacity import capacity


@pytest.mark.parametrize("open_files", [64, 256, 512, 1024, 4096, 20_000, 1 << 20])
def test_connections_and_the_queue_leave_room_for_the_files_of_the_daemon(open_files: int) -> None:
    fits = capacity(8000, open_files)
    assert 16 <= fits.connections <= 8000
    assert fits.connections + fits.backlog <= open_files - min(256, open_files // 2)


def test_enough_files_give_the_number_that_was_set() -> None:
    assert capacity(8000, 20_000).connections == 8000
    assert capacity(100, 20_000).connections == 100


def test_the_usual_soft_limit_leaves_room_for_hundreds() -> None:
    assert 500 < capacity(8000, 1024).connections < 700
