"""Why the daemon does not know an order: what the store says of it, and whether a poll reaches it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from packhouse_cli.exit_codes import CommandError, UsageError
from packhouse_cli.terminal.formats import day_and_time, span

if TYPE_CHECKING:
    from packhouse.model.order import Order
    from packhouse_cli.invocation import Invocation

_FINISHED = frozenset({"fulfilled", "cancelled", "refunded", "returned"})


def explanation(order_id: str, status: Mapping[str, Any], invocation: Invocation) -> str:
    """What is known of an order that the daemon does not know; `status` is the daemon's status."""
    from packhouse.errors import PackhouseError, StoreForbidden, StoreNotFound

    poll = status.get("poll") if isinstance(status.get("poll"), dict) else {}
    assert isinstance(poll, dict)
    unknown = f"The daemon does not know order {order_id}: no webhook and no poll has named it."
    try:
        with invocation.store(retries=False) as store:
            order = store.order(order_id)
    except StoreNotFound:
        return (
            f"{unknown} The store has no such order either. Check the id, and that the key is this store's."
        )
    except StoreForbidden as error:
        return f"{unknown} The store does not show it to this key: {error}"
    except (UsageError, CommandError) as error:
        return f"{unknown} Whether the store has it is not known, as this command cannot ask: {error}"
    except PackhouseError as error:
        return f"{unknown} Whether the store has it is not known: {error}"
    return " ".join([unknown, _at_the_store(order), *_reach(order, poll)])


def _at_the_store(order: Order) -> str:
    status = f"with the status {order.status}" if order.status else "without a status"
    created = f", created at {day_and_time(order.created_at)}" if order.created_at else ""
    return f"The store has it {status}{created}."


def _reach(order: Order, poll: Mapping[str, Any]) -> list[str]:
    """Whether and when a poll reaches the order, and what to do where none does."""
    site = str(poll.get("site_slug") or "")
    if site and order.site_slug and order.site_slug != site:
        return [
            f"It is of site {order.site_slug}, and the daemon serves site {site} only. "
            "PACKHOUSE_STORE__SITE_SLUG sets the site; empty means all."
        ]
    reached = _reached_by(order, poll)
    if not reached:
        days = poll.get("horizon_days")
        return [
            f"Polls do not reach it: of orders created more than {days:g} days ago (poll.horizon_days) they "
            "list only those that are pending. Raise PACKHOUSE_POLL__HORIZON_DAYS and restart the daemon, or "
            "replay one of its webhooks: packhouse webhooks deliveries list"
            if isinstance(days, (int, float))
            else "The daemon does not say how far back its polls look."
        ]
    sentences = [reached]
    if order.status in _FINISHED:
        sentences.append("It is added only if the store's list shows units that are left to ship.")
    problems = poll.get("problems")
    if isinstance(problems, list) and problems:
        sentences.append("But the last polls could not read the whole list: " + " ".join(map(str, problems)))
    return sentences


def _reached_by(order: Order, poll: Mapping[str, Any]) -> str:
    """Which poll lists the order, in a sentence; "" for none."""
    from packhouse.store.paging import moment

    days, every = poll.get("horizon_days"), poll.get("full_poll_s")
    if not isinstance(days, (int, float)) or not isinstance(every, (int, float)):
        return ""
    created = moment(order.created_at)
    is_recent = created is not None and time.time() - created.timestamp() < days * 86_400
    if not is_recent and order.status != "pending":
        return ""
    ended = poll.get("full_ended_at")
    last = f"the last one ended at {day_and_time(ended)}" if ended else "none has ended yet"
    return f"A full poll lists it; one runs every {span(every)}, and {last}."
