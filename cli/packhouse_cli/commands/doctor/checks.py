"""Checks of the store, its clock and its webhooks, and of the daemon. Each result is a Finding.

A check raises nothing for a problem that it finds.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from packhouse.errors import StoreError, StoreForbidden, StoreNotFound
from packhouse.model.event import ORDER_EVENTS
from packhouse.store import requests, webhooks
from packhouse.store.client import StoreClient
from packhouse.store.requests import OrdersQuery
from packhouse.store.responses import StoreResponse
from packhouse_cli.clients.http import JsonClient
from packhouse_cli.exit_codes import CommandError
from packhouse_cli.terminal.formats import span
from packhouse_cli.terminal.waits import ago, sentences_of

if TYPE_CHECKING:
    from packhouse_cli.user.settings import CliSettings

OK, WARN, FAILED, UNKNOWN = "ok", "warning", "failed", "unknown"
INTAKE = "/webhooks/aly"
# The daemon also accepts the example path of the store's documentation.
_INTAKES = (INTAKE, "/aly/webhooks")
_CLOCK_OK_S, _CLOCK_BAD_S = 60.0, 300.0
# No store has this order: the kind of refusal shows what the key may do.
_NO_ORDER = "ord_packhouse_doctor_check"
_POLL_LATE_S = 3600.0
_FAILED_STATUSES = {"failed", "error", "failure"}


class Finding(NamedTuple):
    """The result of one check: its state, what was found, and how to fix it."""

    name: str
    state: str
    message: str
    fix: str = ""


def of_store(store: StoreClient, url: str, clock: Callable[[], float] = time.time) -> Iterator[Finding]:
    """Whether it answers, may be read and written with this key, and has the same time."""
    asked_at = clock()
    try:
        answer = store.ask(requests.list_orders(OrdersQuery(limit=1)))
    except StoreForbidden as error:
        yield Finding(
            "store", FAILED, str(error), "Give the key the permissions read:orders and write:orders."
        )
        return
    except StoreError as error:
        yield Finding("store", FAILED, str(error), "Check PACKHOUSE_STORE__URL, the key and the network.")
        return
    yield Finding("store", OK, f"{url} answers, and the key may read orders")
    yield _clock(answer, (asked_at + clock()) / 2)
    yield _may_write(store)


def _clock(answer: StoreResponse, ours: float) -> Finding:
    try:
        # The header has whole seconds, so it is half a second late on average.
        theirs = parsedate_to_datetime(answer.headers.get("date", "")).timestamp() + 0.5
    except (ValueError, TypeError):
        return Finding("clock", UNKNOWN, "the store's response has no date to compare the clock with")
    off_s = ours - theirs
    message = f"{abs(off_s):.0f} s {'ahead of' if off_s > 0 else 'behind'} the store"
    if abs(off_s) <= _CLOCK_OK_S:
        return Finding("clock", OK, f"{message}; up to {_CLOCK_OK_S:g} s are fine")
    state = WARN if abs(off_s) <= _CLOCK_BAD_S else FAILED
    return Finding(
        "clock",
        state,
        message,
        "Synchronize it with NTP (timedatectl set-ntp true): webhook signatures depend on the clock.",
    )


def _may_write(store: StoreClient) -> Finding:
    """Try to fulfill an order that does not exist: a key without the permission is refused before that."""
    body = b'{"carrier":"none","tracking_number":"none","items":[]}'
    try:
        store.fulfill(_NO_ORDER, body, "packhouse-doctor")
    except StoreForbidden as error:
        if "workspace" in error.code:
            return Finding("scopes", OK, "read:orders; write:orders was not refused")
        return Finding(
            "scopes", FAILED, "the key may not write orders", "Give the key the permission write:orders."
        )
    except StoreNotFound:
        return Finding("scopes", OK, "read:orders and write:orders")
    except StoreError as error:
        if error.status in (400, 409, 422):
            return Finding("scopes", OK, "read:orders and write:orders")
        return Finding("scopes", UNKNOWN, f"write:orders could not be checked: {error}")
    return Finding("scopes", UNKNOWN, "the store accepted a fulfillment for an order that does not exist")


def of_limit(environ: Mapping[str, str], settings: CliSettings) -> Finding:
    """Whether commands of this user and the daemon of this machine find the store's limit together."""
    from packhouse_cli.clients.rate_limiter import daemons_folder, open_shared
    from packhouse_cli.user.paths import rates_folder

    folder = daemons_folder(settings.data_dir)
    rate = open_shared(rates_folder(environ), settings.data_dir, settings.store_url, settings.api_key)
    if folder and rate.is_shared:
        return Finding("store limit", OK, f"shared with the daemon, in {folder}")
    others = "other commands of this user, but not with a daemon" if rate.is_shared else "nothing"
    return Finding(
        "store limit",
        UNKNOWN,
        f"commands here share what they find of the store's limit with {others}",
        "If a daemon runs here, set PACKHOUSE_DATA_DIR to its data folder, and run commands as its user.",
    )


def of_webhook(store: StoreClient, site_slug: str) -> Iterator[Finding]:
    """Whether the store sends its events to a Packhouse, and whether they arrive."""
    create = f"packhouse webhooks create --url https://YOUR-HOST{INTAKE} --event order.created ..."
    try:
        known, _ = webhooks.read_webhooks(store.ask(webhooks.list_webhooks(site_slug)))
    except StoreForbidden:
        yield Finding(
            "webhook",
            UNKNOWN,
            "could not be checked: the key may not list webhooks, as it lacks read:sites, which is correct "
            "for a daemon's key",
            "Check in the store's settings that a webhook is active, that it points to "
            f"https://YOUR-HOST{INTAKE}, and that it sends {', '.join(sorted(ORDER_EVENTS))}. Or run "
            "doctor with a key that has read:sites.",
        )
        return
    except StoreError as error:
        yield Finding("webhook", UNKNOWN, str(error))
        return
    ours = [each for each in known if _path_of(each.url).endswith(_INTAKES)]
    if not ours:
        message = (
            f"none of the store's {len(known)} webhooks points to {INTAKE}; orders arrive by polling only"
        )
        yield Finding("webhook", WARN, message, f"Register one: {create}")
        return
    for each in ours:
        missing = sorted(ORDER_EVENTS - set(each.events)) if "*" not in each.events else []
        name = f"{each.id} to {each.url}"
        if each.active is False:
            yield Finding("webhook", FAILED, f"{name} is inactive", f"Register a new one: {create}")
        elif missing:
            message = f"{name} does not receive {', '.join(missing)}"
            fix = "Packhouse notices such changes only when it polls. Delete it and register it again with "
            yield Finding("webhook", WARN, message, f"{fix}these events too.")
        else:
            yield Finding("webhook", OK, name)
        yield _delivering(store, each.id)


def _path_of(url: str) -> str:
    """The path as the daemon reads it: more slashes, case and a slash at the end do not matter."""
    return re.sub("/+", "/", urlsplit(url).path).rstrip("/").lower()


def _delivering(store: StoreClient, webhook_id: str) -> Finding:
    try:
        rows, _ = webhooks.read_deliveries(store.ask(webhooks.list_deliveries(webhook_id, limit=25)))
    except StoreError as error:
        return Finding("deliveries", UNKNOWN, str(error))
    if not rows:
        return Finding("deliveries", OK, f"{webhook_id}: none yet")
    rows = tuple(sorted(rows, key=lambda row: row.created_at, reverse=True))
    failed = [row for row in rows if row.status in _FAILED_STATUSES or (row.answered or 200) >= 300]
    if not failed:
        return Finding("deliveries", OK, f"{webhook_id}: the last {len(rows)} arrived")
    answered = f"answered {failed[0].answered}" if failed[0].answered else "no response"
    message = f"{webhook_id}: {len(failed)} of the last {len(rows)} failed, last with {answered}"
    fix = (
        "The secret is wrong: put the webhook's secret into PACKHOUSE_WEBHOOK__SECRETS."
        if failed[0].answered in (400, 401, 403)
        else "Make sure that the address reaches the daemon from outside, then replay the failed deliveries."
    )
    return Finding("deliveries", FAILED if failed[0] is rows[0] else WARN, message, fix)


def of_daemon(url: str, token: str, problem: str = "") -> Iterator[Finding]:
    """The daemon's own checks. Raises CommandError where none answers.

    `problem` says why there is no token.
    """
    client = JsonClient(
        "daemon", url, headers={"Authorization": f"Bearer {token}"} if token else {}, timeout_s=5.0
    )
    try:
        status, body = client.get_any_status("/readyz")
        yield Finding(
            "daemon",
            OK if status == 200 else FAILED,
            f"{url} answers {status}",
            "The lines below name the reason.",
        )
        checks = body.get("checks")
        for name, results in checks.items() if isinstance(checks, dict) else ():
            yield _own_check(str(name), results)
        if not token:
            yield Finding("token", UNKNOWN, problem or "No operator token is set.")
            return
        try:
            yield from _status(client.get("/api/v1/status"))
        except CommandError as error:
            yield Finding(
                "token", FAILED, str(error), "Put one of the daemon's operator tokens into PACKHOUSE_TOKEN."
            )
    finally:
        client.close()


def _own_check(name: str, results: object) -> Finding:
    """One of the daemon's own checks."""
    first = results[0] if isinstance(results, list) and results and isinstance(results[0], dict) else {}
    state = {"pass": OK, "warn": WARN, "fail": FAILED}.get(str(first.get("status")), UNKNOWN)
    message = str(first.get("output") or "the daemon reports no problem")
    called = {"ledger": "database", "webhook": "webhook secret", "store": "daemon's store"}.get(name, name)
    fix = _FIXES.get(name.partition(" ")[0], "")
    return Finding(called, state, message, fix if state in (WARN, FAILED) else "")


_FIXES = {
    "ledger": "See docs/operating.md, and the daemon's log.",
    "disk": "Free disk space, or set PACKHOUSE_DATA_DIR to a larger disk.",
    "workers": "Restart the daemon; its log shows what it was doing.",
    "webhook": "Set PACKHOUSE_WEBHOOK__SECRETS and restart the daemon.",
    "store": "Check the daemon's key and network. The daemon keeps trying.",
    "buying": "Continue all orders: packhouse resume --reason WHY, or remove PACKHOUSE_GUARD__PAUSED.",
    "provider": "Check the provider's key and address in the daemon's settings.",
}


def _status(status: dict[str, object]) -> Iterator[Finding]:
    from packhouse import __version__

    version = status.get("version")
    if version == __version__:
        yield Finding("version", OK, f"the daemon and this command have version {version}")
    else:
        message = f"the daemon has version {version}, this command {__version__}"
        yield Finding("version", WARN, message, "Install the same version of both.")
    yield from _ages(status)
    waits = status.get("waiting")
    at = status.get("at")
    now = float(at) if isinstance(at, (int, float)) else time.time()
    for waiting in waits if isinstance(waits, list) else ():
        number = waiting.get("orders") or 0
        # The daemon's own checks say already what stops it; here is how many orders that concerns.
        if number and waiting.get("kind") not in ("queued", "processing"):
            sentence, *fixes = sentences_of(waiting, now)
            yield Finding(
                "waiting", WARN, f"{number} order{'s' * (number != 1)}: {sentence}", " ".join(fixes)
            )
    overdue = status.get("oldest_due_s")
    if isinstance(overdue, (int, float)) and overdue > 600:
        yield Finding("overdue", FAILED, f"an order is overdue by {span(overdue)}", "See the daemon's log.")


def _ages(status: dict[str, object]) -> Iterator[Finding]:
    """When the daemon last received something from the store, either way."""
    at = status.get("at")
    if "last_poll_at" not in status or not isinstance(at, (int, float)):
        return
    polled, received = status.get("last_poll_at"), status.get("last_event_at")
    message = f"last successful poll {ago(polled, at)}, last webhook {ago(received, at)}"
    is_late = not isinstance(polled, (int, float)) or at - polled > _POLL_LATE_S
    yield Finding(
        "orders come in",
        WARN if is_late else OK,
        message,
        "The line about the daemon's store, or its log, says why it does not poll." if is_late else "",
    )
