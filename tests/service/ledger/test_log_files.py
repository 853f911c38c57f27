"""The files of the guard log: one a day, whole lines only, for this user alone, and closed in time."""

from __future__ import annotations

import resource
import shutil
import stat
from pathlib import Path

import pytest

from packhouse.ledger.facts import Fact, Facts, Kind, Mark
from packhouse.ledger.guard_log import GuardLog, Line, ledgers_in, marks_of
from tests.service.ledger.log_rows import line, pause

DAY_S = 86_400.0


def commit(number: int | None, at: float | None = None, why: str = "ada: wait") -> Facts:
    """A commit with this entry of the journal, at the same time."""
    time = at if at is not None else float(number or 0)
    mark = None if number is None else Mark(number, time)
    return Facts(time, mark, [Fact(Kind.PAUSE, pause(why, time))])


def begins(log: GuardLog) -> list[tuple[int, bool]]:
    """The entry of each line, and whether the log begins with it."""
    return [(found.mark.id, found.begins) for found in log.lines() if found.mark]


def open_files(folder: Path) -> int:
    """How many files of this folder the process has open."""
    found = []
    for one in Path("/proc/self/fd").iterdir():
        try:
            found.append(one.readlink())
        except OSError:
            continue
    return sum(file.is_relative_to(folder) for file in found)


# ---- lines ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_restored", [True, False])
def test_a_line_is_read_as_it_was_written(tmp_path: Path, *, is_restored: bool) -> None:
    log = GuardLog(tmp_path, "a")
    log.append(commit(7), begins=not is_restored, restored=is_restored)
    log.append(commit(None, 9.0))
    rows = (Fact(Kind.PAUSE, pause("ada: wait", 7.0)),)
    assert list(log.lines()) == [
        Line(Mark(7, 7.0), rows, begins=not is_restored, restored=is_restored),
        Line(None, (Fact(Kind.PAUSE, pause("ada: wait", 9.0)),)),
    ]
    log.close()


@pytest.mark.parametrize(
    "cut", [b"", b"{", b'{"j":[1', b'{"r":[]}', b'{"j":[1,2,3],"r":[]}', b'{"j":null,"r":[["x",{}]]}', b"[1]"]
)
def test_a_line_that_cannot_be_read_is_left_out(tmp_path: Path, cut: bytes) -> None:
    log = GuardLog(tmp_path, "a")
    log.append(commit(1))
    log.close()
    (file,) = log.folder.iterdir()
    whole = file.read_bytes()
    file.write_bytes(cut + b"\n" + whole)
    assert [found.mark for found in log.lines()] == [Mark(1, 1.0)]
    assert log.tail() == (Mark(1, 1.0),)


def test_a_log_that_is_opened_again_adds_whole_lines_and_nothing_else(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        log = GuardLog(tmp_path, "a")
        log.append(commit(number))
        log.close()
    (file,) = log.folder.iterdir()
    assert file.read_bytes().count(b"\n") == 3
    assert b"\n\n" not in file.read_bytes()
    assert begins(log) == [(1, False), (2, False), (3, False)]


def test_processes_that_share_a_log_write_to_its_end(tmp_path: Path) -> None:
    one, two = GuardLog(tmp_path, "a"), GuardLog(tmp_path, "a")
    for number in range(6):
        (one, two)[number % 2].append(commit(number))
    assert begins(one) == [(number, False) for number in range(6)]
    one.close()
    two.close()


# ---- lines that were lost -------------------------------------------------------------------------------


def test_lines_that_were_lost_are_reported_again_after_the_log_was_whole(tmp_path: Path) -> None:
    said: list[str] = []
    log = GuardLog(tmp_path, "a", report=said.append)
    log.append(commit(1))
    for number in (2, 4):
        log.close()
        shutil.move(log.folder, tmp_path / "away")
        log.folder.write_text("a file in its place")
        log.append(commit(number))
        log.folder.unlink()
        shutil.move(tmp_path / "away", log.folder)
        log.append(commit(number + 1))
    log.append(commit(6))
    assert begins(log) == [(1, False), (3, True), (5, True), (6, False)]
    assert [why.partition(": ")[0] for why in said] == [
        f"The guard log in {log.folder} cannot be written"
    ] * 2
    log.close()


def test_a_line_of_which_the_disk_took_a_part_is_lost(tmp_path: Path) -> None:
    """The next line is whole, and says that lines were lost before it."""
    said: list[str] = []
    log = GuardLog(tmp_path, "a", report=said.append)
    log.append(commit(1), begins=True)
    (file,) = log.folder.iterdir()
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + 20, unlimited[1]))
    try:
        log.append(commit(2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    log.append(commit(3))
    log.append(commit(4))
    assert begins(log) == [(1, True), (3, True), (4, False)]
    assert said == [f"The guard log in {log.folder} cannot be written: No space left on device"]
    log.close()


# ---- what the ledger must have --------------------------------------------------------------------------


def test_the_last_commits_of_a_process_are_known_until_they_are_forgotten(tmp_path: Path) -> None:
    log = GuardLog(tmp_path, "a")
    assert list(log.recent) == []
    for number in range(70):
        log.append(commit(number))
    log.append(commit(None, 70.0))
    assert [mark.id for mark in log.recent] == list(range(6, 70)), "one for each connection, and some more"
    log.forget_recent()
    assert list(log.recent) == []
    log.close()


@pytest.mark.parametrize(
    ("lines", "last"),
    [
        ([], []),
        ([line(1), line(None), line(2)], [1, 2]),
        ([line(1), line(3, restored=True), line(4)], [3, 4]),
        ([line(number) for number in range(70)], list(range(6, 70))),
    ],
)
def test_the_last_entries_of_lines_are_those_since_the_last_restore(
    lines: list[Line], last: list[int]
) -> None:
    assert [mark.id for mark in marks_of(lines)] == last


def test_the_last_entries_are_in_the_newest_file_that_has_any(tmp_path: Path) -> None:
    log = GuardLog(tmp_path, "a")
    assert log.tail() == ()
    log.append(commit(1, 0.0))
    log.append(commit(2, DAY_S))
    log.append(commit(None, 2 * DAY_S))
    assert log.tail() == (Mark(2, DAY_S),)
    log.append(commit(3, 2 * DAY_S))
    assert log.tail() == (Mark(3, 2 * DAY_S),)
    log.close()


def test_the_last_entries_of_a_long_day_are_found(tmp_path: Path) -> None:
    log = GuardLog(tmp_path, "a")
    for number in range(100):
        log.append(commit(number, 0.0, "ada: " + "x" * 4000))
    assert log.tail()[-1] == Mark(99, 0.0)
    assert 50 < len(log.tail()) <= 64
    log.close()


# ---- files and folders ----------------------------------------------------------------------------------


def test_a_log_that_was_closed_is_opened_again_by_the_next_commit(tmp_path: Path) -> None:
    log = GuardLog(tmp_path, "a")
    log.append(commit(1))
    log.close()
    log.append(commit(2))
    assert begins(log) == [(1, False), (2, False)]
    log.close()


def test_one_file_is_open_at_a_time_and_none_after_the_end(tmp_path: Path) -> None:
    log = GuardLog(tmp_path, "a")
    for day in range(3):
        log.append(commit(day, day * DAY_S))
        assert open_files(tmp_path) == 1
    log.close()
    log.close()
    assert open_files(tmp_path) == 0


def test_a_folder_that_somebody_deleted_is_made_again_the_next_day(tmp_path: Path) -> None:
    log = GuardLog(tmp_path, "a")
    log.append(commit(1, 0.0))
    shutil.rmtree(tmp_path / "guard-log")
    log.append(commit(2, DAY_S))
    assert begins(log) == [(2, False)]
    assert [file.stem for file in log.folder.iterdir()] == ["1970-01-02"]
    log.close()


def test_a_data_folder_has_one_name_that_lasts(tmp_path: Path) -> None:
    data_dir = tmp_path / "new" / "data"
    one, other = GuardLog(data_dir, "a"), GuardLog(tmp_path / "other", "a")
    assert one.folder_id
    assert other.folder_id != one.folder_id
    assert GuardLog(data_dir, "b").folder_id == one.folder_id
    folder = data_dir / "guard-log"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()] == [0o600]


def test_a_data_folder_that_keeps_nothing_has_no_name(tmp_path: Path) -> None:
    (tmp_path / "guard-log").write_text("a file in its place")
    assert GuardLog(tmp_path, "a", report=lambda _: None).folder_id == ""


def test_each_ledger_with_a_log_is_named_once(tmp_path: Path) -> None:
    assert ledgers_in(tmp_path) == []
    for ledger_id, days in (("b", 2), ("a", 1), ("none", 0)):
        log = GuardLog(tmp_path, ledger_id)
        for day in range(days):
            log.append(commit(day, day * DAY_S))
        log.close()
    (tmp_path / "guard-log" / "empty").mkdir()
    assert ledgers_in(tmp_path) == ["a", "b"]
