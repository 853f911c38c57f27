"""Label files: kept by what is in them, whole or not at all."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from packhouse.errors import LedgerUnavailable
from packhouse.ledger.documents import DocumentFolder
from packhouse.model.label import LabelDocument, LabelFormat


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
