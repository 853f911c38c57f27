"""`packhouse labels`: handed out once, fetched as files, printed and opened by the system's own programs."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from packhouse_cli.exit_codes import Exit
from tests.cli.commands.shipments.test_shipments import SHIPMENT
from tests.cli.runner import call, serving

SHA = "ab" * 32
READY: dict[str, Any] = {
    "order_id": "ord_1",
    "state": "ready",
    "why": "",
    "hold_id": 9,
    "shipment_id": "ord_1-1",
    "tracking": "9400",
    "carrier": "USPS",
    "service": "Ground",
    "cost_minor": 767,
    "currency": "USD",
    "document": SHA,
    "document_format": "pdf",
    "parcels": 1,
    "bought": True,
    "complete": True,
}
REFUSED = READY | {
    "state": "refused",
    "why": "The delivery address is incomplete. City is missing.",
    "tracking": "",
    "bought": False,
    "complete": False,
    "document": "",
}
FILES = {
    "GET /api/v1/shipments/ord_1-1": (200, SHIPMENT),
    "GET /api/v1/orders/ord_1": (200, {"id": "ord_1", "shipments": [SHIPMENT]}),
    f"GET /api/v1/labels/{SHA}": (200, b"%PDF-1.4 label"),
}


def program(folder: Path, name: str, script: str) -> str:
    """A program on a PATH of its own."""
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def test_a_label_is_waited_for_and_printed_for_a_script() -> None:
    waiting = READY | {"state": "waiting", "tracking": "", "complete": False}
    answers = {
        "GET /api/v1/orders/ord_1": (200, {"id": "ord_1"}),
        "POST /api/v1/orders/ord_1/label": (200, waiting),
        "GET /api/v1/orders/ord_1/label": (200, READY),
    }
    with serving(answers) as daemon:
        shown = call("labels", "create", "--order", "ord_1", "--json", environ=daemon.environ)
    assert shown.code == 0
    assert shown.json["tracking"] == "9400"
    assert shown.json["carrier"] == "USPS"
    assert shown.json["cost_minor"] == 767
    assert shown.json["label_url"] == f"{daemon.url}/api/v1/labels/{SHA}"
    assert [name for name, _ in daemon.asked] == list(answers)


def test_a_label_file_is_kept_where_it_was_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "l.pdf"
    with serving({"POST /api/v1/orders/ord_1/label": (200, READY), **FILES}) as daemon:
        shown = call(
            *("labels", "create", "--order", "ord_1", "--json", "-o", str(file)), environ=daemon.environ
        )
    assert file.read_bytes() == b"%PDF-1.4 label"
    assert shown.json["label_file"] == str(file)


def test_an_order_that_may_not_ship_gets_no_label_and_is_the_machines_again() -> None:
    answers = {
        "GET /api/v1/orders/ord_1": (200, {"id": "ord_1"}),
        "POST /api/v1/orders/ord_1/label": (200, REFUSED),
        "POST /api/v1/holds/9/release": (409, {"error": {"code": "conflict", "message": "released"}}),
    }
    with serving(answers) as daemon:
        shown = call("labels", "create", "--order", "ord_1", "--json", environ=daemon.environ)
    assert (shown.code, shown.out) == (Exit.CONFLICT, "")
    assert "City is missing" in shown.err.splitlines()[0]
    assert [name for name, _ in daemon.asked] == list(answers)


def test_an_order_that_the_store_does_not_know_is_not_waited_for() -> None:
    with serving({}) as daemon, serving({}) as store:
        keys = {"ALY_API_KEY": "aly_x", "PACKHOUSE_STORE__URL": store.url}
        shown = call("labels", "create", "--order", "ord_1", environ={**daemon.environ, **keys})
    assert shown.code == Exit.NOT_FOUND
    assert "ord_1" in shown.err
    assert [name for name, _ in daemon.asked] == ["GET /api/v1/orders/ord_1"]
    assert len(store.asked) == 1


def test_a_label_that_does_not_come_in_time_is_reported_as_still_open() -> None:
    waiting = READY | {"state": "waiting", "why": "The provider does not answer.", "complete": False}
    answers = {f"{verb} /api/v1/orders/ord_1/label": (200, waiting) for verb in ("POST", "GET")}
    with serving(answers) as daemon:
        shown = call("labels", "create", "--order", "ord_1", "--timeout", "0.3", environ=daemon.environ)
    assert shown.code == Exit.NETWORK
    assert "The provider does not answer. The request is still open" in shown.err


@pytest.mark.parametrize("name", ["ord_1-1", "ord_1"])
def test_a_labels_file_is_fetched_by_its_shipment_or_its_order(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with serving(FILES) as daemon:
        shown = call("labels", "get", name, "--json", environ=daemon.environ)
    assert shown.json["file"] == "ord_1-1.pdf"
    assert Path("ord_1-1.pdf").read_bytes() == b"%PDF-1.4 label"


def test_an_order_without_a_label_and_one_with_several_get_different_errors() -> None:
    several = {"id": "ord_1", "shipments": [SHIPMENT, SHIPMENT | {"id": "ord_1-2"}]}
    for order, code in (({"id": "ord_1", "shipments": []}, Exit.NOT_FOUND), (several, Exit.USAGE)):
        with serving({"GET /api/v1/orders/ord_1": (200, order)}) as daemon:
            assert call("labels", "get", "ord_1", environ=daemon.environ).code == code


def test_a_label_goes_to_the_printer_through_lp(tmp_path: Path) -> None:
    path = program(
        tmp_path, "lp", f'echo "$@" > {tmp_path}/words; cat > {tmp_path}/bytes; echo request id is 5'
    )
    with serving(FILES) as daemon:
        line = ("labels", "print", "ord_1", "--printer", "zebra", "--copies", "2")
        shown = call(*line, environ=daemon.environ | {"PATH": path})
    assert shown.code == 0
    assert "request id is 5" in shown.out
    assert (tmp_path / "bytes").read_bytes() == b"%PDF-1.4 label"
    assert (tmp_path / "words").read_text() == "-t ord_1-1 -n 2 -d zebra -\n"


def test_a_zpl_label_goes_to_its_printer_as_it_is(tmp_path: Path) -> None:
    path = program(tmp_path, "lp", f'echo "$@" > {tmp_path}/words; cat > /dev/null')
    for content, is_raw in ((b"^XA^FDlabel^FS^XZ", True), (b"%PDF-1.4 label ^XA", False)):
        with serving(FILES | {f"GET /api/v1/labels/{SHA}": (200, content)}) as daemon:
            call("labels", "print", "ord_1-1", environ=daemon.environ | {"PATH": path})
        assert ("-o raw" in (tmp_path / "words").read_text()) is is_raw


def test_without_lp_or_with_a_refusing_one_nothing_is_claimed(tmp_path: Path) -> None:
    path = program(tmp_path, "lp", "cat > /dev/null; echo unknown destination >&2; exit 1")
    with serving(FILES) as daemon:
        absent = call("labels", "print", "ord_1-1", environ=daemon.environ | {"PATH": str(tmp_path / "no")})
        refusing = call("labels", "print", "ord_1-1", environ=daemon.environ | {"PATH": path})
    assert absent.code == refusing.code == Exit.UNKNOWN
    assert "packhouse labels get" in absent.err
    assert "unknown destination" in refusing.err


def test_a_label_is_opened_by_the_desktop_or_its_file_is_named(tmp_path: Path) -> None:
    path = program(tmp_path, "xdg-open", f'cp "$1" {tmp_path}/opened')
    home = {"PATH": path, "HOME": str(tmp_path)}
    with serving(FILES) as daemon:
        opened = call(
            *("labels", "open", "ord_1", "--json"), environ=daemon.environ | home | {"DISPLAY": ":0"}
        )
        alone = call("labels", "open", "ord_1", environ=daemon.environ | home)
    assert opened.json["opened"] is True
    assert (tmp_path / "opened").read_bytes() == b"%PDF-1.4 label"
    assert Path(alone.out.strip()).read_bytes() == b"%PDF-1.4 label"
    assert "No viewer" in alone.err


def test_an_opened_label_is_private_and_deleted_after_a_day(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path), "PATH": ""}
    folder = tmp_path / ".cache" / "packhouse" / "labels"
    folder.mkdir(parents=True)
    for name, age_s in (("old.pdf", 90_000), ("new.pdf", 60)):
        (folder / name).write_bytes(b"address")
        os.utime(folder / name, (time.time() - age_s,) * 2)
    with serving(FILES) as daemon:
        shown = call("labels", "open", "ord_1", environ=daemon.environ | home)
        homeless = call("labels", "open", "ord_1", environ=daemon.environ)
    file = Path(shown.out.strip())
    assert (file.parent, file.stat().st_mode & 0o777) == (folder, 0o600)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {each.name for each in folder.iterdir()} == {file.name, "new.pdf"}
    assert "after a day deletes it" in shown.err
    assert homeless.code == Exit.UNKNOWN
    assert "labels get" in homeless.err


def test_void_and_adopt_are_the_same_acts_as_those_of_shipments() -> None:
    answers = {"POST /api/v1/shipments/ord_1-1/void": (200, SHIPMENT)}
    with serving(answers) as daemon:
        done = call("labels", "void", "ord_1-1", "--yes", "--reason", "r", environ=daemon.environ)
    assert done.code == 0
