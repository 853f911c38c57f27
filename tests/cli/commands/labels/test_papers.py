"""The papers that travel with a parcel: shown with its shipment, and fetched by their kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from packhouse_cli.exit_codes import Exit
from tests.cli.commands.shipments.test_shipments import SHIPMENT
from tests.cli.runner import call, serving

INVOICE = "cd" * 32


def paper(kind: str, document: str = "", **more: Any) -> dict[str, Any]:
    kept = {"document": document, "document_format": "pdf" if document else None}
    return {"kind": kind, "submitted": False, "problem": "", **kept, **more}


PAPERS = [
    paper("commercial_invoice", INVOICE),
    paper("cn22", submitted=True),
    paper("high_value_report", problem="the file host is down"),
    paper("order_summary"),
]
EXPORT = SHIPMENT | {"label": SHIPMENT["label"] | {"papers": PAPERS}}
ANSWERS = {
    "GET /api/v1/shipments/ord_1-1": (200, EXPORT),
    "GET /api/v1/orders/ord_1": (200, {"id": "ord_1", "holds": []}),
    f"GET /api/v1/labels/{INVOICE}": (200, b"%PDF-1.4 invoice"),
}


def test_a_shipment_is_shown_with_each_paper_and_where_it_is() -> None:
    with serving(ANSWERS) as daemon:
        shown = call("shipments", "show", "ord_1-1", environ=daemon.environ)
    assert shown.code == 0
    for line in (
        "commercial_invoice pdf",
        "cn22 (submitted electronically)",
        "high_value_report (not fetched: the file host is down)",
        "order_summary (not fetched yet)",
    ):
        assert line in shown.out


def test_a_paper_is_fetched_by_its_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    line = ("labels", "get", "ord_1-1", "--paper", "commercial_invoice")
    with serving(ANSWERS) as daemon:
        shown = call(*line, "--json", environ=daemon.environ)
    assert shown.json["file"] == "ord_1-1-commercial_invoice.pdf"
    assert (shown.json["format"], shown.json["sha256"]) == ("pdf", INVOICE)
    assert Path("ord_1-1-commercial_invoice.pdf").read_bytes() == b"%PDF-1.4 invoice"


@pytest.mark.parametrize("kind", ["cn22", "order_summary", "passport"])
def test_a_paper_without_a_file_is_an_error_that_names_the_papers(kind: str) -> None:
    with serving(ANSWERS) as daemon:
        shown = call("labels", "get", "ord_1-1", "--paper", kind, environ=daemon.environ)
    assert shown.code == Exit.NOT_FOUND
    assert f"no file of a {kind}" in shown.err
    assert "commercial_invoice, cn22" in shown.err
