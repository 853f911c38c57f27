"""Any request that the OpenAPI description allows, and any that it does not, gets an answer: never a 5xx."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from packhouse.http import httpx
from tests.postgres import is_installed
from tests.service.api.doubles import TOKEN, App
from tests.service.api.records import ACTIVE, SHA, write_ledger

EXAMPLES = 4  # of each route and each way to generate
KNOWN: dict[str, list[Any]] = {
    "order_id": ["ord_1", "ord_2"],
    "shipment_id": ["ord_1-2", "ord_2-1", "ord_2-2"],
    "event_id": ["evt_1"],
    "hold_id": [ACTIVE],
    "sha256": [SHA],
}
BODY = {
    "reason": "r",
    "purpose": "p",
    "again": True,
    "tracking_number": "9400",
    "carrier": "USPS",
    "service": "",
    "cost_minor": 549,
    "currency": "USD",
    "provider_id": "",
}
JSON = {"content-type": "application/json"}
# What databases, JSON and URLs treat in ways of their own.
HOSTILE: list[Any] = [
    *(
        "a\x00b",
        "\x1b[2J",
        "\u202ee",
        "\ud83d",
        "\ufffe",
        "x" * 9000,
        "",
        " ",
        "..",
        "%00",
        "\u0661",
        "1e999",
    ),
    *(2**63, -(2**63) - 1, 10**400, 1.5, 1.0, float("inf"), float("nan"), True, None, [], {}, ["a"]),
]


def app_at(url: str) -> App:
    """The API on this database, with records."""
    write_ledger(url)
    app = App()
    app.ledger.open_url(url)
    return app


@pytest.fixture(scope="module")
def apis(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[list[App]]:
    """The API on each database: requests are generated once, and sent to all."""
    opened = [app_at(f"sqlite:///{tmp_path_factory.mktemp('any') / 'packhouse.db'}")]
    if is_installed():
        server = request.getfixturevalue("postgres_server")
        name = server.new_ledger()
        opened.append(app_at(server.url(name)))
        for table in ("holds", "journal"):
            server.sql(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), 1000)", database=name)
    yield opened
    for app in opened:
        asyncio.run(app.ledger.close())


class Sender:
    """Sends one request to each API, and fails for an answer that blames the server."""

    def __init__(self, apis: list[App]) -> None:
        self._clients = [
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app=api.app, raise_app_exceptions=False),
                base_url="http://packhouse",
            )
            for api in apis
        ]
        self._runner = asyncio.Runner()
        self.answers: dict[int, int] = {}

    def send(self, method: str, url: str, content: bytes | None, headers: Mapping[str, str]) -> set[int]:
        return self._runner.run(self._send(method, url, content, headers))

    async def _send(
        self, method: str, url: str, content: bytes | None, headers: Mapping[str, str]
    ) -> set[int]:
        given = {name: text for name, text in headers.items() if name.lower() != "authorization"}
        given["authorization"] = f"Bearer {TOKEN}"
        statuses = set()
        with suppress(httpx.InvalidURL, UnicodeEncodeError):  # no client can send it
            for client in self._clients:
                answer = await client.request(method, url, content=content, headers=given)
                self.answers[answer.status_code] = self.answers.get(answer.status_code, 0) + 1
                assert answer.status_code < 500, f"{method} {url} {content!r}: {answer.text}"
                statuses.add(answer.status_code)
        return statuses

    def close(self) -> None:
        for client in self._clients:
            self._runner.run(client.aclose())
        self._runner.close()


@pytest.fixture
def sender(apis: list[App]) -> Iterator[Sender]:
    """Sends to each API."""
    made = Sender(apis)
    yield made
    made.close()


def described(app: App) -> dict[str, Any]:
    """The description, in which the ids of the records are as likely as any other."""
    description: dict[str, Any] = app.ask("GET", "/api/v1/openapi.json").json()
    for path in description["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", ()):
                if parameter["name"] in KNOWN and parameter["in"] == "path":
                    known = {"enum": KNOWN[parameter["name"]]}
                    parameter["schema"] = {"anyOf": [known, parameter["schema"]]}
    return description


def json_bytes(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


def test_no_generated_request_is_an_error_of_the_server(apis: list[App], sender: Sender) -> None:
    schema = schemathesis.openapi.from_dict(described(apis[0]))
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 20

    def send(case: Any) -> None:
        kwargs = case.as_transport_kwargs(base_url="http://packhouse")
        headers, content = dict(kwargs["headers"]), kwargs.get("data")
        if "json" in kwargs:
            content = json_bytes(kwargs["json"])
            headers |= JSON
        query = "&".join(f"{name}={quote(str(text))}" for name, text in (kwargs.get("params") or {}).items())
        sender.send(kwargs["method"], f"{kwargs['url']}?{query}", content, headers)

    for operation in operations:
        for mode in GenerationMode:
            run = settings(
                max_examples=EXAMPLES,
                derandomize=True,
                database=None,
                deadline=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )(given(operation.as_strategy(generation_mode=mode))(send))
            with suppress(Unsatisfiable):  # a route without parameters has no wrong request
                run()
    print(f"{len(operations)} operations: {sender.answers}")
    assert sender.answers[200] > 30
    assert 401 not in sender.answers


def test_no_hostile_value_in_any_place_is_an_error_of_the_server(apis: list[App], sender: Sender) -> None:
    description = apis[0].ask("GET", "/api/v1/openapi.json").json()
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            parameters = operation.get("parameters", [])
            names = [parameter["name"] for parameter in parameters if parameter["in"] == "path"]
            for value in HOSTILE:
                text = quote(str(value).encode("utf-8", "surrogatepass"), safe="")[:2000]
                for name in names:
                    url = path.replace(f"{{{name}}}", text)
                    sender.send(method.upper(), url, json_bytes({"reason": "r"}), {})
                filled = path
                for name in names:
                    filled = filled.replace(f"{{{name}}}", str(KNOWN[name][-1]))
                for parameter in parameters:
                    if parameter["in"] == "query":
                        sender.send(method.upper(), f"{filled}?{parameter['name']}={text}", None, {})
                for field in fields_of(description, operation):
                    body = {
                        name: value if name == field else BODY[name]
                        for name in fields_of(description, operation)
                    }
                    sender.send(
                        method.upper(), filled, json_bytes(body), {"content-type": "application/json"}
                    )
    print(sender.answers)
    assert sender.answers[400] > 400


def fields_of(description: Mapping[str, Any], operation: Mapping[str, Any]) -> list[str]:
    """The names of an operation's body."""
    body = operation.get("requestBody")
    if body is None:
        return []
    reference = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    return list(description["components"]["schemas"][reference]["properties"])
