"""A daemon that is not ours: what it answers chooses no file, no viewer, no printer's mode and no command."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from packhouse_cli.commands.labels.kinds import kind_of
from packhouse_cli.exit_codes import Exit
from tests.cli.commands.labels.test_labels import FILES, READY, SHA, program
from tests.cli.commands.shipments.test_shipments import SHIPMENT
from tests.cli.runner import call, serving

NAMES = (
    "../escaped",
    "/tmp/escaped",
    ".bashrc",
    "a/b",
    "-rf",
    "x\x00y",
    "ord_1-1/../../escaped",
    "\x1b[2J",
    "",
)
TYPES = ("pdf/../../escaped", "sh", "desktop", "../x", "pdf\x1b[2J", "")


def foreign(name: str = "ord_1-1", kind: str = "pdf", content: bytes = b"%PDF-1.4 x", **more: Any) -> Any:
    """The answers of a daemon that names its shipment and its file's kind so."""
    shipment = json.loads(json.dumps(SHIPMENT)) | {"id": name} | more
    shipment["label"]["document_format"] = kind
    return {
        "GET /api/v1/shipments/ord_1-1": (200, shipment),
        "GET /api/v1/orders/ord_1": (200, {"id": name, "shipments": [shipment]}),
        f"GET /api/v1/labels/{SHA}": (200, content),
    }


@pytest.mark.parametrize(
    ("name", "kind"), [*((name, "pdf") for name in NAMES), *(("x", kind) for kind in TYPES)]
)
def test_a_daemon_chooses_neither_the_name_nor_the_kind_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, kind: str
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    home = {"HOME": str(tmp_path / "home"), "PATH": ""}
    with serving(foreign(name, kind)) as daemon:
        got = call("labels", "get", "ord_1", environ=daemon.environ | home)
        opened = call("labels", "open", "ord_1", environ=daemon.environ | home)
    assert (got.code, opened.code) == (0, 0)
    files = sorted(str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*") if file.is_file())
    assert files == ["here/ord_1.pdf", "home/.cache/packhouse/labels/ord_1.pdf"]


def test_the_real_command_writes_what_a_person_typed_into_its_folder_alone(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    (tmp_path / "a" / "victim.pdf").write_text("mine")
    with serving(foreign("../victim")) as daemon:
        line = [str(Path(sys.executable).with_name("packhouse")), "labels", "get", "ord_1-1"]
        done = subprocess.run(
            line, cwd=folder, env={**os.environ, **daemon.environ}, capture_output=True, text=True
        )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a" / "victim.pdf").read_text() == "mine"
    assert [file.name for file in folder.iterdir()] == ["ord_1-1.pdf"]


@pytest.mark.parametrize("typed", ["../../up", "/etc/x", "..", "a b;c", "\x1b[2Jx"])
def test_a_typed_id_stays_in_its_folder_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    from urllib.parse import quote

    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    answers = foreign() | {f"GET /api/v1/shipments/{quote(typed, safe='')}": (200, SHIPMENT)}
    with serving(answers) as daemon:
        call("labels", "get", "--", typed, environ=daemon.environ)
    assert [file.parent for file in tmp_path.rglob("*") if file.is_file()] == [folder]


def test_no_other_file_is_replaced_without_force_and_never_one_behind_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    mine, link, dangling = tmp_path / "mine", tmp_path / "link.pdf", tmp_path / "dangling.pdf"
    mine.write_text("mine")
    link.symlink_to(mine)
    dangling.symlink_to(tmp_path / "planted")
    with serving(FILES) as daemon:

        def get(*more: str) -> Any:
            return call("labels", "get", "ord_1-1", *more, environ=daemon.environ)

        for name in ("mine", "link.pdf", "dangling.pdf"):
            refused = get("-o", name)
            assert refused.code == Exit.CONFLICT
            assert "--force" in refused.err
        assert mine.read_text() == "mine"
        assert not (tmp_path / "planted").exists()
        assert get("-o", "link.pdf", "--force").code == 0
        assert (mine.read_text(), link.is_symlink()) == ("mine", False)
        assert get("-o", "mine", "--force").code == 0
        assert mine.read_bytes() == b"%PDF-1.4 label"
        assert get("-o", "mine").code == 0, "the same bytes again are no conflict"
        for device in (str(tmp_path), "/dev/null"):
            assert get("-o", device, "--force").code == Exit.CONFLICT
    assert sorted(file.name for file in tmp_path.iterdir()) == ["dangling.pdf", "link.pdf", "mine"]


def test_a_bought_label_whose_file_has_a_taken_name_is_reported_as_bought(tmp_path: Path) -> None:
    taken = tmp_path / "taken.pdf"
    taken.write_text("mine")
    with serving({"POST /api/v1/orders/ord_1/label": (200, READY), **FILES}) as daemon:
        line = ("labels", "create", "--order", "ord_1", "-o", str(taken))
        shown = call(*line, environ=daemon.environ)
    assert shown.code == Exit.CONFLICT
    assert "The label is bought" in shown.err
    assert taken.read_text() == "mine"


def test_a_file_without_end_is_left_after_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with serving(foreign(content=b"%PDF-1.4" + b" " * (33 << 20))) as daemon:
        shown = call("labels", "get", "ord_1-1", environ=daemon.environ)
    assert shown.code == Exit.UNKNOWN
    assert "more than 32 MB" in shown.err
    assert list(tmp_path.iterdir()) == []


def test_a_labels_bytes_are_not_written_to_a_terminal() -> None:
    with serving(foreign(content=b"\x1b]0;owned\x07^XA^XZ")) as daemon:
        shown = call("labels", "get", "ord_1-1", "-o", "-", environ=daemon.environ, tty=True)
    assert (shown.code, shown.out) == (Exit.USAGE, "")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"%PDF-1.7", "pdf"),
        (b"\x89PNG\r\n\x1a\n", "png"),
        (b"\xef\xbb\xbf ~TA000\n^XA^XZ", "zpl"),
        (b'\nN\nA50,0,0,1,1,1,N,"x"\nP1\n', "epl"),
        (b"<html>^XA^XZ", "bin"),
        (b"#!/bin/sh\n# ^XA", "bin"),
        (b"[Desktop Entry]\nExec=x", "bin"),
        (b"@PJL", "bin"),
        (b"", "bin"),
    ],
)
def test_a_files_kind_is_read_from_its_bytes(content: bytes, kind: str) -> None:
    assert kind_of(content) == kind


def test_what_a_daemon_says_is_raw_goes_to_the_printer_as_what_it_is(tmp_path: Path) -> None:
    path = program(tmp_path, "lp", f'echo "$@" > {tmp_path}/words; cat > /dev/null')
    with serving(foreign("-d evil", "zpl", b"@PJL SET X")) as daemon:
        refused = call("labels", "print", "ord_1", environ=daemon.environ | {"PATH": path})
    with serving(foreign("-d evil", "zpl")) as daemon:
        call("labels", "print", "ord_1", environ=daemon.environ | {"PATH": path})
    assert refused.code == Exit.CONFLICT
    assert (tmp_path / "words").read_text() == "-t ord_1 -n 1 -\n"


@pytest.mark.parametrize(
    "outside", ["ord_1; touch x", "$(touch x)", "`touch x`", "a'b", "--yes", "x\ny", "\x1b[2J"]
)
def test_a_suggested_command_is_one_command_whatever_is_in_its_ids(outside: str) -> None:
    hold = {"id": outside, "order_id": outside, "code": "manual"}
    answers = {
        "POST /api/v1/orders/ord_1/holds": (201, hold),
        "POST /api/v1/holds/9/release": (200, hold),
        "POST /api/v1/shipments/ord_1-1/void": (200, SHIPMENT | {"order_id": outside}),
        "POST /api/v1/orders/ord_1/label": (200, READY | {"tracking": outside, "carrier": outside}),
        "GET /api/v1/orders/ord_1": (200, {"id": "ord_1"}),
    }
    with serving(answers) as daemon:
        shown = [
            call(*line, environ=daemon.environ)
            for line in (
                ("holds", "place", "ord_1", "--reason", "r"),
                ("holds", "release", "9", "--reason", "r"),
                ("labels", "void", "ord_1-1", "--yes", "--reason", "r"),
                ("labels", "create", "--order", "ord_1"),
            )
        ]
    for each in shown:
        text = each.out + each.err
        command = text[text.index("packhouse ", text.find(": ") if "To " in text else 0) :].splitlines()[0]
        words = shlex.split(command, comments=False)
        assert not {"touch", "--yes"} & set(words), command
        assert not any(char in command.replace(shlex.quote(outside), "") for char in ";$`\x1b"), command
