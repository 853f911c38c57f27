"""`packhouse orders return …`: create, approve, receive and reject returns."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from packhouse_cli.arguments.command import Command, Group
from packhouse_cli.arguments.options import (
    ITEM,
    JSON,
    ORDER,
    STORE_REASON,
    Option,
    change_options,
    resource_id,
)
from packhouse_cli.changes.runner import run_change
from packhouse_cli.commands.orders import selection
from packhouse_cli.exit_codes import Exit, UsageError

if TYPE_CHECKING:
    from packhouse.model.order import Order, Units
    from packhouse.model.returns import Return
    from packhouse.store.responses import StoreResponse
    from packhouse_cli.changes.change import Change, ChangeResult
    from packhouse_cli.clients.store import RetryingStore
    from packhouse_cli.invocation import Invocation

_Read = TypeVar("_Read")
_DONE = {"approve": "approved", "receive": "received", "reject": "rejected"}
_RETURN = Option("return_id", metavar="RETURN", type=resource_id, help="the return's id, for example ret_1")


def _create(arguments: argparse.Namespace, invocation: Invocation) -> int:
    from packhouse.store import returns as wire
    from packhouse_cli.changes.line_items import named_units
    from packhouse_cli.changes.returns import newest_match, return_change

    reason = arguments.reason.strip()
    if selection.is_many(arguments):
        return _plan_many(arguments, reason, invocation)
    if not arguments.item:
        raise UsageError("Name the units to return with --item LINE:QTY, for example li_1:1.")
    units = units_of(arguments)

    def change_of(order: Order) -> Change:
        return return_change(order, units, reason, key=arguments.idempotency_key or "", again=arguments.again)

    def read(done: ChangeResult) -> Return | None:
        return in_answer(done, wire.read_return) or newest_match(
            wire.returns_of(done.order), named_units(done.change.order, units), reason
        )

    return created("return", change_of, read, arguments, invocation)


def _plan_many(arguments: argparse.Namespace, reason: str, invocation: Invocation) -> int:
    """Make a plan of what creating many returns would do."""
    if arguments.item:
        raise UsageError(
            "--item is for one order; in a file, rows name units in the column `items`, such as li_1:2."
        )
    if arguments.rows_from is None:
        raise UsageError("A filter does not select units. Name the units in the rows of --from FILE.")
    return selection.make_plan("return", arguments, {"reason": reason}, invocation)


def created(
    what: str,
    change_of: Callable[[Order], Change],
    read: Callable[[ChangeResult], Return | None],
    arguments: argparse.Namespace,
    invocation: Invocation,
) -> int:
    """Create a return or an exchange (`what`) and print it. `read` finds it in the result."""
    from packhouse_cli.changes.digital_lines import mark_digital_lines

    terminal = invocation.terminal

    def prepare(store: RetryingStore, order: Order) -> Change:
        return change_of(mark_digital_lines(store, order, terminal.note))

    def follow(store: RetryingStore, done: ChangeResult, _: object) -> ChangeResult:
        if done.answer is None or read(done) is not None:
            return done
        from dataclasses import replace

        from packhouse.errors import StoreError

        try:
            return replace(done, order=store.order(done.change.order.id))  # the response does not show it
        except StoreError:
            return done  # it was accepted even so

    done = run_change(arguments, invocation, prepare, takes_over=False, follow=follow)
    if done is None:
        return int(Exit.OK)
    found = read(done)
    if arguments.json:
        terminal.json(found.raw if found else _unshown(done))
        if done.already_recorded:
            terminal.note(f"The store has this {what} already; --again creates another one.")
        return int(Exit.OK)
    name = found.id if found else "(the store did not send its id)"
    state = f" ({found.status})" if found and found.status else ""
    order_id = done.change.order.id
    if done.already_recorded:
        terminal.line(
            f"Nothing was sent: order {order_id} has this {what} already, {name}{state}. "
            "--again creates another one."
        )
    else:
        terminal.line(f"Order {order_id}: {what} {name}{state} created.")
    return int(Exit.OK)


def _step(step: str, arguments: argparse.Namespace, invocation: Invocation) -> int:
    from packhouse.store import returns as wire
    from packhouse_cli.changes.returns import find_return, return_step_change

    terminal = invocation.terminal
    reason = getattr(arguments, "reason", "").strip()

    def prepare(_: RetryingStore, order: Order) -> Change:
        return return_step_change(
            order, arguments.return_id, step, reason, key=arguments.idempotency_key or ""
        )

    done = run_change(arguments, invocation, prepare, takes_over=False)
    if done is None:
        return int(Exit.OK)
    answered = in_answer(done, wire.read_return)
    found = answered or find_return(done.order, arguments.return_id)
    if arguments.json:
        terminal.json(found.raw if found else _unshown(done) | {"id": arguments.return_id})
        return int(Exit.OK)
    state = _DONE[step] if answered or not found else (found.status or _DONE[step])
    rma = f" The RMA is {found.rma}." if found and found.rma and step == "approve" else ""
    was = "is already" if done.already_recorded else "is"
    terminal.line(f"Return {arguments.return_id} {was} {state}.{rma}")
    return int(Exit.OK)


def in_answer(done: ChangeResult, read: Callable[[StoreResponse, str], _Read | None]) -> _Read | None:
    """The object in the store's response; None where it is cut short or has none."""
    from packhouse.errors import StoreUnreadable

    try:
        return read(done.answer, done.change.order.id) if done.answer else None
    except StoreUnreadable:
        return None


def units_of(arguments: argparse.Namespace) -> list[Units]:
    """The units that --item names."""
    from packhouse_cli.changes.line_items import parse_item

    return [parse_item(text) for text in arguments.item]


def _unshown(done: ChangeResult) -> dict[str, Any]:
    """What is known where neither the response nor the order shows the return or exchange itself."""
    import json

    sent = json.loads(done.change.request.body) if done.change.request.body else {}
    return {"id": None, "order_id": done.change.order.id, **sent}


def _step_command(step: str, help: str, *more: Option, example: str = "", asks: bool = True) -> Command:
    return Command(
        help,
        partial(_step, step),
        (
            ORDER,
            _RETURN,
            *more,
            *change_options(key_from="order, return and step", asks=asks),
            JSON.but(help="print the return as the store sent it"),
        ),
        examples=(f"packhouse orders return {step} ord_1 ret_1{example}",),
    )


_CREATE = Command(
    "request the return of units",
    _create,
    (
        ORDER.but(nargs="?"),
        ITEM.but(required=False, default=[]),
        STORE_REASON,
        *change_options(
            key_from="order, units and reason",
            again="create another return, even if the order has one of these units and reason",
            dry_run=False,
        ),
        JSON.but(help="print the return as the store sent it"),
        selection.OPTIONS,
    ),
    examples=(
        'packhouse orders return create ord_1 --item li_1:1 --reason "Wrong size"',
        "packhouse orders return create ord_1 --item li_1:1 --item li_2:2 --json | jq -r .id",
        'packhouse orders return create --from returns.csv --reason "Recall"',
    ),
)

COMMAND = Group(
    "create, approve, receive and reject returns",
    {
        "create": _CREATE,
        "approve": _step_command("approve", "approve a return; the store issues an RMA number", asks=False),
        "receive": _step_command(
            "receive", "record that the goods arrived in good condition; this cannot be undone"
        ),
        "reject": _step_command(
            "reject",
            "reject a return; this cannot be undone",
            STORE_REASON,
            example=' --reason "Outside window"',
        ),
    },
    examples=(
        'packhouse orders return create ord_1 --item li_1:1 --reason "Wrong size"',
        "packhouse orders return approve ord_1 ret_1",
    ),
)
