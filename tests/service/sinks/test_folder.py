"""The folder of labels under readable names."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from packhouse.model.shipment import Shipment
from packhouse.model.states import ShipmentState
from packhouse.sinks.folder import FolderSink
from packhouse.sinks.port import Announcement


def _announce(folder: Path, shipment_id: str, file: Path | None) -> None:
    shipment = Shipment(shipment_id, "o", 1, ShipmentState.FULFILLED, ())
    asyncio.run(FolderSink(folder).announce(Announcement(shipment, file)))


def test_a_label_is_linked_under_its_shipments_name_once(tmp_path: Path) -> None:
    label = tmp_path / "abc.zpl"
    label.write_bytes(b"^XA")
    for _ in range(2):
        _announce(tmp_path / "out", "ord_1-1", label)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["ord_1-1.zpl"]


def test_an_order_id_from_outside_cannot_leave_the_folder(tmp_path: Path) -> None:
    label = tmp_path / "abc.zpl"
    label.write_bytes(b"^XA")
    _announce(tmp_path / "out", "../../etc/passwd", label)
    (made,) = (tmp_path / "out").iterdir()
    assert made.parent == tmp_path / "out"


def test_a_shipment_without_a_file_makes_none(tmp_path: Path) -> None:
    _announce(tmp_path / "out", "ord_1-1", None)
    assert list((tmp_path / "out").iterdir()) == []


def test_ids_that_need_another_name_or_are_too_long_get_a_file_each(tmp_path: Path) -> None:
    label = tmp_path / "abc.zpl"
    label.write_bytes(b"^XA")
    ids = ["a:b-1", "a;b-1", "a_b-1", "x" * 253 + "-1", "x" * 253 + "-2"]
    for shipment_id in ids:
        _announce(tmp_path / "out", shipment_id, label)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert len(names) == len(ids)
    assert "a_b-1.zpl" in names


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_nothing_is_written_through_a_link_or_a_pipe_in_the_folder(tmp_path: Path, kind: str) -> None:
    """A link in the label's place makes a copy necessary; the copy's first name is taken too."""
    label, outside, out = tmp_path / "abc.zpl", tmp_path / "outside", tmp_path / "out"
    label.write_bytes(b"^XA")
    outside.write_bytes(b"of someone else")
    out.mkdir()
    (out / "ord_1-1.zpl").symlink_to(tmp_path / "nowhere")
    part = out / ".ord_1-1.zpl.part"
    if kind == "pipe":
        os.mkfifo(part)
    else:
        part.symlink_to(outside)
    _announce(out, "ord_1-1", label)
    assert outside.read_bytes() == b"of someone else"
    assert (out / "ord_1-1.zpl").read_bytes() == b"^XA"
    assert not (out / "ord_1-1.zpl").is_symlink()
    assert [path.name for path in out.iterdir()] == ["ord_1-1.zpl"]
