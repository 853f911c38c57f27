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
def test_an_answer_cut_off_after_the_store_accepted_is_no_failure(
    line: str, path: str, shown: dict[str, Any]
) -> None:
    answers = {
        GET: (200, ORDER | shown),
        f"POST /merchant/orders/ord_1/{path}": (201, b'{"return": {"id": "ret_1", "sta'),
    }
    with serving(answers) as store:
        environ = {"PACKHOUSE_STORE__URL": store.url, "ALY_API_KEY": "aly_x"}
        ended = call("orders", *line.split(), environ=environ)
    assert ended.code == 0, ended.err
    assert sum(name.startswith("POST") for name, _ in store.asked) == 1
