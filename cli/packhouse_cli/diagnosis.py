"""What can be seen from outside: of the store, its clock and its webhooks, and of the daemon.

Each answer is a Finding; nothing raises for what it finds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from packhouse.errors import StoreError, StoreForbidden, StoreNotFound
from packhouse.model.event import ORDER_EVENTS
from packhouse.store import requests, webhooks
from packhouse.store.client import StoreClient
from packhouse.store.requests import OrdersQuery
from packhouse.store.responses import StoreResponse
from packhouse_cli.clients.http import Peer
from packhouse_cli.exit_codes import CommandError

OK, WARN, WRONG, UNSEEN = "ok", "warning", "wrong", "not seen"
INTAKE = "/webhooks/aly"
_CLOCK_OK_S, _CLOCK_BAD_S = 5.0, 60.0
# An order that no store has: what its refusal says of the key is all that is wanted.
_NO_ORDER = "ord_packhouse_doctor_asks"
_NEEDED = ORDER_EVENTS - {"order.fulfilled", "order.partially_fulfilled"}
_FAILED = {"failed", "error", "failure"}


class Finding(NamedTuple):
    """One thing looked at: how it is, what was seen, and what to do where that is not ok."""

    name: str
    state: str
    seen: str
    fix: str = ""


def of_store(store: StoreClient, url: str, clock: Callable[[], float] = time.time) -> Iterator[Finding]:
    """Whether it answers, may be read and written with this key, and agrees on the time."""
    asked_at = clock()
    try:
        answer = store.ask(requests.list_orders(OrdersQuery(limit=1)))
    except StoreForbidden as error:
        yield Finding("store", WRONG, str(error), "Give the key the scopes read:orders and write:orders.")
        return
    except StoreError as error:
        yield Finding("store", WRONG, str(error), "Check PACKHOUSE_STORE__URL, the key and the network.")
        return
    yield Finding("store", OK, f"{url} answers, orders can be read")
    yield _clock(answer, (asked_at + clock()) / 2)
    yield _may_write(store)


def _clock(answer: StoreResponse, ours: float) -> Finding:
    try:
        # The header counts whole seconds; half of one is what it is off by on the average.
        theirs = parsedate_to_datetime(answer.headers.get("date", "")).timestamp() + 0.5
    except (ValueError, TypeError):
        return Finding("clock", UNSEEN, "the store's answer has no date to compare with")
    off_s = ours - theirs
    seen = f"{abs(off_s):.0f} s {'ahead of' if off_s > 0 else 'behind'} the store"
    if abs(off_s) <= _CLOCK_OK_S:
        return Finding("clock", OK, f"within {_CLOCK_OK_S:g} s of the store's")
    state = WARN if abs(off_s) <= _CLOCK_BAD_S else WRONG
    return Finding(
        "clock", state, seen, "Let NTP set it (timedatectl set-ntp true): signatures go by the clock."
    )


def _may_write(store: StoreClient) -> Finding:
    """Asks to fulfill an order that does not exist: a key that may not is refused before that is noticed."""
    body = b'{"carrier":"none","tracking_number":"none","items":[]}'
    try:
        store.fulfill(_NO_ORDER, body, "packhouse-doctor")
    except StoreForbidden as error:
        if "workspace" in error.code:
            return Finding("scopes", OK, "read:orders; write:orders was not refused")
        return Finding("scopes", WRONG, "the key may not write orders", "Give it the scope write:orders.")
    except StoreNotFound:
        return Finding("scopes", OK, "read:orders and write:orders")
    except StoreError as error:
        if error.status in (400, 409, 422):
            return Finding("scopes", OK, "read:orders and write:orders")
        return Finding("scopes", UNSEEN, f"write:orders could not be tried: {error}")
    return Finding("scopes", UNSEEN, "the store accepts anything for an order that does not exist")


def of_webhook(store: StoreClient, site_slug: str) -> Iterator[Finding]:
    """Whether the store tells a Packhouse of orders, and whether that arrives."""
    create = f"packhouse webhooks create --url https://YOUR-HOST{INTAKE} --event order.created ..."
    try:
        known, _ = webhooks.read_webhooks(store.ask(webhooks.list_webhooks(site_slug)))
    except StoreForbidden:
        yield Finding(
            "webhook",
            UNSEEN,
            "the key may not see webhooks (it lacks read:sites), which is right for a daemon's key",
            "Run doctor with a key that has read:sites to have it looked at.",
        )
        return
    except StoreError as error:
        yield Finding("webhook", UNSEEN, str(error))
        return
    ours = [each for each in known if each.url.rstrip("/").endswith(INTAKE)]
    if not ours:
        seen = f"none of the store's {len(known)} webhooks leads to {INTAKE}; orders come by polling alone"
        yield Finding("webhook", WARN, seen, f"Register one: {create}")
        return
    for each in ours:
        missing = sorted(_NEEDED - set(each.events)) if "*" not in each.events else []
        name = f"{each.id} to {each.url}"
        if each.active is False:
            yield Finding("webhook", WRONG, f"{name} is switched off", f"Make a new one: {create}")
        elif missing:
            seen = f"{name} is not told of {', '.join(missing)}"
            yield Finding("webhook", WARN, seen, "Register it anew with these events too.")
        else:
            yield Finding("webhook", OK, name)
        yield _delivering(store, each.id)


def _delivering(store: StoreClient, webhook_id: str) -> Finding:
    try:
        rows, _ = webhooks.read_deliveries(store.ask(webhooks.list_deliveries(webhook_id, limit=25)))
    except StoreError as error:
        return Finding("deliveries", UNSEEN, str(error))
    if not rows:
        return Finding("deliveries", OK, f"{webhook_id}: none yet")
    rows = tuple(sorted(rows, key=lambda row: row.created_at, reverse=True))
    failed = [row for row in rows if row.status in _FAILED or (row.answered or 200) >= 300]
    if not failed:
        return Finding("deliveries", OK, f"{webhook_id}: the last {len(rows)} arrived")
    answered = f"answered {failed[0].answered}" if failed[0].answered else "no answer"
    seen = f"{webhook_id}: {len(failed)} of the last {len(rows)} failed, last with {answered}"
    fix = (
        "The secret is wrong: put the webhook's into PACKHOUSE_WEBHOOK__SECRETS."
        if failed[0].answered in (400, 401, 403)
        else "See that the address reaches the daemon from outside, then replay what failed."
    )
    return Finding("deliveries", WRONG if failed[0] is rows[0] else WARN, seen, fix)


def of_daemon(url: str, token: str) -> Iterator[Finding]:
    """What the daemon says of itself. Raises CommandError where none answers."""
    peer = Peer("daemon", url, headers={"Authorization": f"Bearer {token}"} if token else {}, timeout_s=5.0)
    try:
        status, body = peer.look("/readyz")
        yield Finding(
            "daemon", OK if status == 200 else WRONG, f"{url} answers {status}", "See the lines below."
        )
        checks = body.get("checks")
        for name, results in checks.items() if isinstance(checks, dict) else ():
            yield _said(str(name), results)
        if not token:
            yield Finding("token", UNSEEN, "none is set", "Put one of the daemon's into PACKHOUSE_TOKEN.")
            return
        try:
            yield from _status(peer.get("/api/v1/status"))
        except CommandError as error:
            yield Finding("token", WRONG, str(error), "Put one of the daemon's into PACKHOUSE_TOKEN.")
    finally:
        peer.close()


def _said(name: str, results: object) -> Finding:
    """One check of the daemon's own."""
    first = results[0] if isinstance(results, list) and results and isinstance(results[0], dict) else {}
    state = {"pass": OK, "warn": WARN, "fail": WRONG}.get(str(first.get("status")), UNSEEN)
    seen = str(first.get("output") or "the daemon says it is well")
    called = {"ledger": "database", "webhook": "webhook door", "store": "daemon's store"}.get(name, name)
    return Finding(called, state, seen, _FIXES.get(name, "") if state in (WARN, WRONG) else "")


_FIXES = {
    "ledger": "See docs/operating.md, and the daemon's log.",
    "disk": "Make room, or set PACKHOUSE_DATA_DIR to a larger disk.",
    "workers": "Restart the daemon; its log says what it was doing.",
    "webhook": "Set PACKHOUSE_WEBHOOK__SECRETS and restart the daemon.",
    "store": "Check the daemon's key and network; it goes on trying.",
    "carrier": "Check the carrier's key and address in the daemon's settings.",
}


def _status(status: dict[str, object]) -> Iterator[Finding]:
    from packhouse import __version__

    version = status.get("version")
    if version == __version__:
        yield Finding("version", OK, f"the daemon and this command are {version}")
    else:
        seen = f"the daemon is {version}, this command {__version__}"
        yield Finding("version", WARN, seen, "Use the same version of both.")
    if status.get("paused"):
        yield Finding("work", WARN, "it is paused", 'Let it go on: packhouse resume --reason "..."')
    overdue = status.get("oldest_due_s")
    if isinstance(overdue, (int, float)) and overdue > 600:
        yield Finding("work", WRONG, f"an order has been due for {overdue:.0f} s", "See the daemon's log.")
