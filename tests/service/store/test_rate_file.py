"""The store's rate in a file: shared by processes, kept over a restart, and never a reason to wait."""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path

import pytest

from packhouse.store.rate import FOUND, Rate
from packhouse.store.rate_file import OwnRate, SharedRate, open_rate

URL, KEY = "https://aly.store/api/storefront/v1", "aly_secret_key"


def found(shared: OwnRate, now: float = 1000.0) -> tuple[float, float]:
    rate = shared.begin(now)
    shared.end()
    return rate.rate, rate.phase


def settle(shared: OwnRate, calls_per_s: float) -> None:
    rate = shared.begin(1000.0)
    rate.rate, rate.phase = calls_per_s, FOUND
    shared.end()


def test_what_one_process_found_the_other_uses_and_a_restart_keeps(tmp_path: Path) -> None:
    first, second = (open_rate(str(tmp_path / "rates"), URL, KEY) for _ in range(2))
    settle(first, 9.7)
    assert found(second) == (9.7, FOUND)
    assert found(open_rate(str(tmp_path / "rates"), URL + "/", KEY)) == (9.7, FOUND)


def test_two_processes_take_their_turns_from_one_rate(tmp_path: Path) -> None:
    first, second = (open_rate(str(tmp_path / "rates"), URL, KEY) for _ in range(2))
    rate = first.begin(1000.0)
    rate.rate, rate.phase, rate.credit, rate.strict = 10.0, FOUND, 0.0, 1.0
    assert rate.take(1000.0, waited=False)[0] == 0
    first.end()
    wait_s, _ = second.begin(1000.0).take(1000.0, waited=False)
    second.end()
    assert wait_s == pytest.approx(0.1)


def test_another_store_or_key_has_a_rate_of_its_own_and_no_name_shows_the_key(tmp_path: Path) -> None:
    settle(open_rate(str(tmp_path), URL, KEY), 9.7)
    assert found(open_rate(str(tmp_path), URL, "other")) == (Rate().rate, Rate().phase)
    assert found(open_rate(str(tmp_path), "https://other.example", KEY)) == (Rate().rate, Rate().phase)
    for file in tmp_path.iterdir():
        assert KEY not in file.name
        assert KEY.encode() not in file.read_bytes()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_used_gives_a_rate_of_this_process_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    alone = open_rate(str(tmp_path / "file" / "rates"), URL, KEY)
    assert not alone.is_shared
    settle(alone, 9.7)
    assert found(alone) == (9.7, FOUND)


@pytest.mark.parametrize("damage", [b"", b"rat1", os.urandom(500), b"\0" * 500])
def test_a_damaged_file_is_ignored_and_then_replaced(tmp_path: Path, damage: bytes) -> None:
    shared = open_rate(str(tmp_path), URL, KEY)
    settle(shared, 9.7)
    (file,) = tmp_path.iterdir()
    file.write_bytes(damage)
    assert found(open_rate(str(tmp_path), URL, KEY)) == (Rate().rate, Rate().phase)
    assert found(open_rate(str(tmp_path), URL, KEY)) == (Rate().rate, Rate().phase)


def test_a_process_that_stopped_while_it_held_the_lock_delays_no_other(tmp_path: Path) -> None:
    shared = open_rate(str(tmp_path), URL, KEY)
    settle(shared, 9.7)
    (file,) = tmp_path.iterdir()
    with file.open("r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert found(shared) == (9.7, FOUND)  # what it knew last
        settle(shared, 5.0)
    assert found(open_rate(str(tmp_path), URL, KEY)) == (9.7, FOUND)


def test_two_calls_do_not_start_together_where_the_lock_is_busy(tmp_path: Path) -> None:
    shared = open_rate(str(tmp_path), URL, KEY)
    settle(shared, 10.0)
    (file,) = tmp_path.iterdir()
    with file.open("r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        now, starts = 2000.0, []
        while len(starts) < 20:
            wait_s, _ = shared.begin(now).take(now, waited=True)
            shared.end()
            starts += [] if wait_s else [now]
            now += wait_s
    assert 0.1 <= starts[0] - 2000 < 1  # the holder's call may start now; it is not waited for without end
    assert starts[-1] - starts[0] == pytest.approx(1.9, abs=0.1)


def test_a_link_in_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    shared = open_rate(str(tmp_path / "rates"), URL, KEY)
    assert isinstance(shared, SharedRate)
    (file,) = (tmp_path / "rates").iterdir()
    file.unlink()
    (tmp_path / "target").write_text("kept")
    file.symlink_to(tmp_path / "target")
    assert not open_rate(str(tmp_path / "rates"), URL, KEY).is_shared
    assert (tmp_path / "target").read_text() == "kept"
