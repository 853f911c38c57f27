"""`packhouse orders`: the store's orders, read and acted on straight at the store; `why` asks the daemon."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from packhouse_cli.commands import fulfillment, order_list, refund, returns, why
from packhouse_cli.output import Terminal
from packhouse_cli.parsing import CommandParser


def run(argv: list[str], terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Run one verb of `orders`."""
    program = terminal.program
    noun = CommandParser(
        prog=f"{program} orders",
        description="The store's orders.",
        examples=[f"{program} orders list --status pending", f"{program} orders get ord_1"],
    )
    verbs = noun.verbs()
    order_list.declare(verbs, terminal, environ)
    parcel = verbs.add(
        "fulfill",
        partial(fulfillment.run, terminal=terminal, environ=environ),
        help="tell the store that units left with a tracking number; this cannot be taken back",
        examples=_as_called(fulfillment.EXAMPLES, program),
    )
    fulfillment.declare(parcel)
    money = verbs.add(
        "refund",
        partial(refund.run, terminal=terminal, environ=environ),
        help="send money back to the buyer; this cannot be taken back",
        examples=_as_called(refund.EXAMPLES, program),
    )
    refund.declare(money)
    returns.declare(verbs, terminal, environ)
    if program == "packhouse":
        telling = verbs.add(
            "why",
            lambda arguments: why.tell(arguments.order, terminal, environ, as_json=arguments.json),
            help="the whole story of one order, from the daemon",
            examples=["packhouse orders why ord_1"],
        )
        why.declare(telling)
    arguments = verbs.parse(argv)
    return int(arguments.run(arguments))


def _as_called(examples: tuple[str, ...], program: str) -> list[str]:
    return [example.replace("packhouse", program, 1) for example in examples]
