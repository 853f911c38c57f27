"""Label files: kept by what is in them, whole or not at all, in a folder for this user alone."""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
from pathlib import Path

import pytest

from packhouse.errors import LedgerUnavailable
from packhouse.ledger.documents import DocumentFolder
from packhouse.model.label import LabelDocument, LabelFormat
from tests.service.ledger.open_files import open_files_in

LABEL = LabelDocument(b"^XA^XZ", LabelFormat.ZPL)
DIGEST = hashlib.sha256(LABEL.content).hexdigest()
MOST_BYTES = 64 * 1024 * 1024


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_is_in_the_folder_of_the_first_two_digits_of_its_hash(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "labels"
    documents = DocumentFolder(folder)
    assert documents.path(DIGEST, LabelFormat.ZPL) == folder / DIGEST[:2] / f"{DIGEST}.zpl"
    assert asyncio.run(documents.keep(LABEL)) == DIGEST
    assert [path for path in folder.rglob("*") if path.is_file()] == [documents.path(DIGEST, LabelFormat.ZPL)]


def test_only_this_user_may_look_into_the_folders(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        documents = DocumentFolder(tmp_path / "labels")
        documents.put(LABEL)
    finally:
        os.umask(before)
    assert mode(tmp_path / "labels") == mode(tmp_path / "labels" / DIGEST[:2]) == 0o700


def test_files_share_a_folder(tmp_path: Path) -> None:
    numbers = (str(number).encode() for number in range(10_000))
    neighbour = next(one for one in numbers if hashlib.sha256(one).hexdigest()[:2] == DIGEST[:2])
    documents = DocumentFolder(tmp_path)
    for content in (LABEL.content, neighbour):
        documents.put(LabelDocument(content, LabelFormat.ZPL))
    assert len(list((tmp_path / DIGEST[:2]).iterdir())) == 2


def test_a_file_that_is_there_is_not_written_again(tmp_path: Path) -> None:
    documents = DocumentFolder(tmp_path)
    path = documents.path(documents.put(LABEL), LABEL.format)
    before = path.stat().st_ino
    documents.put(LABEL)
    assert path.stat().st_ino == before


def test_a_file_has_its_name_once_its_bytes_are_on_disk_and_then_the_name_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = DocumentFolder(tmp_path)
    path = documents.path(DIGEST, LABEL.format)
    synced: list[tuple[bool, int | None]] = []

    def fsync(handle: int) -> None:
        found = os.fstat(handle)
        synced.append((path.exists(), found.st_size if stat.S_ISREG(found.st_mode) else None))

    monkeypatch.setattr(os, "fsync", fsync)
    documents.put(LABEL)
    assert synced == [(False, len(LABEL.content)), (True, None)]
    assert path.read_bytes() == LABEL.content


def test_a_disk_that_is_full_is_reported_and_nothing_of_the_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = DocumentFolder(tmp_path)

    def fail(handle: int) -> None:
        if stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(
        LedgerUnavailable, match=rf"cannot write the label file to {tmp_path}: .*No space left"
    ):
        documents.put(LABEL)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_first_failure_is_the_one_that_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = DocumentFolder(tmp_path)

    def fail(handle: int) -> None:
        for part in tmp_path.rglob(".part-*"):
            part.unlink()
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(LedgerUnavailable, match="Input/output error"):
        documents.put(LABEL)


def test_no_file_stays_open(tmp_path: Path) -> None:
    documents = DocumentFolder(tmp_path)
    documents.put(LABEL)
    documents.get(DIGEST, LABEL.format)
    assert open_files_in(tmp_path) == []


@pytest.mark.parametrize(("size", "is_found"), [(MOST_BYTES, True), (MOST_BYTES + 1, False)])
def test_a_file_of_more_than_64_mib_is_no_label(tmp_path: Path, size: int, is_found: bool) -> None:
    documents = DocumentFolder(tmp_path)
    digest = hashlib.sha256(bytes(size)).hexdigest()
    path = documents.path(digest, LabelFormat.RAW)
    path.parent.mkdir()
    with path.open("wb") as file:
        file.truncate(size)
    assert (documents.get(digest, LabelFormat.RAW) is not None) is is_found


def test_a_document_is_found_again_by_its_hash(tmp_path: Path) -> None:
    documents = DocumentFolder(tmp_path / "labels")
    digest = documents.put(LabelDocument(b"^XA^XZ", LabelFormat.ZPL))
    assert digest == hashlib.sha256(b"^XA^XZ").hexdigest()
    assert documents.get(digest, LabelFormat.ZPL) == b"^XA^XZ"
    assert documents.get("0" * 64, LabelFormat.ZPL) is None


def test_the_same_document_is_kept_once_and_nothing_half_written_stays(tmp_path: Path) -> None:
    documents = DocumentFolder(tmp_path)
    for _ in range(2):
        documents.put(LabelDocument(b"x", LabelFormat.PDF))
    assert [path.suffix for path in tmp_path.rglob("*") if path.is_file()] == [".pdf"]


def test_a_disk_that_refuses_is_reported(tmp_path: Path) -> None:
    documents = DocumentFolder(tmp_path / "labels")
    (tmp_path / "labels" / hashlib.sha256(b"x").hexdigest()[:2]).write_text("a file where a folder should be")
    with pytest.raises(LedgerUnavailable):
        documents.put(LabelDocument(b"x", LabelFormat.PDF))


@pytest.mark.parametrize("planted", ["pipe", "link", "broken link", "cut off", "other bytes"])
def test_what_only_has_a_documents_name_is_not_the_document(tmp_path: Path, planted: str) -> None:
    documents = DocumentFolder(tmp_path / "labels")
    document = LabelDocument(b"^XA^XZ", LabelFormat.ZPL)
    digest = hashlib.sha256(document.content).hexdigest()
    path = documents.path(digest, document.format)
    path.parent.mkdir(parents=True)
    other = tmp_path / "other"
    other.write_bytes(b"of someone else")
    match planted:
        case "pipe":
            os.mkfifo(path)
        case "link":
            path.symlink_to(other)
        case "broken link":
            path.symlink_to(tmp_path / "nowhere")
        case _:
            path.write_bytes(b"" if planted == "cut off" else b"^XA")
    assert documents.get(digest, document.format) is None
    assert documents.put(document) == digest
    assert documents.get(digest, document.format) == document.content
    assert path.is_file()
    assert not path.is_symlink()
    assert other.read_bytes() == b"of someone else"
