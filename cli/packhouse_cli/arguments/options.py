"""Options as values: what a command takes, declared once and listed by every command that takes it.

The functions are argparse types: they return the value, or raise ArgumentTypeError with the reason.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from packhouse_cli.exit_codes import UsageError

if TYPE_CHECKING:
    from packhouse_cli.arguments.given_amount import GivenAmount


class Option:
    """One option, or one positional argument: the names and keywords of argparse's `add_argument`."""

    def __init__(self, *names: str, **keywords: Any) -> None:
        self.names = names
        self.keywords = keywords

    def but(self, **keywords: Any) -> Option:
        """The same option with other keywords, for example another help text."""
        return Option(*self.names, **{**self.keywords, **keywords})

    def add_to(self, parser: Any) -> None:
        """Declare it on a parser or an argument group."""
        parser.add_argument(*self.names, **self.keywords)


class OptionGroup:
    """Options that help shows together under a title."""

    def __init__(self, title: str, options: Sequence[Option]) -> None:
        self.title = title
        self.options = options

    def add_to(self, parser: Any) -> None:
        """Declare all of them on a parser."""
        group = parser.add_argument_group(self.title)
        for option in self.options:
            option.add_to(group)


def count(text: str) -> int:
    """A whole number of 1 or more."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return value


def count_or_all(text: str) -> int:
    """A whole number of 1 or more; 0 for "all"."""
    if text == "all":
        return 0
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more, or all")
    return int(text)


def amount(text: str) -> GivenAmount:
    """An amount of money: whole minor units, or with a decimal point or a currency."""
    from packhouse_cli.arguments.given_amount import given_amount

    try:
        return given_amount(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def share(text: str) -> float:
    """A number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")
    return value


def rate(text: str) -> float:
    """A number of 0 or more."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of 0 or more")
    return value


def seconds(text: str) -> float:
    """A number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def period(text: str) -> float:
    """A period such as 90s, 15m, 1h, 2d or 1w, in seconds."""
    unit_s = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}.get(text[-1:], 0)
    digits = text[:-1]
    if not unit_s or not (digits.isascii() and digits.isdigit() and len(digits) <= 9 and int(digits)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a period such as 90s, 15m, 1h or 2d")
    return float(int(digits) * unit_s)


def resource_id(text: str) -> str:
    """An id of the store: opaque, but without a character that would change a path."""
    if not text or len(text) > 255 or not text.isprintable() or set(text) & set(" /,") or text in (".", ".."):
        raise argparse.ArgumentTypeError(f"{text!r} cannot be an id such as ord_1")
    return text


def idempotency_key(text: str) -> str:
    """An idempotency key: any text that fits a header."""
    if not 0 < len(text) <= 255 or not text.isascii() or not text.isprintable():
        raise argparse.ArgumentTypeError("a key is 1 to 255 printable ASCII characters")
    return text


# Options that several commands take.
JSON = Option("--json", action="store_true", help="print JSON for programs")
YES = Option("--yes", action="store_true", help="do not ask for confirmation")
REASON = Option("--reason", metavar="WHY", required=True, help="the reason; it is written to the journal")
STORE_REASON = Option("--reason", metavar="WHY", default="", help="the reason; the store keeps it")
LIMIT = Option("--limit", metavar="N", type=count, default=50, help="print at most N (default 50)")
NO_WAIT = Option(
    "--no-wait", action="store_true", help="exit with code 7 when the store answers 429, instead of waiting"
)
WITHOUT_DAEMON = Option(
    "--without-daemon",
    action="store_true",
    help="do not ask the daemon, even if one serves this store",
)
DRY_RUN = Option("--dry-run", action="store_true", help="print what would be sent, and change nothing")

ORDER = Option("order", metavar="ORDER", type=resource_id, help="the order's id, for example ord_1")
SHIPMENT = Option("shipment", metavar="SHIPMENT", help="the shipment's id, for example ord_1-1")
CARRIER = Option("--carrier", metavar="NAME", required=True, help="the carrier, for example UPS")
TRACKING = Option("--tracking", metavar="NUMBER", required=True, help="the tracking number")
ITEM = Option(
    "--item", metavar="LINE:QTY", action="append", required=True, help="units of one order line; repeatable"
)
SITE = Option("--site-slug", metavar="SITE", default="", help="only this site (default: all sites)")

CREATED_AFTER = Option(
    "--created-after",
    metavar="DATE",
    default="",
    help="only orders created after this date (UTC) or ISO 8601 time",
)
CREATED_BEFORE = Option(
    "--created-before",
    metavar="DATE",
    default="",
    help="only orders created before this date (UTC) or ISO 8601 time",
)
CUSTOMER = Option("--customer-id", metavar="ID", default="", help="only orders of this customer")

CONCURRENCY = 32
# How much load a plan puts on the store.
PACE = (
    Option(
        "--concurrency",
        metavar="N",
        type=count,
        default=CONCURRENCY,
        help=f"change N orders at the same time (default {CONCURRENCY})",
    ),
    Option(
        "--max-per-s",
        metavar="N",
        type=rate,
        help="limit the calls to the store per second, even where the store allows more; 0: no limit "
        "(default: PACKHOUSE_STORE__RATE_LIMIT_PER_S, else 0)",
    ),
)


def change_options(
    *, key_from: str, again: str = "", confirms: bool = False, dry_run: bool = True
) -> tuple[Option, ...]:
    """The options of a command that changes something at the store.

    `key_from` names the values that the key is derived from, `again` says what `--again` does, "" where there
    is no such option. `confirms`: the command asks for confirmation on a terminal.
    """
    key_help = f"send this idempotency key (default: derived from {key_from})"
    options = [Option("--idempotency-key", metavar="KEY", type=idempotency_key, help=key_help)]
    if again:
        options.append(Option("--again", action="store_true", help=again))
    if confirms:
        options.append(YES)
    if dry_run:
        options.append(DRY_RUN)
    return (*options, NO_WAIT)
