"""`packhouse orders`: the store's orders, read and acted on straight at the store; `why` asks the daemon.

The module of a verb is loaded when that verb is used: `orders list` is run in loops.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from packhouse_cli.arguments.parsing import CommandParser
from packhouse_cli.terminal.output import Terminal

# Verb -> (module, one-line help). A module has declare(parser), EXAMPLES, run(arguments, terminal, environ).
_ACTS = {
    "fulfill": (
        "fulfillment",
        "tell the store that units left with a tracking number; this cannot be taken back",
    ),
    "refund": ("refund", "send money back to the buyer; this cannot be taken back"),
}
# Noun below -> (what gives it its verbs, one-line help).
_BELOW = {
    "return": ("declare_returns", "goods that come back: create, approve, receive, reject"),
    "exchange": ("declare_exchanges", "goods that come back for others: create"),
}


def run(argv: list[str], terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Run one verb of `orders`."""
    from packhouse_cli.commands import order_list

    program = terminal.program
    noun = CommandParser(
        prog=f"{program} orders",
        description="The store's orders.",
        examples=[f"{program} orders list --status pending", f"{program} orders get ord_1"],
    )
    verbs = noun.verbs()
    order_list.declare(verbs, terminal, environ)
    for name, (module, sense) in _ACTS.items():
        act = verbs.add(name, _Act(module, terminal, environ), help=sense)
        act.fill(_Act(module, terminal, environ).declare)
    for name, (declaring, sense) in _BELOW.items():
        verbs.add(name, None, help=sense).fill(_Below(declaring, terminal, environ))
    if program == "packhouse":
        telling = verbs.add(
            "why",
            lambda arguments: _module("why").tell(arguments.order, terminal, environ, as_json=arguments.json),
            help="the whole story of one order, from the daemon",
            examples=["packhouse orders why ord_1"],
        )
        telling.fill(lambda parser: _module("why").declare(parser))
    arguments = verbs.parse(argv)
    return int(arguments.run(arguments))


class _Act:
    """A verb's module, loaded when it is asked for something."""

    def __init__(self, module: str, terminal: Terminal, environ: Mapping[str, str]) -> None:
        self._name, self._terminal, self._environ = module, terminal, environ

    def __call__(self, arguments: argparse.Namespace) -> int:
        return int(_module(self._name).run(arguments, terminal=self._terminal, environ=self._environ))

    def declare(self, parser: CommandParser) -> None:
        """The verb's arguments and examples."""
        module = _module(self._name)
        module.declare(parser)
        program = self._terminal.program
        parser.examples = tuple(example.replace("packhouse", program, 1) for example in module.EXAMPLES)


class _Below:
    """A noun below, given its verbs when it is used."""

    def __init__(self, declaring: str, terminal: Terminal, environ: Mapping[str, str]) -> None:
        self._declaring, self._terminal, self._environ = declaring, terminal, environ

    def __call__(self, parser: CommandParser) -> None:
        getattr(_module("returns"), self._declaring)(parser, self._terminal, self._environ)


def _module(name: str) -> Any:
    return import_module(f"packhouse_cli.commands.{name}")
