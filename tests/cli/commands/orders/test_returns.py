"""Returns from the command line, at a store whose answer to what it accepted is cut off."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.runner import call, serving

ITEMS = [{"line_item_id": "li_1", "quantity": 1}]
ORDER: dict[str, Any] = {
    "id": "ord_1",
    "status": "fulfilled",
    "currency": "USD",
    "items": [{"id": "li_1", "product_id": "prod_1", "quantity": 1, "is_digital": False}],
    "fulfillments": [{"tracking_number": "T0", "line_item_id": "li_1", "quantity": 1}],
    "returns": [{"id": "ret_1", "status": "requested", "items": ITEMS, "reason": "Torn"}],
    "exchanges": [],
}
GET = "GET /merchant/orders/ord_1"


@pytest.mark.parametrize(
    ("line", "path", "shown"),
    [
        ("return create ord_1 --item li_1:1 --reason Torn", "returns", {"returns": []}),
        ("return approve ord_1 ret_1", "returns/ret_1/approve", {}),
        ("exchange create ord_1 --item li_1:1 --new-variant-id v2", "exchanges", {"returns": []}),
    ],
)
@pytest.mark.parametrize(
    "answer", [b'{"return": {"id": "ret_1", "sta', b"<html>Log in</html>", b'{"error": {"code": "down"}}']
)
def test_an_answer_that_cannot_be_the_stores_is_no_success_unless_the_order_shows_the_change(
    line: str, path: str, shown: dict[str, Any], answer: bytes
) -> None:
    answers = {GET: (200, ORDER | shown), f"POST /merchant/orders/ord_1/{path}": (201, answer)}
    with serving(answers) as store:
        environ = {"PACKHOUSE_STORE__URL": store.url, "ALY_API_KEY": "aly_x"}
        ended = call("orders", *line.split(), environ=environ)
    assert (ended.code, ended.out) == (1, "")
    assert "Unknown outcome: The store's response to " in ended.err
    assert "read again, does not show the change" in ended.err
    assert "--idempotency-key packhouse-cli-" in ended.err
    assert sum(name.startswith("POST") for name, _ in store.asked) == 1
