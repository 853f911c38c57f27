"""A small EasyPost: keeps shipments, sells each once, and fails on the next call on request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from packhouse.http import httpx
from packhouse.providers.conformance import Fault

KEY = "EZTK_fake_key"
FILES = "https://files.example.net/labels/"
PDF, PNG, ZPL = b"%PDF-1.4 label %%EOF", b"\x89PNG\r\n\x1a\nlabel IEND\xaeB`\x82", b"^XA^FDlabel^FS^XZ"
CONTENT = {"PDF": PDF, "PNG": PNG, "ZPL": ZPL}
MIME = {"PDF": "application/pdf", "PNG": "image/png", "ZPL": "application/zpl"}

Handler = Callable[[httpx.Request], httpx.Response]


def error(status: int, code: str, message: str = "No.", details: list[Any] | None = None) -> httpx.Response:
    return httpx.Response(status, json={"error": {"code": code, "message": message, "errors": details or []}})


@dataclass
class FakeEasyPost:
    """`makes` is the kind of file it makes whatever is asked; `converts` whether it can make others later.

    `accepts_again`: it accepts a void that it has rejected before.
    """

    makes: str = ""
    converts: bool = True
    mode: str = "test"
    accepts_again: bool = False
    shipments: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[httpx.Request] = field(default_factory=list)
    files: dict[str, httpx.Response] = field(default_factory=dict)
    _next: list[Fault | Handler] = field(default_factory=list)

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._handle)

    def sold(self) -> int:
        return sum(shipment["postage_label"] is not None for shipment in self.shipments.values())

    def fail_next(self, fault: Fault | Handler) -> None:
        self._next.append(fault)

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)  # as on a network, others get a turn
        self.requests.append(request)
        strike = self._next.pop(0) if self._next else None
        match strike:
            case None:
                return self._answer(request)
            case Fault.UNREACHABLE:
                raise httpx.ConnectError("connection refused")
            case Fault.THROTTLED:
                return httpx.Response(
                    429, headers={"retry-after": "7"}, json={"error": {"code": "RATE_LIMITED"}}
                )
            case Fault.REFUSED:
                return error(422, "SHIPMENT.POSTAGE.FAILURE", "Unable to buy.", ["No such address."])
            case Fault.BAD_CREDENTIALS:
                return error(401, "APIKEY.INACTIVE", "This api key is no longer active.")
            case Fault.ERROR_AFTER_EFFECT:
                self._answer(request)
                return httpx.Response(502, text="<html>bad gateway</html>")
            case Fault.SILENCE_AFTER_EFFECT:
                self._answer(request)
                raise httpx.ReadTimeout("no answer")
            case Fault.GARBAGE_AFTER_EFFECT:
                self._answer(request)
                return httpx.Response(200, content=b'{"id": "shp_')
            case handler:
                assert callable(handler)
                return handler(request)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if str(request.url).startswith(FILES):
            return self._file(str(request.url).removeprefix(FILES))
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return error(401, "APIKEY.INACTIVE")
        parts = request.url.path.removeprefix("/v2/").split("/")
        body = json.loads(request.content or b"{}")
        if parts == ["shipments"]:
            if request.method == "GET":
                return httpx.Response(200, json={"shipments": [], "has_more": False})
            return self._create(body["shipment"])
        if parts == ["trackers", "batch"]:
            codes = json.loads(request.content)["tracking_codes"]
            found = [one for one in self.shipments.values() if one.get("tracking_code") in codes]
            trackers = [{**one["tracker"], "shipment_id": one["id"]} for one in found if one["tracker"]]
            return httpx.Response(200, json={"trackers": trackers, "has_more": False})
        shipment = self.shipments.get(parts[1])
        if shipment is None:
            return error(404, "NOT_FOUND", "The requested resource could not be found.")
        match request.method, parts[2:]:
            case "POST", ["buy"]:
                return self._buy(shipment, body["rate"]["id"])
            case "POST", ["refund"]:
                if self.accepts_again or not shipment["refund_status"]:
                    shipment["refund_status"] = "submitted"
            case "GET", ["label"]:
                if not self.converts:
                    return error(422, "SHIPMENT.LABEL.UNSUPPORTED", "Cannot convert.")
                fmt = request.url.params["file_format"]
                shipment["postage_label"][f"label_{fmt.lower()}_url"] = (
                    f"{FILES}{shipment['id']}.{fmt.lower()}"
                )
        return httpx.Response(200, json=shipment)

    def _create(self, asked: dict[str, Any]) -> httpx.Response:
        number = len(self.shipments) + 1
        shipment_id = f"shp_{number:032x}"
        rates = [
            {
                "id": f"rate_{number}_{name}",
                "service": name,
                "carrier": "USPS",
                "rate": price,
                "currency": "USD",
                "delivery_days": days,
                "est_delivery_days": days,
            }
            for name, price, days in (("Priority", "7.42", 2), ("GroundAdvantage", "6.07", 3))
        ]
        self.shipments[shipment_id] = {
            **asked,
            "id": shipment_id,
            "mode": self.mode,
            "messages": [],
            "rates": rates,
            "postage_label": None,
            "selected_rate": None,
            "tracking_code": None,
            "tracker": None,
            "refund_status": None,
        }
        return httpx.Response(201, json=self.shipments[shipment_id])

    def _buy(self, shipment: dict[str, Any], rate_id: str) -> httpx.Response:
        if shipment["postage_label"]:
            return error(422, "SHIPMENT.POSTAGE.EXISTS", "Postage already exists.")
        kind = self.makes or shipment["options"]["label_format"]
        shipment["selected_rate"] = next(rate for rate in shipment["rates"] if rate["id"] == rate_id)
        shipment["tracking_code"] = f"94001000000000{shipment['id'][-8:]}"
        shipment["tracker"] = {"id": f"trk_{shipment['id'][4:]}", "status": "pre_transit"}
        shipment["postage_label"] = {
            "id": f"pl_{shipment['id'][4:]}",
            "label_url": f"{FILES}{shipment['id']}.{kind.lower()}",
            "label_file_type": MIME[kind],
            "label_pdf_url": None,
            "label_zpl_url": None,
        }
        return httpx.Response(200, json=shipment)

    def _file(self, name: str) -> httpx.Response:
        if name in self.files:
            return self.files[name]
        ending = name.rpartition(".")[2].upper()
        return httpx.Response(200, content=CONTENT[ending], headers={"content-type": MIME[ending]})
