"""The HTTP API as tests use it: real operations on a real ledger, and doubles of what stands around them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from packhouse.api.app import build_api
from packhouse.api.webhooks import Receipt
from packhouse.config.http_server import HttpSettings
from packhouse.config.sections import OperatorSettings, WebhookSettings
from packhouse.config.settings import Settings
from packhouse.errors import PackhouseError
from packhouse.http import httpx
from packhouse.ledger.engine import open_ledger
from packhouse.ledger.postgres import PostgresLedger
from packhouse.ledger.sqlite import SqliteLedger
from packhouse.model.event import Event
from packhouse.model.health import Check
from packhouse.model.journal import JournalEntry
from packhouse.model.label import LabelDocument, LabelFormat
from packhouse.operations import Operations
from packhouse.telemetry.metrics import Metrics
from tests.clock import StillClock

NOW = 1_800_000_000.0
SECRET = b"whsec_canary_one"
OTHER_SECRET = b"whsec_canary_two"
TOKEN = "tok-canary-1234"
OTHER_TOKEN = "tok-other-5678"


class MemoryInbox:
    """Keeps events and dead letters in lists; `failure` is raised instead when set."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.dead_letters: list[tuple[bytes, str]] = []
        self.failure: Exception | None = None
        self.gate: asyncio.Event | None = None

    async def receive(self, event: Event) -> Receipt:
        if self.gate is not None:
            await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        if any(known.id == event.id for known in self.events):
            return "duplicate"
        self.events.append(event)
        return "accepted" if event.is_known else "ignored"

    async def keep_dead_letter(self, body: bytes, reason: str) -> None:
        if self.failure is not None:
            raise self.failure
        self.dead_letters.append((body, reason))


class MemoryDocuments:
    """Label files in a dictionary."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    async def keep(self, document: LabelDocument) -> str:
        digest = hashlib.sha256(document.content).hexdigest()
        self.files[digest] = document.content
        return digest

    def path(self, digest: str, kind: LabelFormat) -> Path:
        return Path(digest)

    def get(self, digest: str, kind: LabelFormat) -> bytes | None:
        return self.files.get(digest)


class FailingLedger:
    """A real ledger in the file that `open` names; `failure` is raised instead of any use of it when set."""

    shared = False
    migrated: tuple[str | None, str] = (None, "1")

    def __init__(self) -> None:
        self._ledger: SqliteLedger | PostgresLedger | None = None
        self.failure: Exception | None = None

    def open(self, file: Path) -> None:
        """Use this file from now on."""
        self.open_url(f"sqlite:///{file}")

    def open_url(self, url: str) -> None:
        """Use this database from now on."""
        self._ledger = open_ledger(url, connections=2)

    def _usable(self) -> SqliteLedger | PostgresLedger:
        if self.failure is not None:
            raise self.failure
        assert self._ledger is not None, "open a file first"
        return self._ledger

    async def write(self, unit: Any, *args: Any, **kwargs: Any) -> Any:
        return await self._usable().write(unit, *args, **kwargs)

    async def read(self, unit: Any, *args: Any, **kwargs: Any) -> Any:
        return await self._usable().read(unit, *args, **kwargs)

    def clock(self, local: Any) -> Any:
        return local

    async def listen(self, wake: Callable[[], None]) -> None:
        await asyncio.get_running_loop().create_future()

    def exclusive(self, task: str) -> Any:
        return self._usable().exclusive(task)

    async def close(self) -> None:
        if self._ledger is not None:
            await self._ledger.close()
            self._ledger = None


class SetHealth:
    """Answers the checks it is set to, or raises."""

    def __init__(self) -> None:
        self.answer: Sequence[Check] = ()
        self.failure: PackhouseError | None = None

    async def checks(self) -> Sequence[Check]:
        if self.failure is not None:
            raise self.failure
        return self.answer


class App:
    """The whole HTTP API, and a client to it. `wakes` counts how often an operation woke the workers."""

    def __init__(
        self,
        *,
        secrets: str = f"{SECRET.decode()},{OTHER_SECRET.decode()}",
        tokens: str = "",
        http: HttpSettings | None = None,
    ) -> None:
        self.inbox = MemoryInbox()
        self.ledger = FailingLedger()
        self.documents = MemoryDocuments()
        self.health = SetHealth()
        self.clock = StillClock(NOW)
        self.metrics = Metrics(CollectorRegistry(), "1.2.3")
        self.wakes = 0
        self.client = "192.0.2.1"
        settings = Settings(_env_file=None, provider="easypost")  # type: ignore[call-arg]
        self.operations = Operations.build(
            self.ledger, self.documents, self.clock, settings, self._count_wake
        )
        self.app = build_api(
            operations=self.operations,
            inbox=self.inbox,
            health_source=self.health,
            metrics=self.metrics,
            clock=self.clock,
            webhook=WebhookSettings.model_validate({"secrets": secrets}),
            operators=OperatorSettings.model_validate({"tokens": tokens or f"ann:{TOKEN},bob:{OTHER_TOKEN}"}),
            version="1.2.3",
            http=http,
        )

    def _count_wake(self) -> None:
        self.wakes += 1

    def ask(self, method: str, path: str, *, token: str = TOKEN, **more: Any) -> httpx.Response:
        """One request, answered."""

        async def run() -> httpx.Response:
            transport = httpx.ASGITransport(
                app=self.app, raise_app_exceptions=False, client=(self.client, 40_000)
            )
            async with httpx.AsyncClient(transport=transport, base_url="http://packhouse") as client:
                headers = {"authorization": f"Bearer {token}"} if token else {}
                return await client.request(method, path, headers=headers | more.pop("headers", {}), **more)

        return asyncio.run(run())

    def post(self, path: str, *, reason: str = "r", **body: Any) -> httpx.Response:
        """An operation, with a reason."""
        return self.ask("POST", f"/api/v1/{path}", json={"reason": reason, **body})

    def journal(self) -> Sequence[JournalEntry]:
        """Every entry of the ledger's journal, oldest first."""
        return asyncio.run(self.operations.queries.journal(after=0, limit=500))

    def number(self, name: str, **labels: str) -> float:
        """One number as Prometheus would see it; 0 when it is not there yet."""
        return self.metrics.registry.get_sample_value(name, labels) or 0.0
