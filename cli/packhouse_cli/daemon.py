"""The operator API from the command line's side. Answers come back as the JSON objects they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from packhouse_cli.peer import Peer, rows_of

_PAGE = 200


class Daemon:
    """One daemon, at `url` (its address without a path), used with an operator token.

    Every method raises CommandError: with the exit code of the status it answered, or Exit.NETWORK.
    """

    def __init__(self, url: str, token: str, *, timeout_s: float = 10.0) -> None:
        self._peer = Peer(
            "daemon",
            url,
            headers={"Authorization": f"Bearer {token}"},
            hints={
                401: "Put one of the daemon's operator tokens into PACKHOUSE_TOKEN.",
                503: "It is starting, stopping or cannot write; /readyz says why.",
            },
            silence_hint="Start it with `packhouse serve`, or say where it is with PACKHOUSE_URL.",
            timeout_s=timeout_s,
        )

    def status(self) -> dict[str, Any]:
        """What the daemon is doing."""
        return self._peer.get("/api/v1/status")

    def order(self, order_id: str) -> dict[str, Any]:
        """One order with its shipments in full and all its holds."""
        return self._peer.get(_path_of(order_id))

    def journal_of(self, order_id: str) -> list[dict[str, Any]]:
        """The story of one order, oldest first."""
        return rows_of(self._peer.get(f"{_path_of(order_id)}/journal"), "entries")

    def journal(self, after: int, limit: int) -> list[dict[str, Any]]:
        """What was written to the journal after entry `after`, oldest first."""
        return rows_of(self._peer.get("/api/v1/journal", after=after, limit=limit), "entries")

    def orders(self) -> Iterator[dict[str, Any]]:
        """Every order the daemon knows, page by page, last changed first."""
        after: Any = None
        while True:
            page = self._peer.get("/api/v1/orders", limit=_PAGE, **({"after": after} if after else {}))
            yield from rows_of(page, "orders")
            following = page.get("next")
            if not following or following == after:
                return
            after = following

    def act(self, path: str, **body: object) -> dict[str, Any]:
        """A person's act, with its `reason`; answers what became of it."""
        return self._peer.post(path, body)

    def close(self) -> None:
        """Give the connection back."""
        self._peer.close()


def _path_of(order_id: str) -> str:
    return f"/api/v1/orders/{quote(order_id, safe='')}"
