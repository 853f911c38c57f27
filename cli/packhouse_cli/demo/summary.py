"""The summary that the demo prints at its end: the totals in lines. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from packhouse.model.printable import escaped
from packhouse_cli.demo.totals import Group, Totals, money_text
from packhouse_cli.terminal.text import width_of, wrap

Paint = Callable[..., str]
_SHOWN_OF_A_GROUP = 3
_INDENT = 8
_NARROWEST = 30


def summary_lines(totals: Totals, *, seconds: float, width: int, paint: Paint) -> list[str]:
    """The summary, in lines of about `width` cells."""
    t = totals
    closed = sum(len(group.members) for group in t.closed)
    waiting = t.orders - t.shipped - t.orders_held - closed
    parts = [f"{t.shipped} shipped", f"{t.orders_held} held", f"{closed} closed"]
    parts += [f"{waiting} waiting"] if waiting else []
    lines = [paint(f"{t.orders} orders = {' + '.join(parts)}", "bold") + f"   in {seconds:.0f} s", ""]
    lines += _section("Held, waiting for a person", t.held, "yellow", width, paint)
    lines += _section("Waiting, not finished", t.waiting, "yellow", width, paint)
    lines += _section("Closed, nothing to ship", t.closed, "dim", width, paint)
    voided = f", {t.labels_voided} more voided" if t.labels_voided else ""
    lines += [
        paint("Money", "bold"),
        f"  labels       {t.labels_active} paid{voided}",
        f"  shipments    {t.shipments_checked}, one active label each",
        f"  Packhouse    {money_text(t.spent)}",
        f"  provider     {money_text(t.provider_charged)}",
        "",
    ]
    return lines + _verdict(t, width, paint)


def _verdict(t: Totals, width: int, paint: Paint) -> list[str]:
    """Whether the records agree, and how many orders wait: never the one without the other."""
    lines = []
    if t.discrepancies:
        lines += [paint("The records do not agree:", "bold", "red")]
        for one in t.discrepancies[:20]:
            lines += [f"  {line}" for line in wrap(one, max(width - 2, _NARROWEST))]
    elif t.unprocessed:
        lines += ["The totals so far agree: Packhouse, the store and the provider."]
    else:
        lines += [paint("All totals agree: Packhouse, the store and the provider.", "bold", "green")]
    if t.orders_held:
        verb = "order waits" if t.orders_held == 1 else "orders wait"
        lines += [paint(f"{t.orders_held} {verb} for a person.", "bold", "yellow")]
    if t.unprocessed:
        number = len(t.unprocessed)
        verb = "order is" if number == 1 else "orders are"
        lines += [paint(f"{number} {verb} not finished.", "bold", "yellow")]
    return lines


def _section(title: str, groups: Sequence[Group], style: str, width: int, paint: Paint) -> list[str]:
    if not groups:
        return []
    lines = [paint(title, "bold")]
    room = max(width - _INDENT, _NARROWEST)
    for group in groups:
        number = paint(f"{len(group.members):>4}", style) if group.members else " " * 4
        first, *rest = wrap(escaped(group.reason), room)
        lines += [f"  {number}  {first}", *(" " * _INDENT + line for line in rest)]
        lines += _members(group, width, paint)
        if group.remedy:
            lines += [" " * _INDENT + paint(line, "cyan") for line in wrap(escaped(group.remedy), room)]
    return [*lines, ""]


def _members(group: Group, width: int, paint: Paint) -> list[str]:
    """Some of a group's orders; those with the same detail together, and the detail below if it is long."""
    by_detail: dict[str, list[str]] = {}
    for name, detail in group.members:
        by_detail.setdefault(detail, []).append(escaped(name))
    lines = []
    below = " " * (_INDENT + 2)
    shown = list(by_detail.items())[:_SHOWN_OF_A_GROUP]
    for detail, names in shown:
        more = len(names) - _SHOWN_OF_A_GROUP
        some = ", ".join(names[:_SHOWN_OF_A_GROUP]) + (f" and {more} more" if more > 0 else "")
        text = escaped(detail)
        if _INDENT + width_of(some) + 2 + width_of(text) <= width:
            lines.append(f"{paint(' ' * _INDENT + some, 'dim')}  {text}".rstrip())
            continue
        lines += [paint(" " * _INDENT + line, "dim") for line in wrap(some, max(width - _INDENT, _NARROWEST))]
        lines += [below + line for line in wrap(text, max(width - len(below), _NARROWEST)) if line]
    unshown = len(group.members) - sum(len(names) for _, names in shown)
    if unshown:
        lines.append(paint(f"{'':{_INDENT}}and {unshown} more", "dim"))
    return lines
