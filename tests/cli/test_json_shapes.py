"""The JSON of every line has the keys that docs/reference/cli.md says, taken from that page's own table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.sandbox_store import SandboxStore, store_process

PAGE = Path(__file__).parents[2] / "docs/reference/cli.md"
ROW = re.compile(
    r"^\| (?P<line>[^|]+) \| (?P<shape>array|object) \| (?P<whose>the store's|ours) \| (?P<keys>[^|]+) \|$"
)
TABLE = {
    row["line"].strip("` "): (row["shape"], row["whose"], set(re.findall(r"`(\w+)`", row["keys"])))
    for line in PAGE.read_text().splitlines()
    if (row := ROW.match(line))
}
pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What each line of the table prints with --json, by its name there."""
    with store_process(tmp_path_factory.mktemp("store"), "--site", "acme") as store:
        yield dict(_printed(store))


def _printed(store: SandboxStore) -> Iterator[tuple[str, Any]]:
    def asked(name: str, *argv: str) -> Any:
        shown = store.call(*name.split(), *argv, "--json")
        assert shown.code == 0, (name, shown.err)
        return shown.json

    order = store.order()
    yield "any with `--dry-run", asked("orders refund", order, "--amount", "1", "--dry-run")
    name = "orders fulfill"
    yield name, asked(name, order, "--carrier", "USPS", "--tracking", f"T-{order}")
    name = "orders refund"
    yield name, asked(name, order, "--amount", "1", "--reason", "Late")
    yield "orders list", asked("orders list")
    yield "orders get", asked("orders get", order)
    for last in ("approve", "reject", "exchange"):
        order = store.order()
        asked("orders fulfill", order, "--carrier", "USPS", "--tracking", f"T-{order}")
        if last == "exchange":
            argv = ("--item", "li_1:1", "--new-variant-id", "var_mug_sand", "--reason", "Red")
            yield "orders exchange create", asked("orders exchange create", order, *argv)
            continue
        made = asked("orders return create", order, "--item", "li_1:1", "--reason", "Small")
        yield "orders return create", made
        yield f"orders return {last}", asked(f"orders return {last}", order, made["id"])
        if last == "approve":
            yield "orders return receive", asked("orders return receive", order, made["id"])
    argv = ("--url", "http://127.0.0.1:9/hook", "--event", "order.created", "--site-slug", "acme")
    hook = asked("webhooks create", *argv)
    yield "webhooks create", hook
    yield "webhooks list", asked("webhooks list")
    store.order()
    deliveries: list[dict[str, Any]] = []
    while not deliveries:
        deliveries = asked("webhooks deliveries list", hook["id"])
    yield "webhooks deliveries list", deliveries
    name = "webhooks deliveries replay"
    yield name, asked(name, hook["id"], deliveries[0]["id"])
    yield "webhooks rotate", asked("webhooks rotate", hook["id"])
    yield "webhooks delete", asked("webhooks delete", hook["id"])


def test_the_page_has_every_line_and_no_other(printed: dict[str, Any]) -> None:
    assert set(printed) == set(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_what_is_printed_has_the_documented_keys(printed: dict[str, Any], name: str) -> None:
    shape, whose, keys = TABLE[name]
    value = printed[name]
    rows = value if shape == "array" else [value]
    assert isinstance(value, list) == (shape == "array")
    assert rows
    for row in rows:
        assert (keys == set(row)) if whose == "ours" else (keys <= set(row))


def test_a_list_is_a_bare_array_of_ids_for_jq(printed: dict[str, Any]) -> None:
    for name in ("orders list", "webhooks list", "webhooks deliveries list"):
        assert all(isinstance(row["id"], str) for row in printed[name])
