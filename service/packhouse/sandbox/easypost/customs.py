"""What the fake EasyPost refuses about customs, for parcels from the US.

Packhouse's own rules are not used here: the simulation compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Places with the country US that need a form, by the state that this sandbox writes.
_US_WITH_FORM = frozenset({"AA", "AE", "AP", "AS", "FM", "GU", "MH", "MP", "PW", "UM", "VI"})
_WITHOUT_FORM = frozenset({"US", "PR"})


def needs_form(to: Mapping[str, Any]) -> bool:
    """Whether a parcel from the US to this address needs a customs form."""
    country = str(to.get("country") or "US")
    return country not in _WITHOUT_FORM or (country == "US" and to.get("state") in _US_WITH_FORM)


def customs_fault(request: dict[str, Any], weight_oz: float) -> str:
    """Why a shipment's customs form is missing or wrong; "" if it is right or not needed."""
    to, sender = request["to_address"], request["from_address"]
    if str(sender.get("country") or "US") != "US":
        return ""
    form = request.get("customs_info")
    if not needs_form(to):
        return "customs_info is not needed within a customs area." if form else ""
    items = form.get("customs_items") if isinstance(form, dict) else None
    if not isinstance(form, dict) or not isinstance(items, list) or not items:
        return "customs_info is required for this destination."
    if not form.get("eel_pfc"):
        return "customs_info.eel_pfc is required for a shipment from the US."
    weights = [item.get("weight") for item in items]
    if not all(isinstance(weight, int | float) and weight > 0 for weight in weights):
        return "customs_items.weight must be above 0."
    if sum(weights) > weight_oz + 1e-6:
        return "customs_items weigh more than the parcel."
    if not all(
        item.get("description") and item.get("origin_country") and item.get("value") for item in items
    ):
        return "customs_items need description, origin_country and value."
    return ""
