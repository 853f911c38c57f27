"""A careless shop and a hostile product name: the daemon holds or ships such orders, and the others go on."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.processes import Services, call_json, running_services

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("engine")]
HOSTILE = ("huge_quantity", "free_samples", "odd_text", "long_text")


def test_huge_orders_and_odd_text_are_held_or_shipped_and_never_stop_the_others(tmp_path: Path) -> None:
    """Each order came before the good ones; the daemon is killed and has to live through them again."""
    with running_services(tmp_path, "--poll-only-share", "0", "--fault", "webhook.duplicate=0") as services:
        services.start()
        services.place_orders(8, kinds=HOSTILE)
        services.place_orders(12, kinds=("plain",))
        phases = services.wait_until_processed(20)
        assert (phases["shipped"], phases["held"]) == (14, 6)
        codes = held_by(services)
        assert codes == {
            "huge_quantity": {"order_too_large"},
            "free_samples": {"order_too_large"},
            "long_text": {"address_incomplete"},
        }
        services.check_audit(20)
        assert services.daemon is not None
        services.daemon.kill()
        daemon = services.start("again")
        services.place_orders(4, kinds=("plain", "odd_text"))
        assert services.wait_until_processed(24)["shipped"] == 18
        assert services.query("SELECT max(attempts) FROM orders") == 0
        assert daemon.end() == 0


def held_by(services: Services) -> dict[str, set[str]]:
    """The codes of the active holds, by the kind of order."""
    orders = call_json(f"{services.sandbox_url}/sandbox/state")["orders"]
    found: dict[str, set[str]] = {}
    counted: Counter[str] = Counter()
    for order_id, one in orders.items():
        holds = services.api(f"/api/v1/orders/{order_id}")["holds"]
        for hold in holds:
            if hold.get("active", True):
                found.setdefault(one["kind"], set()).add(hold["code"])
                counted[one["kind"]] += 1
    assert set(counted.values()) == {2}
    return found
