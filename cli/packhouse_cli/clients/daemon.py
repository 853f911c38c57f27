"""The client of the daemon's operator API. Answers are the JSON objects of that API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from packhouse_cli.clients.http import JsonClient, rows_of
from packhouse_cli.exit_codes import CommandError, Exit

_PAGE = 200


class Daemon:
    """One daemon, at `url` (its address without a path), called with an operator token.

    Every method raises CommandError: with the exit code of the response's status, or Exit.NETWORK.
    """

    def __init__(self, url: str, token: str, *, timeout_s: float = 10.0) -> None:
        self._url = url
        self._client = JsonClient(
            "daemon",
            url,
            headers={"Authorization": f"Bearer {token}"},
            hints={
                401: "Put one of the daemon's operator tokens into PACKHOUSE_TOKEN.",
                503: "It is starting or stopping, or it cannot write. /readyz gives the reason.",
            },
            offline_hint="Start it with `packhouse serve`, or set PACKHOUSE_URL to its address.",
            timeout_s=timeout_s,
        )

    def status(self) -> dict[str, Any]:
        """What the daemon is doing."""
        return self._client.get("/api/v1/status")

    def reconciliation(self) -> dict[str, Any]:
        """What was found after a restore of the ledger."""
        return self._client.get("/api/v1/reconciliation")

    def order(self, order_id: str) -> dict[str, Any]:
        """One order with its shipments in full and all its holds."""
        return self._client.get(_path_of(order_id))

    def journal_of(self, order_id: str) -> list[dict[str, Any]]:
        """The journal of one order, oldest first."""
        found: list[dict[str, Any]] = []
        after = 0
        while True:
            page = self._client.get(f"{_path_of(order_id)}/journal", **({"after": after} if after else {}))
            found += rows_of(page, "entries")
            following = page.get("next")
            if not isinstance(following, int) or following <= after:
                return found
            after = following

    def journal(self, after: int, limit: int) -> list[dict[str, Any]]:
        """The journal entries after entry `after`, oldest first."""
        return rows_of(self._client.get("/api/v1/journal", after=after, limit=limit), "entries")

    def newest_entries(self, limit: int) -> list[dict[str, Any]]:
        """The newest entries of the journal, oldest first."""
        return rows_of(self._client.get("/api/v1/journal", limit=limit), "entries")

    def shipments(self, **query: object) -> list[dict[str, Any]]:
        """Shipments, last changed first."""
        return rows_of(self._client.get("/api/v1/shipments", **query), "shipments")

    def shipment(self, shipment_id: str) -> dict[str, Any]:
        """One shipment in full."""
        return self._client.get(f"/api/v1/shipments/{quote(shipment_id, safe='')}")

    def holds(self, **query: object) -> list[dict[str, Any]]:
        """Holds, newest first."""
        return rows_of(self._client.get("/api/v1/holds", **query), "holds")

    def events(self, most: int, query: Mapping[str, object]) -> list[dict[str, Any]]:
        """At most `most` events, newest first, page by page."""
        found: list[dict[str, Any]] = []
        before: dict[str, object] = {}
        while len(found) < most:
            limit = min(_PAGE, most - len(found))
            page = self._client.get("/api/v1/events", limit=limit, **query, **before)
            found += rows_of(page, "events")
            if page.get("next") is None:
                break
            before = {"before": page["next"]}
        return found

    def event(self, event_id: str) -> dict[str, Any]:
        """One event."""
        return self._client.get(f"/api/v1/events/{quote(event_id, safe='')}")

    def replay(self, event_id: str, *, reason: str) -> dict[str, Any]:
        """Process the event's order again."""
        return self.operate(f"/api/v1/events/{quote(event_id, safe='')}/replay", reason=reason)

    def label_of(self, order_id: str) -> dict[str, Any]:
        """The label of an order that a caller may use now."""
        return self._client.get(f"{_path_of(order_id)}/label")

    def label_file(self, sha256: str) -> bytes:
        """A label's bytes."""
        return self._client.get_bytes(f"/api/v1/labels/{quote(sha256, safe='')}")

    def url_of_label(self, sha256: str) -> str:
        """The address of a label's file; reading it needs a token."""
        return f"{self._url}/api/v1/labels/{quote(sha256, safe='')}"

    def orders(self) -> Iterator[dict[str, Any]]:
        """Every order the daemon knows, page by page, last changed first."""
        after: Any = None
        while True:
            page = self._client.get("/api/v1/orders", limit=_PAGE, **({"after": after} if after else {}))
            yield from rows_of(page, "orders")
            following = page.get("next")
            if not following or following == after:
                return
            after = following

    def operate(self, path: str, **body: object) -> dict[str, Any]:
        """An operation with its `reason`. Returns the result."""
        return self._client.post(path, body)

    def operate_on_order(self, order_id: str, operation: str, **body: object) -> dict[str, Any]:
        """An operation on an order."""
        return self.operate(f"{_path_of(order_id)}/{operation}", **body)

    def operate_on_shipment(self, shipment_id: str, operation: str, **body: object) -> dict[str, Any]:
        """An operation on a shipment."""
        return self.operate(f"/api/v1/shipments/{quote(shipment_id, safe='')}/{operation}", **body)

    def release(self, hold_id: int, *, reason: str, gently: bool = False) -> dict[str, Any]:
        """Release a hold. With `gently`, a hold that is released already is no error."""
        try:
            return self.operate(f"/api/v1/holds/{hold_id}/release", reason=reason)
        except CommandError as error:
            if gently and error.exit_code is Exit.CONFLICT:
                return {}
            raise

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def _path_of(order_id: str) -> str:
    return f"/api/v1/orders/{quote(order_id, safe='')}"
