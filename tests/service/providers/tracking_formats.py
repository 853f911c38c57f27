"""Which carriers would take a number for theirs: a small reader of a published table of their formats."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parents[3].parent / "shared/data/tracking-numbers"


@cache
def formats() -> tuple[dict[str, Any], ...]:
    files = sorted(TABLE.glob("*.json"))
    return tuple(form for file in files for form in json.loads(file.read_text())["tracking_numbers"])


def takers(number: str) -> list[str]:
    """Names of the formats that the number is valid under."""
    return [form["name"] for form in formats() if _valid(form, number)]


def _valid(form: dict[str, Any], number: str) -> bool:
    source = form["regex"] if isinstance(form["regex"], str) else "".join(form["regex"])
    found = re.fullmatch(re.sub(r"\(\?<(?![=!])", "(?P<", source), number)
    if not found:
        return False
    rules, groups = form["validation"], {name: _bare(text) for name, text in found.groupdict().items()}
    for name in rules.get("additional", {}).get("exists", ()):
        table = next(one for one in form["additional"] if one["name"] == name)
        value = groups[table["regex_group_name"]]
        if not any(_listed(row, value) for row in table["lookup"]):
            return False
    if "checksum" not in rules:
        return True
    serial = groups["SerialNumber"]
    prepend = rules.get("serial_number_format", {}).get("prepend_if", {})
    if prepend and re.match(prepend["matches_regex"], serial):
        serial = prepend["content"] + serial
    return _checks(rules["checksum"], serial, groups["CheckDigit"])


def _bare(text: str | None) -> str:
    return re.sub(r"\s", "", text or "")


def _listed(row: dict[str, Any], value: str) -> bool:
    return row.get("matches") == value or bool(
        row.get("matches_regex") and re.match(row["matches_regex"], value)
    )


def _checks(rule: dict[str, Any], serial: str, digit: str) -> bool:
    match rule["name"]:
        case "mod7":
            return int(serial) % 7 == int(digit)
        case "mod10":
            return _mod10(rule, serial) == int(digit)
        case "s10":
            rest = sum(int(n) * w for n, w in zip(serial, (8, 6, 4, 2, 3, 5, 9, 7), strict=False)) % 11
            return {1: 0, 0: 5}.get(rest, 11 - rest) == int(digit)
        case "sum_product_with_weightings_and_modulo":
            total = sum(int(n) * w for n, w in zip(serial, rule["weightings"], strict=False))
            return total % rule["modulo1"] % rule["modulo2"] == int(digit)
        case "luhn":
            total = sum(sum(divmod(int(n) * (2 - i % 2), 10)) for i, n in enumerate(reversed(serial)))
            return -total % 10 == int(digit)
        case "mod_37_36":
            value = 36
            for char in serial:
                value = ((value + int(char, 36)) % 36 or 36) * 2 % 37
            return (37 - value) % 36 == int(digit, 36)
    raise AssertionError(f"a checksum this reader does not know: {rule['name']}")


def _mod10(rule: dict[str, Any], serial: str) -> int:
    total = 0
    for index, char in enumerate(reversed(serial) if rule.get("reverse") else serial):
        value = int(char) if char.isdigit() else (ord(char) - 3) % 10
        total += value * int(rule.get("odds_multiplier" if index % 2 else "evens_multiplier") or 1)
    return -total % 10
