"""The rows of a plan: read from a file, or one for each order that a filter finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packhouse.errors import StoreUnreadable
from packhouse.store.client import StoreClient
from packhouse.store.paging import CUT_SHORT
from packhouse.store.protocol import OrdersQuery
from packhouse_cli.bulk.rows import BadRow, Row, decode_text, parse_rows, rows_for
from packhouse_cli.exit_codes import UsageError

_PAGE = 100


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows, the rows of the file that could not be read, and what the plan records as its source."""

    rows: Sequence[Row]
    bad_rows: Sequence[BadRow]
    source: Mapping[str, Any]


def select_from_file(name: str, action: str, defaults: Mapping[str, str]) -> Selection:
    """The rows of a file; "-" is standard input. Raises UsageError if it cannot be read or is not text."""
    rows, bad_rows = parse_rows(decode_text(_read(name)), action, defaults)
    return Selection(rows, bad_rows, {"from": name})


def check_filter(action: str, defaults: Mapping[str, str]) -> None:
    """Raise UsageError if a filter cannot give each order its own tracking number."""
    if action == "fulfill" and "{order}" not in defaults.get("tracking", ""):
        raise UsageError(
            "With a filter, each order needs its own tracking number. --tracking 'VAN-{order}' inserts the "
            "order's id. For labels that you bought, use --from FILE."
        )


def select_by_filter(
    store: StoreClient, query: Mapping[str, Any], action: str, defaults: Mapping[str, str]
) -> Selection:
    """One row for each order that matches `query`, the fields of an OrdersQuery; a `limit` of None means all.

    Raises UsageError if the store cuts its list short, and StoreError.
    """
    source = {"filter": {name: value for name, value in query.items() if value}}
    return Selection(rows_for(_matching_ids(store, query), action, defaults), (), source)


def _matching_ids(store: StoreClient, query: Mapping[str, Any]) -> list[str]:
    limit = query["limit"]
    ids: dict[str, None] = {}
    try:
        for page in store.order_pages(OrdersQuery(**{**query, "limit": min(_PAGE, limit or _PAGE)})):
            ids |= dict.fromkeys(order.id for order in page.orders)
            if limit and len(ids) >= limit:
                break
    except StoreUnreadable as error:
        if error.code != CUT_SHORT:
            raise
        raise UsageError(
            "The store cut its list short and names no next page. Narrow the filter with --created-after "
            "and --created-before."
        ) from error
    return list(ids)[:limit]


def _read(name: str) -> bytes:
    import sys

    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"Cannot read {name}: {error.strerror}.") from None
