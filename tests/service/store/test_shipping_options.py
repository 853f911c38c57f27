"""The option that the buyer chose, in the fields in which a store may show it."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.model.order import ShippingOption
from packhouse.store.shipping_options import shipping_options_from_json


@pytest.mark.parametrize(
    ("raw", "options"),
    [
        ({"shipping_option": "Express"}, [("", "Express")]),
        ({"shipping_option": " Local \n pickup "}, [("", "Local pickup")]),
        ({"shipping_option": {"id": "exp", "name": "Express"}}, [("exp", "Express")]),
        ({"shipping_method": {"code": "flat_rate", "label": "Flat rate"}}, [("flat_rate", "Flat rate")]),
        ({"selected_shipping_option": {"title": "Overnight"}}, [("", "Overnight")]),
        (
            {"shipping_lines": [{"method_id": "local_pickup", "method_title": "Shop"}]},
            [("local_pickup", "Shop")],
        ),
        ({"shipping_lines": [{"title": "A"}, {"title": "B"}, {"title": "A"}]}, [("", "A"), ("", "B")]),
        ({"delivery_method": "pickup"}, [("", "pickup")]),
        ({"fulfillment_type": "PICKUP"}, [("", "PICKUP")]),
        ({"shipping": {"option": {"id": "x", "name": "Express"}}}, [("x", "Express")]),
        ({"shipping": {"method": "Express"}}, [("", "Express")]),
        ({"shipping_option": {"option": {"id": "x", "name": "Express"}, "price": 5}}, [("x", "Express")]),
        ({"fulfillment": {"type": "pickup"}}, [("", "pickup")]),
        ({"local_pickup": True}, [("local_pickup", "")]),
        ({"shipping_option": "Standard", "is_pickup": True}, [("", "Standard"), ("is_pickup", "")]),
        ({"shipping_options": [{"id": "a", "selected": True}, {"id": "b"}]}, [("a", "")]),
        ({"shipping_options": [{"name": "Local pickup"}]}, [("", "Local pickup")]),
        ({"shipping_option_id": "lp", "shipping_option_name": "Local pickup"}, [("lp", "Local pickup")]),
        ({"shipping_method_title": "Express"}, [("", "Express")]),
        ({"shippingOption": {"name": "Express"}}, [("", "Express")]),
        ({"deliveryMethod": "pickup"}, [("", "pickup")]),
        ({"shippingMethodName": "Express"}, [("", "Express")]),
        ({"shippingOptionDisplayName": "Express"}, [("", "Express")]),
        ({"shipping_option_slug": "lp", "shippingOptionTitle": "Shop"}, [("lp", "Shop")]),
        ({"shipping_option": {"id": "out", "method": {"id": "in"}}}, [("in", "")]),
        ({"shipping_options": ["a", {"id": "b", "chosen": True}, {"id": "c"}]}, [("b", "")]),
        ({"shipping_options": [{"id": "a", "selected": False}, {"id": "b", "chosen": True}]}, [("b", "")]),
        ({"shipping_options": [{"id": "a", "selected": True}, {"id": "b", "chosen": False}]}, [("a", "")]),
    ],
)
def test_each_usual_shape_is_read(raw: dict[str, Any], options: list[tuple[str, str]]) -> None:
    assert shipping_options_from_json(raw) == tuple(ShippingOption(*one) for one in options)


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"shipping_option": None},
        {"shipping_option": ""},
        {"shipping_option": {}},
        {"shipping_option": {"price": 500}},
        {"shipping_options": [{"id": "a"}, {"id": "b"}]},
        {"shipping": {"name": "Ann Example", "line1": "1 Sample St"}},
        {"shipping": 700},
        {"local_pickup": False},
        {"shipping_options": [{"id": "a", "selected": False}, {"id": "b", "chosen": 1}]},
        {"shipping_options": "Express"},
        {"shipping_option_price": "Express"},
        {"shipping_option_price": 500, "shipping_option_name": ""},
        {"shipping_options": []},
        {"totals": {"shipping": 500}},
    ],
)
def test_what_names_no_chosen_option_is_no_option(raw: dict[str, Any]) -> None:
    assert shipping_options_from_json(raw) == ()
