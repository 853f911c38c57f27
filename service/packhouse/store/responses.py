"""Reads a response of the store: its status as a typed error, its JSON, and the list or object inside."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from packhouse.errors import (
    StoreConflict,
    StoreError,
    StoreForbidden,
    StoreInvalidRequest,
    StoreNotFound,
    StoreRefused,
    StoreThrottled,
    StoreUnanswered,
    StoreUnauthorized,
    StoreUnavailable,
    StoreUnexpectedStatus,
    StoreUnreachable,
    StoreUnreadable,
)
from packhouse.setting_text import shown_url
from packhouse.store.json_fields import (
    created_at,
    mapping,
    optional_id,
    parse_json,
    parse_listing,
    required_id,
    rows,
    shape,
    text,
)
from packhouse.store.requests import StoreRequest

LARGEST_RESPONSE = 16 * 1024 * 1024  # bytes; the clients read no further
TOO_LARGE = "response_too_large"
LONGEST_WAIT_S = 3600.0
_LONGEST_MESSAGE = 300
_MOST_DETAILS = 20
_HEAD_BYTES = 8192
# In a list that is too large to read: its first row's id and time, and what each order has once.
_FIRST_ID = re.compile(rb'\[\s*\{\s*"id"\s*:\s*"([^"\\]{1,255})"')
_CREATED_AT = re.compile(rb'"created_?[aA]t"\s*:\s*"([^"\\]{1,40})"')
_ONCE_AN_ORDER = re.compile(rb'"shipping_address"\s*:')
_KEY_LIKE = re.compile(r"\b(aly|whsec)_[A-Za-z0-9_-]+")


class StoreResponse(NamedTuple):
    """One response; header names are in lower case."""

    status: int
    headers: Mapping[str, str] = MappingProxyType({})
    body: bytes = b""


# status -> (error, what to do next)
_ERRORS: dict[int, tuple[type[StoreError], str]] = {
    400: (StoreInvalidRequest, "The request is malformed; a retry will not help."),
    401: (StoreUnauthorized, "Check PACKHOUSE_STORE__API_KEY: it is missing, mistyped or revoked."),
    403: (
        StoreForbidden,
        "Check the key's scopes (read:orders, write:orders) and that it is this workspace's.",
    ),
    404: (StoreNotFound, "Check the id, and that PACKHOUSE_STORE__URL names the right store."),
    408: (StoreUnavailable, "It will be tried again."),
    409: (StoreConflict, "Read the order again first: the change may already be done."),
    422: (StoreRefused, "Read the order again: it may be cancelled, or the change already done."),
    425: (StoreUnavailable, "It will be tried again."),
    429: (StoreThrottled, "Wait, then retry at a lower rate."),
}


def check_response(answer: StoreResponse, request: StoreRequest, now: float | None = None) -> None:
    """Return for any 2xx; raise the typed StoreError for any other status.

    `now` (seconds since 1970) turns a Retry-After date into a wait when the response has no Date of its own.
    """
    if 200 <= answer.status < 300:
        return
    error: type[StoreError]
    if answer.status >= 500:
        error, next_step = StoreUnavailable, "It will be tried again."
    elif 300 <= answer.status < 400:
        error, next_step = (
            StoreUnexpectedStatus,
            "It redirects, and redirects are not followed; correct PACKHOUSE_STORE__URL.",
        )
    else:
        error, next_step = _ERRORS.get(
            answer.status,
            (StoreUnexpectedStatus, "The store's contract has no such status; check PACKHOUSE_STORE__URL."),
        )
    code, message, details = _error_envelope(answer.body)
    detail = f"{answer.status} {code}".strip() + (f": {message.rstrip('.')}" if message else "")
    action = request.action or request.path
    what = f"The store did not {action} ({detail})."
    if answer.status == 429:
        what = f"Rate limited by the store ({detail}): it did not {action}."
    raise error(
        f"{what} {next_step}",
        status=answer.status,
        code=code,
        details=details,
        retry_after_s=retry_after_s(answer.headers, now),
    )


def unreachable(request: StoreRequest, url: str, cause: BaseException) -> StoreUnreachable:
    """The error for a call that was never sent."""
    return StoreUnreachable(
        f"Cannot reach the store at {shown_url(url)} to {request.action} ({_cause(cause)}). Nothing was "
        "sent. Check the network and PACKHOUSE_STORE__URL."
    )


def unanswered(request: StoreRequest, url: str, cause: BaseException) -> StoreUnanswered:
    """The error for a call that was sent, or partly sent, without a complete response."""
    next_step = "Whether it took effect is unknown: read the order again first." if request.changes else ""
    timed_out = "Timeout" in type(cause).__name__
    ended = (
        "no complete response in time" if timed_out else "connection closed before the response was complete"
    )
    detail = f"The store at {shown_url(url)} was asked to {request.action}: {ended} ({_cause(cause)})."
    return StoreUnanswered(f"{detail} {next_step}".rstrip())


def too_large(request: StoreRequest, received: bytes = b"") -> StoreUnreadable:
    """The error for a response that is too large to read, with the code TOO_LARGE.

    `details` has what the bytes received show of a single order: its "id" and "created_at", "" if unknown.
    """
    several = len(_ONCE_AN_ORDER.findall(received)) > 1
    head = b"" if several else received[:_HEAD_BYTES]
    order_id, created = (
        found[1].decode("utf-8", "replace") if (found := pattern.search(head)) else ""
        for pattern in (_FIRST_ID, _CREATED_AT)
    )
    return StoreUnreadable(
        f"The store's response to {request.action} is larger than {LARGEST_RESPONSE} bytes. "
        "Ask for fewer rows.",
        code=TOO_LARGE,
        details=({"id": optional_id(order_id), "created_at": created},),
    )


def _cause(cause: BaseException) -> str:
    return f"{type(cause).__name__}: {cause}"[:200].rstrip(": ")


def _error_envelope(body: bytes) -> tuple[str, str, tuple[dict[str, Any], ...]]:
    """Code, message and details of {"error": {...}}; empty for any other body, such as a proxy's page."""
    try:
        error = mapping(mapping(parse_json(body)).get("error"))
    except ValueError:
        return "", "", ()
    message = _KEY_LIKE.sub(r"\1_***", text(error.get("message")))[:_LONGEST_MESSAGE]
    details = error.get("details")
    kept = [dict(row) for row in details if isinstance(row, dict)] if isinstance(details, list) else []
    return _KEY_LIKE.sub(r"\1_***", text(error.get("code")))[:100], message, tuple(kept[:_MOST_DETAILS])


def retry_after_s(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """The wait that Retry-After asks for: seconds, or a date, compared with the response's Date (else `now`).

    Clamped to 0..3600 s; None when the header is missing or unreadable.
    """
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,18}(\.[0-9]{1,9})?", value):
        return min(float(value), LONGEST_WAIT_S)
    until = _http_date(value)
    since = _http_date(headers.get("date", ""))
    since = now if since is None else since
    if until is None or since is None:
        return None
    return min(max(until - since, 0.0), LONGEST_WAIT_S)


def _http_date(value: str) -> float | None:
    if not value:
        return None
    from datetime import UTC
    from email.utils import parsedate_to_datetime

    try:
        when = parsedate_to_datetime(value)
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def json_of(answer: StoreResponse, what: str) -> Any:
    """The JSON of a response. Raises StoreUnreadable, also for a compressed one: we ask for plain bytes."""
    return _parsed(answer, what, parse_json)


def listing_of(answer: StoreResponse, what: str) -> Any:
    """As `json_of`, for a list whose rows only name orders: see `parse_listing`."""
    return _parsed(answer, what, parse_listing)


def is_compressed(answer: StoreResponse) -> bool:
    """Whether the body is not plain, although we ask for plain bytes."""
    return answer.headers.get("content-encoding", "identity") != "identity"


def _parsed(answer: StoreResponse, what: str, parse: Callable[[bytes], Any]) -> Any:
    if is_compressed(answer):
        raise StoreUnreadable(
            f"The store's response to {what} is compressed, and compression was not accepted.",
            status=answer.status,
        )
    try:
        return parse(answer.body)
    except ValueError as error:
        kind = answer.headers.get("content-type", "no content type")[:60]
        raise StoreUnreadable(
            f"The store's response to {what} cannot be read ({type(error).__name__}, {len(answer.body)} "
            f"bytes, {kind}). It will be tried again; check PACKHOUSE_STORE__URL if this persists.",
            status=answer.status,
        ) from None


def one_object(value: Any, name: str, expected_id: str) -> Mapping[str, Any]:
    """The object itself or the one under `name` or "data". Raises StoreUnreadable when it has another id."""
    found = value
    if isinstance(value, dict) and value.get("id") != expected_id:
        wrapped = [value[key] for key in (name, "data") if isinstance(value.get(key), dict)]
        if len(wrapped) > 1:
            raise StoreUnreadable(f"The store's response holds the {name} twice, so it is ambiguous.")
        found = wrapped[0] if wrapped else value
    if not isinstance(found, dict):
        raise StoreUnreadable(
            f"The store's response is {shape(found)} where the {name} {expected_id} should be."
        )
    if required_id(found.get("id"), f"{name} id") != expected_id:
        raise StoreUnreadable(
            f"The store returned another {name} than {expected_id}; the response is ignored."
        )
    return found


class ListPage(NamedTuple):
    """The rows of one list response, as received.

    `truncated`: there is probably more, with no cursor to ask for it. `is_bare`: the response was an array,
    which has no place for a cursor.
    """

    rows: list[Mapping[str, Any]]
    next_cursor: str | None
    truncated: bool
    is_bare: bool

    def order_keys(self) -> list[tuple[str, str]]:
        """The id and creation time of each row; "" for what cannot be read."""
        return [(optional_id(row.get("id")), created_at(row)) for row in self.rows]

    def without(self, ids: Collection[str]) -> ListPage:
        """The page without the rows of these ids."""
        return self._replace(rows=[row for row in self.rows if optional_id(row.get("id")) not in ids])


def read_list(value: Any, name: str, limit: int | None = None) -> ListPage:
    """Read a list response: an array, or an object whose one array is `name`, "data", "items" or "results".

    An array as long as the `limit` that was asked for is taken for truncated. None or several such arrays is
    an error, not an empty list. Raises StoreUnreadable, also when a row is no object.
    """
    page = read_listing(value, name, limit)
    return page._replace(rows=rows(page.rows, name))


def read_listing(value: Any, name: str, limit: int | None = None) -> ListPage:
    """As `read_list`, but its rows are whatever the store put there."""
    if isinstance(value, list):
        filled = limit is not None and len(value) >= limit
        return ListPage(value, None, truncated=filled, is_bare=True)
    if not isinstance(value, dict):
        raise StoreUnreadable(f"The store's list of {name} is {shape(value)}, not a list.")
    arrays = [key for key in (name, "data", "items", "results") if isinstance(value.get(key), list)]
    if len(arrays) != 1:
        found = " and ".join(arrays) or "none"
        raise StoreUnreadable(f"The store's list of {name} should hold one array; it holds {found}.")
    places = (value, mapping(value.get("pagination")), mapping(value.get("meta")))
    cursors = [place["next_cursor"] for place in places if place.get("next_cursor") not in (None, "")]
    if any(not isinstance(cursor, str) for cursor in cursors) or len(set(map(str, cursors))) > 1:
        raise StoreUnreadable(f"The store's list of {name} has a next_cursor that cannot be followed.")
    return ListPage(
        value[arrays[0]],
        cursors[0] if cursors else None,
        truncated=not cursors and any(place.get("has_more") is True for place in places),
        is_bare=False,
    )
