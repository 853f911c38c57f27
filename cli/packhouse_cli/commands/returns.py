"""`packhouse orders return …` and `orders exchange create`: goods on their way back, step by step."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from packhouse_cli.arguments.parsing import CommandParser, add_json, an_id
from packhouse_cli.changes.runner import add_change_arguments, run_change
from packhouse_cli.commands import bulk
from packhouse_cli.exit_codes import Exit, UsageError
from packhouse_cli.terminal.output import Terminal, safe

if TYPE_CHECKING:
    from packhouse.model.order import Order, Units
    from packhouse.model.returns import Return
    from packhouse.store.answers import StoreAnswer
    from packhouse_cli.changes.change import Change, ChangeResult
    from packhouse_cli.clients.store import PatientStore

_Read = TypeVar("_Read")
_STEPS = {
    "approve": "approve a return; the store issues an RMA",
    "receive": "the goods are here and in good condition; this cannot be taken back",
    "reject": "refuse a return; this cannot be taken back",
}
_TOLD = {"approve": "approved", "receive": "received", "reject": "rejected"}


def declare_returns(noun: CommandParser, terminal: Terminal, environ: Mapping[str, str]) -> None:
    """Give `orders return` its verbs."""
    program = terminal.program
    noun.examples = (
        f'{program} orders return create ord_1 --item li_1:1 --reason "Wrong size"',
        f"{program} orders return approve ord_1 ret_1",
    )
    under = noun.verbs()
    creating = under.add(
        "create",
        partial(_create, terminal=terminal, environ=environ),
        help="ask for units to come back",
        examples=[
            f'{program} orders return create ord_1 --item li_1:1 --reason "Wrong size"',
            f"{program} orders return create ord_1 --item li_1:1 --item li_2:2 --json | jq -r .id",
            *(example.replace("packhouse", program, 1) for example in bulk.EXAMPLES["return"]),
        ],
    )
    _declare_units(creating, many=True)
    add_change_arguments(
        creating,
        key_of="order, units and reason",
        again="although the order has a return of these units and reason already",
        dry_run=False,
    )
    add_json(creating, "print the return as the store sent it")
    bulk.declare(creating)
    for name, sense in _STEPS.items():
        step = under.add(
            name,
            partial(_step, name, terminal=terminal, environ=environ),
            help=sense,
            examples=[
                f"{program} orders return {name} ord_1 ret_1"
                + (' --reason "Outside window"' if name == "reject" else "")
            ],
        )
        step.add_argument("order", metavar="ORDER", type=an_id, help="the order's id")
        step.add_argument("return_id", metavar="RETURN", type=an_id, help="the return's id")
        if name == "reject":
            step.add_argument("--reason", metavar="WHY", default="", help="kept by the store")
        add_change_arguments(step, key_of="order, return and step", confirms=name != "approve")
        add_json(step, "print the return as the store sent it")


def declare_exchanges(noun: CommandParser, terminal: Terminal, environ: Mapping[str, str]) -> None:
    """Give `orders exchange` its verb."""
    noun.examples = (
        f"{terminal.program} orders exchange create ord_1 --item li_1:1 --new-variant-id var_2 "
        '--reason "Wrong color"',
    )
    exchanging = noun.verbs().add(
        "create",
        partial(_exchange, terminal=terminal, environ=environ),
        help="ask for units to come back for units of another variant; this cannot be taken back",
        examples=noun.examples,
    )
    _declare_units(exchanging)
    exchanging.add_argument(
        "--new-variant-id",
        metavar="VARIANT",
        required=True,
        type=an_id,
        help="the variant sent instead",
    )
    add_change_arguments(
        exchanging,
        key_of="order, units, variant and reason",
        again="although the order has such an exchange already",
        confirms=True,
    )
    add_json(exchanging, "print the exchange as the store sent it")


def _declare_units(parser: CommandParser, *, many: bool = False) -> None:
    """The order and its units; with `many` they may be named by rows instead."""
    if many:
        parser.add_argument("order", metavar="ORDER", nargs="?", type=an_id, help="the order's id")
    else:
        parser.add_argument("order", metavar="ORDER", type=an_id, help="the order's id")
    parser.add_argument(
        "--item",
        metavar="LINE:QTY",
        action="append",
        required=not many,
        default=[] if many else None,
        help="units of a line; repeatable",
    )
    parser.add_argument("--reason", metavar="WHY", default="", help="kept by the store")


def _create(arguments: argparse.Namespace, *, terminal: Terminal, environ: Mapping[str, str]) -> int:
    from packhouse.store import returns as wire
    from packhouse_cli.changes.line_items import named_units
    from packhouse_cli.changes.returns import newest_match, return_change

    reason = arguments.reason.strip()
    if bulk.wanted(arguments):
        return _plan_many(arguments, reason, terminal, environ)
    if not arguments.item:
        raise UsageError("Name the units that come back with --item LINE:QTY, such as li_1:1.")
    units = _units(arguments)

    def act_of(order: Order) -> Change:
        return return_change(order, units, reason, key=arguments.idempotency_key or "", again=arguments.again)

    def read(done: ChangeResult) -> Return | None:
        return _answered(done, wire.read_return) or newest_match(
            wire.returns_of(done.order), named_units(done.change.order, units), reason
        )

    return _made("return", act_of, read, arguments, terminal, environ)


def _plan_many(
    arguments: argparse.Namespace, reason: str, terminal: Terminal, environ: Mapping[str, str]
) -> int:
    """Make a plan of what creating many returns would do."""
    if arguments.item:
        raise UsageError("--item is for one order; rows name units in a column `items`, such as li_1:2.")
    if arguments.rows_from is None:
        raise UsageError("A filter cannot know which units come back; name them in rows with --from FILE.")
    return bulk.run("return", arguments, {"reason": reason}, terminal, environ)


def _exchange(arguments: argparse.Namespace, *, terminal: Terminal, environ: Mapping[str, str]) -> int:
    from packhouse.store import returns as wire
    from packhouse_cli.changes.line_items import named_units
    from packhouse_cli.changes.returns import exchange_change, newest_match

    reason, units = arguments.reason.strip(), _units(arguments)

    def act_of(order: Order) -> Change:
        return exchange_change(
            order,
            units,
            arguments.new_variant_id,
            reason,
            key=arguments.idempotency_key or "",
            again=arguments.again,
        )

    def read(done: ChangeResult) -> Return | None:
        rows = [
            row
            for row in wire.exchanges_of(done.order) or ()
            if row.new_variant_id in ("", arguments.new_variant_id)
        ]
        return _answered(done, wire.read_exchange) or newest_match(
            rows, named_units(done.change.order, units), reason
        )

    return _made("exchange", act_of, read, arguments, terminal, environ)


def _made(
    what: str,
    act_of: Callable[[Order], Change],
    read: Callable[[ChangeResult], Return | None],
    arguments: argparse.Namespace,
    terminal: Terminal,
    environ: Mapping[str, str],
) -> int:
    from packhouse_cli.changes.digital_lines import mark_digital_lines

    def prepare(store: PatientStore, order: Order) -> Change:
        return act_of(mark_digital_lines(store, order, terminal.note))

    def follow(store: PatientStore, done: ChangeResult, _: object) -> ChangeResult:
        if done.answer is None or read(done) is not None:
            return done
        from dataclasses import replace

        from packhouse.errors import StoreError

        try:
            return replace(done, order=store.order(done.change.order.id))  # an answer that does not show it
        except StoreError:
            return done  # it was accepted all the same

    done = run_change(arguments, terminal, environ, prepare, takes_over=False, follow=follow)
    if done is None:
        return int(Exit.OK)
    found = read(done)
    if arguments.json:
        terminal.json(found.raw if found else _unshown(done))
        if done.already_recorded:
            terminal.note(f"The store had this {what} already; --again asks for another one.")
        return int(Exit.OK)
    name = safe(found.id) if found else "(the store does not say its id)"
    state = f" ({safe(found.status)})" if found and found.status else ""
    order_id = safe(done.change.order.id)
    if done.already_recorded:
        terminal.line(
            f"Nothing new: order {order_id} has this {what} already, {name}{state}. --again asks for another."
        )
    else:
        terminal.line(f"Order {order_id}: {what} {name}{state} created.")
    return int(Exit.OK)


def _step(verb: str, arguments: argparse.Namespace, *, terminal: Terminal, environ: Mapping[str, str]) -> int:
    from packhouse.store import returns as wire
    from packhouse_cli.changes.returns import find_return, return_step_change

    reason = getattr(arguments, "reason", "").strip()

    def prepare(_: PatientStore, order: Order) -> Change:
        return return_step_change(
            order, arguments.return_id, verb, reason, key=arguments.idempotency_key or ""
        )

    done = run_change(arguments, terminal, environ, prepare, takes_over=False)
    if done is None:
        return int(Exit.OK)
    answered = _answered(done, wire.read_return)
    found = answered or find_return(done.order, arguments.return_id)
    if arguments.json:
        terminal.json(found.raw if found else _unshown(done) | {"id": arguments.return_id})
        return int(Exit.OK)
    state = _TOLD[verb] if answered or not found else (found.status or _TOLD[verb])
    rma = f" The RMA is {safe(found.rma)}." if found and found.rma and verb == "approve" else ""
    was = "is already" if done.already_recorded else "is"
    terminal.line(f"Return {safe(arguments.return_id)} {was} {safe(state)}.{rma}")
    return int(Exit.OK)


def _answered(done: ChangeResult, read: Callable[[StoreAnswer, str], _Read | None]) -> _Read | None:
    """What the store's answer shows; None where it is cut off or says nothing: that is accepted as well."""
    from packhouse.errors import StoreUnreadable

    try:
        return read(done.answer, done.change.order.id) if done.answer else None
    except StoreUnreadable:
        return None


def _units(arguments: argparse.Namespace) -> list[Units]:
    from packhouse_cli.changes.line_items import parse_item

    return [parse_item(text) for text in arguments.item]


def _unshown(done: ChangeResult) -> dict[str, Any]:
    """What is known where neither the answer nor the order shows the thing itself."""
    import json

    said = json.loads(done.change.request.body) if done.change.request.body else {}
    return {"id": None, "order_id": done.change.order.id, **said}
