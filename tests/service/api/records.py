"""A ledger with two orders in it: one of a shipped and a planned shipment, one of a label and a doubt."""

from __future__ import annotations

import asyncio
import hashlib

from sqlalchemy import insert

from packhouse.ledger import tables
from packhouse.ledger.engine import open_ledger
from packhouse.ledger.tx import Tx
from tests.service.api.doubles import NOW

FILE = b"%PDF-1.4 label"
SHA = hashlib.sha256(FILE).hexdigest()
# Ids of active and released holds.
ACTIVE, RELEASED = 7, 6


def write_ledger(url: str) -> None:
    """Write the records into a new ledger at this address."""

    async def run() -> None:
        ledger = open_ledger(url, connections=1)
        await ledger.write(_insert, NOW)
        await ledger.close()

    asyncio.run(run())


def _insert(tx: Tx) -> None:
    connection = tx.connection
    orders = [("ord_1", "held", "A person placed this hold."), ("ord_2", "open", "")]
    for order_id, phase, reason in orders:
        connection.execute(
            insert(tables.orders).values(
                id=order_id,
                phase=phase,
                reason=reason,
                status="pending",
                site_slug="shop",
                updated_at=NOW - len(order_id + reason),
                due_at=NOW + 60,
                attempts=2,
            )
        )
    states = [
        ("ord_1", 1, "fulfilled"),
        ("ord_1", 2, "planned"),
        ("ord_2", 1, "labeled"),
        ("ord_2", 2, "unknown"),
    ]
    for order_id, seq, state in states:
        shipment_id = f"{order_id}-{seq}"
        connection.execute(
            insert(tables.shipments).values(
                id=shipment_id,
                order_id=order_id,
                seq=seq,
                generation=1,
                state=state,
                units=[[f"li_{seq}", 2]],
                fingerprint="f",
                parcel={"weight_g": 500, "length_mm": 250, "width_mm": 200, "height_mm": 100},
                provider="easypost",
                rate={
                    "id": "r",
                    "carrier": "USPS",
                    "service": "Ground",
                    "minor": 512,
                    "currency": "USD",
                    "days": 3,
                },
                updated_at=NOW - seq,
            )
        )
        if state in ("fulfilled", "labeled"):
            connection.execute(
                insert(tables.labels).values(
                    id=f"{shipment_id}-label",
                    shipment_id=shipment_id,
                    generation=1,
                    state="bought",
                    provider="easypost",
                    carrier="USPS",
                    service="Ground",
                    tracking_number=f"94{shipment_id[4:]}",
                    provider_id="shp_x",
                    cost_minor=512,
                    currency="USD",
                    bought_at=NOW,
                    document=SHA,
                    document_format="pdf",
                )
            )
    hold = {"order_id": "ord_1", "code": "manual", "fingerprint": "f", "placed_by": "ann", "placed_at": NOW}
    released = {"released_by": "bob", "released_at": NOW + 5, "release_reason": "asked the buyer"}
    connection.execute(insert(tables.holds).values(id=RELEASED, note="gift", **hold, **released))
    connection.execute(insert(tables.holds).values(id=ACTIVE, note="wait for Monday", **hold))
    for number, outcome in ((1, "accepted"), (2, "ignored")):
        connection.execute(
            insert(tables.events).values(
                source="store",
                external_id=f"evt_{number}",
                type="order.created",
                order_id="ord_1",
                site_slug="shop",
                received_at=NOW - number,
                outcome=outcome,
                body="{}",
            )
        )
    connection.execute(
        insert(tables.journal).values(
            id=41,
            at=NOW,
            order_id="ord_1",
            shipment_id="ord_1-1",
            actor="packhouse",
            action="bought",
            why="cheapest of 3 rates",
            data={"cost_minor": 512},
        )
    )
