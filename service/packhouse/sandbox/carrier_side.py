"""The carrier's counter: EasyPost's REST protocol over the carrier's state, without a socket.

Shapes follow recorded test-mode traffic. Labels are drawn when somebody fetches them, never before.
"""

from __future__ import annotations

import base64
import math
from urllib.parse import parse_qs, unquote

from packhouse.sandbox.carrier import CarrierDesk, Consignment, Quote
from packhouse.sandbox.carrier_shapes import LABELS, MIME, shipment_json, tracker_json
from packhouse.sandbox.label_desk import FORMATS, draw_label
from packhouse.sandbox.wire import Answer, Refusal, Request, json_answer

BASE = "/easypost/v2"
_NOT_FOUND = "The requested resource could not be found."


def refusal_answer(refusal: Refusal) -> Answer:
    """EasyPost's error envelope; `errors` may hold objects or plain text."""
    error = {"code": refusal.code, "message": refusal.message, "errors": refusal.details}
    return json_answer({"error": error}, refusal.status)


class CarrierSide:
    """Answers the carrier's calls. Label files are fetched from where the caller found us, or `base_url`."""

    def __init__(self, context: CarrierDesk, api_key: str, base_url: str) -> None:
        self._context = context
        self.base_url = base_url
        basic = base64.b64encode(f"{api_key}:".encode())
        self._welcome = {f"Bearer {api_key}".encode(), b"Basic " + basic}

    def answer(self, request: Request) -> Answer:
        """Do what is asked, at once and all of it, and say so."""
        try:
            if request.path.startswith(LABELS + "/"):
                return self._label_file(request.path.removeprefix(LABELS + "/"))
            if request.headers.get(b"authorization") not in self._welcome:
                raise Refusal(401, "APIKEY.INACTIVE", "This api key is no longer active or does not exist.")
            parts = [unquote(part) for part in request.path.removeprefix(BASE).split("/")[1:]]
            return self._route(request, parts)
        except Refusal as refusal:
            return refusal_answer(refusal)

    def purchase_of(self, request: Request) -> tuple[Consignment, Quote] | None:
        """What this call would buy, if it is a purchase that would succeed."""
        parts = [unquote(part) for part in request.path.removeprefix(BASE).split("/")[1:]]
        if request.method != "POST" or len(parts) != 3 or parts[2] != "buy":
            return None
        try:
            consignment = self._context.find(parts[1])
            return consignment, self._context.check_buyable(consignment, _rate_id(request))
        except Refusal:
            return None

    def _route(self, request: Request, parts: list[str]) -> Answer:
        match request.method, parts:
            case "POST", ["shipments"]:
                return self._create(request)
            case "GET", ["shipments", name]:
                return self._shown(request, self._context.find(name))
            case "POST", ["shipments", name, "buy"]:
                consignment = self._context.find(name)
                self._context.sell(consignment, self._context.check_buyable(consignment, _rate_id(request)))
                return self._shown(request, consignment)
            case "POST", ["shipments", name, "refund"]:
                consignment = self._context.find(name)
                self._context.take_back(consignment)
                return self._shown(request, consignment)
            case "GET", ["shipments", name, "label"]:
                return self._other_format(request, self._context.find(name))
            case "GET", ["shipments"]:
                return self._list(request)
            case "POST", ["trackers"]:
                return self._tracker_for(request)
            case "GET", ["trackers", tracker_id]:
                return self._tracker(request, tracker_id)
        raise Refusal(404, "NOT_FOUND", _NOT_FOUND)

    def _create(self, request: Request) -> Answer:
        asked = (request.json_object() or {}).get("shipment")
        if not isinstance(asked, dict) or not asked:
            raise _missing("shipment")
        for part in ("to_address", "from_address", "parcel"):
            if not isinstance(asked.get(part), dict):
                raise _missing(part)
        weight = asked["parcel"].get("weight")
        if not isinstance(weight, int | float) or isinstance(weight, bool) or not 0 < weight < math.inf:
            raise _missing("parcel.weight")
        options = asked.get("options")
        label_format = str(
            (options if isinstance(options, dict) else {}).get("label_format") or "PNG"
        ).upper()
        if label_format not in MIME:
            raise Refusal(
                422, "SHIPMENT.INVALID_PARAMS", f"label_format {label_format} is not one of {list(MIME)}."
            )
        return self._shown(request, self._context.register(asked, weight, label_format), 201)

    def _home(self, request: Request) -> str:
        """How the caller reaches us, which for one in another container is not how we would."""
        host = request.headers.get(b"host", b"").decode("latin-1")
        return f"http://{host}" if host else self.base_url

    def _shown(self, request: Request, consignment: Consignment, status: int = 200) -> Answer:
        return json_answer(shipment_json(self._context, consignment, self._home(request)), status)

    def _other_format(self, request: Request, consignment: Consignment) -> Answer:
        wanted = parse_qs(request.query).get("file_format", [""])[0].upper()
        if wanted not in MIME:
            raise Refusal(422, "SHIPMENT.LABEL.INVALID_FORMAT", f"file_format is one of {', '.join(MIME)}.")
        if not consignment.quote:
            raise Refusal(422, "SHIPMENT.LABEL.UNAVAILABLE", "Postage has not been bought.")
        consignment.extra_formats.add(wanted)
        return self._shown(request, consignment)

    def _label_file(self, name: str) -> Answer:
        shipment_id, _, ending = name.partition(".")
        consignment = self._context.shipments.get(shipment_id)
        if consignment is None or not consignment.quote or ending not in FORMATS:
            return Answer(404, b"<Error><Code>NoSuchKey</Code></Error>", b"application/xml")
        return Answer(200, draw_label(consignment, ending), MIME[ending.upper()].encode())

    def _list(self, request: Request) -> Answer:
        query, home = parse_qs(request.query), self._home(request)
        size = query.get("page_size", ["20"])[0]
        count = max(1, min(100, int(size))) if size.isdecimal() else 20
        newest = [self._context.shipments[one] for one in reversed(self._context.shipments)]
        before = query.get("before_id", [""])[0]
        start = next((i + 1 for i, one in enumerate(newest) if one.id == before), 0)
        page = [shipment_json(self._context, one, home) for one in newest[start : start + count]]
        return json_answer({"shipments": page, "has_more": len(newest) > start + count})

    # ---- trackers -----------------------------------------------------------------------------------------

    def _tracker_for(self, request: Request) -> Answer:
        asked = (request.json_object() or {}).get("tracker")
        code = asked.get("tracking_code") if isinstance(asked, dict) else None
        if not isinstance(code, str) or not code:
            raise _missing("tracker.tracking_code")
        consignment = self._context.by_number.get(code)
        if consignment is None:
            raise Refusal(
                422, "TRACKER.CREATE.ERROR", "The tracking number is not known.", ["unknown tracking_code"]
            )
        return json_answer(tracker_json(self._context, consignment, self._home(request)))

    def _tracker(self, request: Request, tracker_id: str) -> Answer:
        consignment = self._context.shipments.get("shp_" + tracker_id.removeprefix("trk_"))
        if consignment is None or not consignment.quote:
            raise Refusal(404, "NOT_FOUND", _NOT_FOUND)
        return json_answer(tracker_json(self._context, consignment, self._home(request)))


def _rate_id(request: Request) -> str:
    rate = (request.json_object() or {}).get("rate")
    rate_id = rate.get("id") if isinstance(rate, dict) else None
    if not isinstance(rate_id, str):
        raise _missing("rate")
    return rate_id


def _missing(field: str) -> Refusal:
    problem = {"field": field, "message": "cannot be blank"}
    return Refusal(422, "PARAMETER.REQUIRED", "Missing required parameter.", [problem])
