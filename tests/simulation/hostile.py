"""What strangers put into a run: answers that lie or come late at one step, and content that no shop means.

Each seed draws a few, with random numbers of their own; most seeds have none, so that other faults are seen
alone. `docs/reliability.md` says which promise each of them tries.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from packhouse.providers.port import Safety
from packhouse.sandbox.http import ConnectionReset, NoResponse, Request, Response
from packhouse.sandbox.store.state import StoreOrder

# Each step of an order that asks somebody, by the call that it makes.
STEPS: Mapping[str, tuple[str, re.Pattern[str]]] = {
    "read": ("GET", re.compile(r".*/merchant/orders/[^/]+$")),
    "list": ("GET", re.compile(r".*/merchant/orders$")),
    "post": ("POST", re.compile(r".*/fulfill$")),
    "prepare": ("POST", re.compile(r"/easypost/v2/shipments$")),
    "buy": ("POST", re.compile(r"/easypost/v2/(one-call|shipments/[^/]+/buy)$")),
    "lookup": ("GET", re.compile(r"/easypost/v2/shipments(/[^/]+)?$")),
    "file": ("GET", re.compile(r"/easypost/.*label.*")),
    "void": ("POST", re.compile(r"/easypost/v2/shipments/[^/]+/refund$")),
}
# What becomes of an answer: it is lost after the effect, or a page takes its place, with the effect or
# without it, under the status of success.
WAYS = ("lost", "reset", "page_after", "page_instead")
_PAGE = Response(200, b"<!doctype html><title>Welcome</title><h1>Sign in to the network</h1>", b"text/html")

# An order that ends every process which comes to this step of it.
POISON = "poison"
POISONED_STEP = "decide"
# Content of an order, and how often it is drawn.
CONTENT = {
    "half_an_emoji": 3,
    "nul": 3,
    "control_characters": 2,
    "long_name": 2,
    "made_in_2099": 2,
    "thousand_million_units": 2,
    "many_parcels": 2,
    "many_lines": 1,
    "free_samples": 1,
    POISON: 2,
}
# Orders with this content are held: they are more than anybody ships without a second look.
TOO_MUCH = frozenset({"thousand_million_units", "many_parcels", "many_lines", "free_samples"})
_2099 = 4_080_000_000.0
# Characters that are written into JSON as escapes of what UTF-8 cannot write, or a database cannot keep.
_MARKS = {"\ue0d8": rb"\ud83d", "\ue0d9": rb"\u0000", "\ue0da": rb"\u001b[2J"}
_TEXTS = {"half_an_emoji": "\ue0d8", "nul": "\ue0d9", "control_characters": "\ue0da"}


@dataclass(frozen=True, slots=True)
class OddAnswer:
    """At one step, this share of the answers goes this way."""

    step: str
    way: str
    share: float


@dataclass(frozen=True, slots=True)
class Hostile:
    """What strangers do in a run.

    `content` is by the number of the order; `words` spoil what the provider says; `late_s` is how long after
    the call a purchase takes effect, 0.0 for the scenario's own time; `bursts` are the seconds at which
    several webhooks about one order come at once, with its number.
    """

    answers: tuple[OddAnswer, ...] = ()
    content: tuple[tuple[int, str], ...] = ()
    words: str = ""
    late_s: float = 0.0
    bursts: tuple[tuple[float, int], ...] = ()

    def content_of(self, number: int) -> str:
        """The content of one order, "" if it is a plain one."""
        return dict(self.content).get(number, "")


def draw_hostile(
    seed: int, safety: Safety, arrivals: Sequence[float], settled_s: float, faults: dict[str, float]
) -> Hostile:
    """What strangers do in this seed. It adds the faults that it needs to `faults`."""
    chance = random.Random(f"packhouse hostile {seed}")
    answers = tuple(
        OddAnswer(chance.choice(list(STEPS)), chance.choice(WAYS), chance.choice((0.1, 0.3, 0.6)))
        for _ in range(chance.choice((0, 0, 0, 1, 2, 4)))
    )
    content = tuple(
        (number, chance.choices(list(CONTENT), list(CONTENT.values()))[0])
        for number in range(len(arrivals))
        if chance.random() < 0.12
    )
    words = chance.choice(("", "", "", *_TEXTS))
    late_s = 0.0
    if safety is Safety.KEYED and chance.random() < 0.3:
        # Only a provider that refuses a second purchase may take longer than it is given.
        late_s = settled_s + chance.choice((5.0, 60.0, 400.0)) * chance.random()
        faults["easypost.late_effect"] = chance.choice((0.3, 0.6))
    bursts: tuple[tuple[float, int], ...] = ()
    if chance.random() < 0.15:
        faults["easypost.reject_void"] = 0.9
        number = chance.randrange(len(arrivals))
        bursts = tuple((arrivals[number] + chance.choice((15.0, 40.0, 90.0)), number) for _ in range(3))
    return Hostile(answers, content, words, late_s, bursts)


class OddAnswers:
    """The odd answers of a run, until they are cleared."""

    def __init__(self, hostile: Hostile, chance: random.Random) -> None:
        self._odd = hostile.answers
        self._words = _TEXTS.get(hostile.words, "")
        self._chance = chance

    def clear(self) -> None:
        """From now on every answer is an honest one."""
        self._odd, self._words = (), ""

    def way_of(self, request: Request) -> str:
        """What becomes of the answer to this call; "" for nothing."""
        for one in self._odd:
            method, path = STEPS[one.step]
            if request.method == method and path.match(request.path) and self._chance.random() < one.share:
                return one.way
        return ""

    @staticmethod
    def instead(way: str) -> Response | None:
        """The answer of somebody who does not pass the call on."""
        return _PAGE if way == "page_instead" else None

    def after(self, way: str, request: Request, answer: Response) -> Response:
        """What arrives of an answer. Raises NoResponse or ConnectionReset."""
        if way == "lost":
            raise NoResponse
        if way == "reset":
            raise ConnectionReset
        if way == "page_after":
            return _PAGE
        if answer.content_type != b"application/json":
            return answer
        body = answer.body
        if self._words and request.path.startswith("/easypost/") and answer.status >= 400:
            body = body.replace(b'"message":"', b'"message":"' + self._words.encode(), 1)
        for mark, escape in _MARKS.items():
            body = body.replace(mark.encode(), escape)
        return answer if body is answer.body else replace(answer, body=body)


def spoil(order: StoreOrder, content: str) -> None:
    """Put the content into an order before anybody has read it."""
    sale, item = order.sale, order.sale.items[0]
    match content:
        case "half_an_emoji" | "nul" | "control_characters":
            mark = _TEXTS[content]
            order.address = order.address | {"name": f"{order.address.get('name', '')}{mark}"}
            sale.buyer["name"] = f"{sale.buyer.get('name', '')}{mark}"
            item["name"] = f"{mark}{item['name']}"
        case "long_name":
            order.address = order.address | {"name": "Wolfeschlegelsteinhausen " * 320}
            item["name"] = "Lantern " * 1000
        case "thousand_million_units":
            _multiply(item, 1_000_000_000)
        case "many_parcels":
            _multiply(item, 400)
        case "many_lines":
            sale.items.extend(_copy(item, number) for number in range(2000))
        case "free_samples":
            _multiply(item, 10_000)
            item["unit_price"] = item["subtotal"] = 0
    order.touch(order.updated_at)


def paid_late_s(content: str, late_s: float, now: float) -> float:
    """How long before now the order was made; a store with a wrong clock made it in a later century."""
    return now - _2099 if content == "made_in_2099" else late_s


def _multiply(item: dict[str, Any], quantity: int) -> None:
    item["quantity"] = quantity
    item["subtotal"] = item["unit_price"] * quantity


def _copy(item: dict[str, Any], number: int) -> dict[str, Any]:
    return item | {"id": f"li_more_{number}", "quantity": 1, "subtotal": item["unit_price"]}
