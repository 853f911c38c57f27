"""EasyPost's REST API over the fake state, without a socket.

The shapes follow recorded test-mode traffic. A label is drawn when it is fetched, never before.
"""

from __future__ import annotations

import base64
import math
from urllib.parse import parse_qs, unquote

from packhouse.sandbox.easypost.labels import FORMATS, draw_invoice, draw_label
from packhouse.sandbox.easypost.responses import FORMS, LABELS, MIME, shipment_json, tracker_json
from packhouse.sandbox.easypost.state import EasyPostRate, EasyPostShipment, EasyPostState
from packhouse.sandbox.http import ApiError, Request, Response, json_response, to_iso

BASE = "/easypost/v2"
FIREWALL_PAGE = Response(403, b"<!doctype html><title>Blocked</title><h1>You are blocked</h1>", b"text/html")
_NOT_FOUND = "The requested resource could not be found."


def error_response(error: ApiError) -> Response:
    """EasyPost's error envelope; `errors` may hold objects or plain text."""
    envelope = {"code": error.code.upper(), "message": error.message, "errors": error.details}
    return json_response({"error": envelope}, error.status)


class EasyPostApi:
    """Handles the calls. Label links start with the Host header of the call, or else with `base_url`."""

    def __init__(self, state: EasyPostState, api_key: str, base_url: str) -> None:
        self._state = state
        self.base_url = base_url
        basic = base64.b64encode(f"{api_key}:".encode())
        self._accepted = {f"Bearer {api_key}".encode(), b"Basic " + basic}

    def handle(self, request: Request) -> Response:
        """Carry out one call, at once and completely."""
        try:
            if request.path.startswith(LABELS + "/"):
                return self._label_file(request.path.removeprefix(LABELS + "/"))
            if request.path.startswith(FORMS + "/"):
                return self._form_file(request.path.removeprefix(FORMS + "/"))
            if request.headers.get(b"authorization") not in self._accepted:
                raise ApiError(401, "APIKEY.INACTIVE", "This api key is no longer active or does not exist.")
            return self._route(request, _parts(request))
        except ApiError as error:
            return error_response(error)

    def find_purchase(self, request: Request) -> tuple[EasyPostShipment, EasyPostRate] | None:
        """What this call would buy, if the call is a purchase that would succeed."""
        parts = _parts(request)
        if request.method != "POST" or len(parts) != 3 or parts[2] != "buy":
            return None
        try:
            shipment = self._state.find(parts[1])
            return shipment, self._state.check_buyable(shipment, _rate_id(request))
        except ApiError:
            return None

    def _route(self, request: Request, parts: list[str]) -> Response:
        match request.method, parts:
            case "POST", ["shipments"]:
                return self._create(request)
            case "GET", ["shipments", name]:
                return self._shipment(request, self._state.find(name))
            case "POST", ["shipments", name, "buy"]:
                shipment = self._state.find(name)
                self._state.buy(shipment, self._state.check_buyable(shipment, _rate_id(request)))
                return self._shipment(request, shipment)
            case "POST", ["shipments", name, "refund"]:
                shipment = self._state.find(name)
                self._state.request_void(shipment)
                return self._shipment(request, shipment)
            case "GET", ["shipments", name, "label"]:
                return self._convert_label(request, self._state.find(name))
            case "GET", ["shipments"]:
                return self._list(request)
            case "POST", ["trackers"]:
                return self._create_tracker(request)
            case "POST", ["trackers", "batch"]:
                return self._trackers(request)
            case "GET", ["trackers", tracker_id]:
                return self._tracker(request, tracker_id)
        raise ApiError(404, "NOT_FOUND", _NOT_FOUND)

    def _create(self, request: Request) -> Response:
        body = (request.json_object() or {}).get("shipment")
        if not isinstance(body, dict) or not body:
            raise _missing("shipment")
        for part in ("to_address", "from_address", "parcel"):
            if not isinstance(body.get(part), dict):
                raise _missing(part)
        weight = body["parcel"].get("weight")
        if not isinstance(weight, int | float) or isinstance(weight, bool) or not 0 < weight < math.inf:
            raise _missing("parcel.weight")
        options = body.get("options")
        label_format = str(
            (options if isinstance(options, dict) else {}).get("label_format") or "PNG"
        ).upper()
        if label_format not in MIME:
            raise ApiError(
                422, "SHIPMENT.INVALID_PARAMS", f"label_format {label_format} is not one of {list(MIME)}."
            )
        return self._shipment(request, self._state.create(body, weight, label_format), 201)

    def _public_url(self, request: Request) -> str:
        """The address at which the caller reached the sandbox: in another container, not `base_url`."""
        host = request.headers.get(b"host", b"").decode("latin-1")
        return f"http://{host}" if host else self.base_url

    def _shipment(self, request: Request, shipment: EasyPostShipment, status: int = 200) -> Response:
        return json_response(shipment_json(self._state, shipment, self._public_url(request)), status)

    def _convert_label(self, request: Request, shipment: EasyPostShipment) -> Response:
        wanted = parse_qs(request.query).get("file_format", [""])[0].upper()
        if wanted not in MIME:
            raise ApiError(422, "SHIPMENT.LABEL.INVALID_FORMAT", f"file_format is one of {', '.join(MIME)}.")
        if not shipment.selected_rate:
            raise ApiError(422, "SHIPMENT.LABEL.UNAVAILABLE", "Postage has not been bought.")
        shipment.extra_formats.add(wanted)
        return self._shipment(request, shipment)

    def _label_file(self, name: str) -> Response:
        shipment_id, _, file_format = name.partition(".")
        shipment = self._state.shipments.get(shipment_id)
        if shipment is None or not shipment.selected_rate or file_format not in FORMATS:
            return Response(404, b"<Error><Code>NoSuchKey</Code></Error>", b"application/xml")
        if self._state.has_fault("easypost.odd_file"):
            return Response(200, b"<html><body>Your session has ended.</body></html>", b"text/html")
        return Response(200, draw_label(shipment, file_format), MIME[file_format.upper()].encode())

    def _form_file(self, name: str) -> Response:
        shipment = self._state.shipments.get(name.removesuffix(".pdf"))
        if shipment is None or not shipment.selected_rate or not shipment.is_export:
            return Response(404, b"<Error><Code>NoSuchKey</Code></Error>", b"application/xml")
        if self._state.has_fault("easypost.no_form"):
            return Response(503, b"<Error><Code>SlowDown</Code></Error>", b"application/xml")
        return Response(200, draw_invoice(shipment), MIME["PDF"].encode())

    def _list(self, request: Request) -> Response:
        query, public_url = parse_qs(request.query), self._public_url(request)
        size = query.get("page_size", ["20"])[0]
        count = max(1, min(100, int(size))) if size.isdecimal() else 20
        since = query.get("start_datetime", [""])[0]
        only_bought = query.get("purchased", [""])[0] == "true"
        newest = [
            shipment
            for shipment in reversed(self._state.shipments.values())
            if to_iso(shipment.created_at)[:19] >= since[:19] and (shipment.selected_rate or not only_bought)
        ]
        before = query.get("before_id", [""])[0]
        start = next((i + 1 for i, one in enumerate(newest) if one.id == before), 0)
        page = [shipment_json(self._state, one, public_url) for one in newest[start : start + count]]
        return json_response({"shipments": page, "has_more": len(newest) > start + count})

    # ---- trackers -----------------------------------------------------------------------------------------

    def _create_tracker(self, request: Request) -> Response:
        body = (request.json_object() or {}).get("tracker")
        code = body.get("tracking_code") if isinstance(body, dict) else None
        if not isinstance(code, str) or not code:
            raise _missing("tracker.tracking_code")
        shipment = self._state.by_tracking_number.get(code)
        if shipment is None:
            raise ApiError(
                422, "TRACKER.CREATE.ERROR", "The tracking number is not known.", ["unknown tracking_code"]
            )
        return json_response(tracker_json(self._state, shipment, self._public_url(request)))

    def _trackers(self, request: Request) -> Response:
        codes = (request.json_object() or {}).get("tracking_codes")
        if not isinstance(codes, list) or not codes:
            raise _missing("tracking_codes")
        found = [self._state.by_tracking_number.get(code) for code in codes if isinstance(code, str)]
        url = self._public_url(request)
        trackers = [tracker_json(self._state, one, url) for one in found if one]
        return json_response({"trackers": trackers, "has_more": False})

    def _tracker(self, request: Request, tracker_id: str) -> Response:
        shipment = self._state.shipments.get("shp_" + tracker_id.removeprefix("trk_"))
        if shipment is None or not shipment.selected_rate:
            raise ApiError(404, "NOT_FOUND", _NOT_FOUND)
        return json_response(tracker_json(self._state, shipment, self._public_url(request)))


def _parts(request: Request) -> list[str]:
    return [unquote(part) for part in request.path.removeprefix(BASE).split("/")[1:]]


def _rate_id(request: Request) -> str:
    rate = (request.json_object() or {}).get("rate")
    rate_id = rate.get("id") if isinstance(rate, dict) else None
    if not isinstance(rate_id, str):
        raise _missing("rate")
    return rate_id


def _missing(field: str) -> ApiError:
    problem = {"field": field, "message": "cannot be blank"}
    return ApiError(422, "PARAMETER.REQUIRED", "Missing required parameter.", [problem])
