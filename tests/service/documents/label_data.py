"""Labels to draw in tests."""

from __future__ import annotations

from packhouse.documents import LabelData
from packhouse.model.order import Address

SENDER = Address(
    name="North Pier Teas",
    street1="388 Townsend St",
    city="San Francisco",
    state="CA",
    postcode="94107",
    country="US",
)
RECIPIENT = Address(
    name="Elizabeth Swan",
    street1="179 N Harbor Dr",
    street2="Unit 4",
    city="Redondo Beach",
    state="CA",
    postcode="90277",
    country="US",
)
FACTS = LabelData(
    sender=SENDER,
    recipient=RECIPIENT,
    service="Offline Standard",
    tracking_number="SAMPLE1234567890123456",
    reference="ord_1/1/1",
    weight_g=446,
    carrier="Offline",
    gs1="(420)90277(98)123456789012",
)
