"""`packhouse labels`: labels bought for an order, taken as files, printed, taken back, adopted."""

from __future__ import annotations

from collections.abc import Mapping

from packhouse_cli import adoption
from packhouse_cli.arguments.parsing import CommandParser, add_json, seconds
from packhouse_cli.commands import label_create, label_files
from packhouse_cli.commands import shipment_acts as acts
from packhouse_cli.invocation import add_reason, add_yes, bound
from packhouse_cli.terminal.output import Terminal


def run(argv: list[str], terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Run one verb of `labels`."""
    noun = CommandParser(
        prog="packhouse labels",
        description="Labels: bought for an order, taken as files, printed, taken back.",
        examples=[
            "packhouse labels create --order ord_1 --json | jq -r .tracking",
            "packhouse labels print ord_1 --printer zebra",
        ],
    )
    verbs = noun.verbs()
    creating = verbs.add(
        "create",
        bound(label_create.create, terminal, environ),
        help="have an order's label bought by the daemon, once, and leave posting it to you",
        examples=[
            "packhouse labels create --order ord_1 --json",
            "packhouse labels create --order ord_1 --output ord_1.pdf",
        ],
    )
    creating.add_argument("--order", metavar="ORDER", required=True, help="the order's id")
    creating.add_argument(
        "--reason", metavar="WHY", default="labels create", help="why; it is written to the journal"
    )
    creating.add_argument(
        "--timeout", metavar="SECONDS", type=seconds, default=120.0, help="wait so long (default 120)"
    )
    creating.add_argument("--output", "-o", metavar="FILE", default="", help="keep the label's file there")
    add_yes(creating)
    add_json(creating)

    getting = verbs.add(
        "get",
        bound(label_files.get, terminal, environ),
        help="fetch a label's file",
        examples=["packhouse labels get ord_1-1", "packhouse labels get ord_1 -o label.pdf"],
    )
    opening = verbs.add(
        "open",
        bound(label_files.open_it, terminal, environ),
        help="open a label in this desktop's viewer, or say where its file is",
        examples=["packhouse labels open ord_1"],
    )
    printing = verbs.add(
        "print",
        bound(label_files.print_it, terminal, environ),
        help="send a label to a printer of this machine, with lp",
        examples=["packhouse labels print ord_1 --printer zebra"],
    )
    for parser in (getting, opening, printing):
        parser.add_argument(
            "shipment", metavar="SHIPMENT", help="a shipment's id, or an order's with one label"
        )
        add_json(parser)
    getting.add_argument(
        "--output",
        "-o",
        metavar="FILE",
        default="",
        help="its name, - for standard output (default: SHIPMENT.pdf or so)",
    )
    printing.add_argument(
        "--printer", "-d", metavar="NAME", default="", help="as lp knows it (default: lp's own)"
    )
    printing.add_argument("--copies", metavar="N", type=int, default=1, help="so many (default 1)")

    voiding = verbs.add(
        "void",
        bound(acts.void, terminal, environ),
        help="take back a label that the store does not know yet",
        examples=['packhouse labels void ord_1-1 --yes --reason "a wrong box"'],
    )
    voiding.add_argument("shipment", metavar="SHIPMENT", help="the shipment's id, for example ord_1-1")
    voiding.add_argument("--again", action="store_true", help="buy a new one then (else the order is held)")
    add_reason(voiding)
    add_yes(voiding)
    add_json(voiding)
    adopt = verbs.add(
        "adopt",
        bound(adoption.adopt, terminal, environ),
        help=adoption.HELP,
        examples=[adoption.example("labels")],
    )
    adoption.declare(adopt)
    arguments = verbs.parse(argv)
    return int(arguments.run(arguments))
