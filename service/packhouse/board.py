"""A person's acts on the ledger, as the operator API asks for them: each takes the order from the machine."""

from __future__ import annotations

from collections.abc import Callable

from packhouse.api.board import (
    AdoptedLabel,
    LabelInHand,
    OrderView,
    SentParcel,
    StatusReport,
    TakenOrder,
)
from packhouse.clock import Clock
from packhouse.config.settings import Settings
from packhouse.errors import OperationRefused, RecordNotFound
from packhouse.ledger import by_hand, inbox, overrides
from packhouse.ledger.documents import Documents
from packhouse.ledger.port import Ledger
from packhouse.ledger.tx import P, WriteUnit
from packhouse.model.event import EventRecord
from packhouse.model.hold import Hold
from packhouse.model.label import Label
from packhouse.model.money import Money
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState
from packhouse.providers.manual import ManualProvider
from packhouse.reads import LedgerReads, unknown_order
from packhouse.rules.timeouts import longest_post_s
from packhouse.steps.post import blocks_posting

_S = ShipmentState


class LedgerBoard(LedgerReads):
    """Keeps api.board.Board. `nudge` wakes the workers after a person's act."""

    def __init__(
        self,
        ledger: Ledger,
        documents: Documents,
        clock: Clock,
        settings: Settings,
        wake: Callable[[], None],
    ) -> None:
        super().__init__(ledger, documents, clock, settings)
        self._wake = wake

    async def place_hold(self, order_id: str, *, reason: str, actor: str) -> Hold:
        """See Board."""
        now = self._clock.now()
        hold = await self._ledger.write(overrides.place_hold, now, order_id, reason, actor)
        if hold is None:
            raise unknown_order(order_id)
        self._wake()
        return hold

    async def release_hold(self, hold_id: int, *, reason: str, actor: str) -> Hold:
        """See Board."""
        now = self._clock.now()
        hold, stood = await self._ledger.write(overrides.release_hold, now, hold_id, reason, actor)
        if hold is None:
            raise RecordNotFound(f"there is no hold {hold_id}")
        if not stood:
            raise OperationRefused(f"hold {hold_id} was released before, by {hold.released_by}")
        self._wake()
        return hold

    async def pause(self, *, reason: str, actor: str) -> StatusReport:
        """See Board."""
        await self._ledger.write(overrides.pause, self._clock.now(), reason, actor)
        return await self.status()

    async def resume(self, *, reason: str, actor: str) -> StatusReport:
        """See Board."""
        if self._settings.guard.paused:
            raise OperationRefused("PACKHOUSE_GUARD__PAUSED is set: take it away and start the daemon again")
        await self._ledger.write(overrides.resume, self._clock.now(), reason, actor)
        self._wake()
        return await self.status()

    async def adopt_label(
        self, shipment_id: str, label: AdoptedLabel, *, reason: str, actor: str
    ) -> Shipment:
        """See Board."""
        shipment, now = await self.shipment(shipment_id), self._clock.now()
        adopted = Label(
            id=f"{shipment_id}-label",
            shipment_id=shipment_id,
            generation=shipment.generation,
            provider=shipment.provider or self._settings.provider[0],
            carrier=label.carrier,
            service=label.service,
            tracking_number=label.tracking_number,
            provider_id=label.provider_id or shipment.provider_ref,
            cost=label.cost,
            state=LabelState.BOUGHT,
            bought_at=now,
        )
        return await self._settle(shipment_id, overrides.adopt, now, shipment_id, adopted, reason, actor)

    async def not_bought(self, shipment_id: str, *, reason: str, actor: str) -> Shipment:
        """See Board."""
        now = self._clock.now()
        await self.shipment(shipment_id)
        return await self._settle(shipment_id, overrides.not_bought, now, shipment_id, reason, actor)

    async def _settle(
        self,
        shipment_id: str,
        act: WriteUnit[P, str],
        now: float,
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Shipment:
        if objection := await self._ledger.write(act, now, *args, **kwargs):
            raise OperationRefused(objection)
        self._wake()
        return await self.shipment(shipment_id)

    async def retry(self, order_id: str, *, reason: str, actor: str) -> OrderView:
        """See Board."""
        if not await self._ledger.write(overrides.retry, self._clock.now(), order_id, reason, actor):
            raise unknown_order(order_id)
        self._wake()
        return await self.order(order_id)

    async def take(self, order_id: str, *, doing: str, reason: str, actor: str) -> TakenOrder:
        """See Board."""
        now = self._clock.now()
        hold, stood = await self._ledger.write(by_hand.take, now, order_id, doing, reason, actor)
        self._wake()
        view = await self.order(order_id)
        return TakenOrder(view, hold, self._in_flight(view), resumed=stood)

    def _in_flight(self, view: OrderView) -> str:
        """What of the machine's may still be on its way though its order was taken; "" if nothing is."""
        for shipment in view.shipments:
            if shipment.state in (_S.BUYING, _S.UNKNOWN):
                return f"whether a label was bought for {shipment.id} is being found out"
            if shipment.state is not _S.LABELED or shipment.label is None or not shipment.post_body:
                continue
            # Since the first of these holds no post has been begun.
            held = [
                hold.placed_at
                for hold in view.holds
                if hold.is_active
                and hold.shipment_id in ("", shipment.id)
                and blocks_posting(hold, shipment.label)
            ]
            if self._clock.now() < min(held, default=self._clock.now()) + longest_post_s(self._settings):
                return f"the label of {shipment.id} may be on its way to the store"
        return ""

    async def hold_shipment(self, shipment_id: str, *, reason: str, actor: str) -> Hold:
        """See Board."""
        now = self._clock.now()
        hold = await self._ledger.write(by_hand.hold_shipment, now, shipment_id, reason, actor)
        self._wake()
        return hold

    async def release_shipment(self, shipment_id: str, *, reason: str, actor: str, ship: bool) -> Shipment:
        """See Board."""
        now = self._clock.now()
        await self._ledger.write(by_hand.release_shipment, now, shipment_id, reason, actor, ship=ship)
        self._wake()
        return await self.shipment(shipment_id)

    async def ask_void(self, shipment_id: str, *, reason: str, actor: str, again: bool) -> Shipment:
        """See Board."""
        now = self._clock.now()
        await self._ledger.write(by_hand.ask_void, now, shipment_id, reason, actor, again=again)
        self._wake()
        return await self.shipment(shipment_id)

    async def mark_shipped(
        self, shipment_id: str, parcel: SentParcel, *, reason: str, actor: str
    ) -> Shipment:
        """See Board."""
        shipment, now = await self.shipment(shipment_id), self._clock.now()
        label = Label(
            id=f"{shipment_id}-label",
            shipment_id=shipment_id,
            generation=shipment.generation,
            provider=ManualProvider.account,
            carrier=parcel.carrier,
            service="",
            tracking_number=parcel.tracking_number,
            provider_id="",
            cost=Money(0, self._settings.guard.currency),
            state=LabelState.BOUGHT,
            bought_at=now,
        )
        await self._ledger.write(by_hand.mark_shipped, now, label, reason, actor)
        self._wake()
        return await self.shipment(shipment_id)

    async def ask_label(self, order_id: str, *, reason: str, actor: str) -> LabelInHand:
        """See Board."""
        try:
            found = await self.label_of(order_id)
        except RecordNotFound:
            found = None
        if found is not None:
            if found.state == "ready" and found.shipment and found.shipment.state is not _S.LABELED:
                return found
            if found.parcels > 1:
                raise OperationRefused(found.why)
        await self._ledger.write(by_hand.post_by_hand, self._clock.now(), order_id, reason, actor)
        self._wake()
        return await self.label_of(order_id)

    async def replay_event(self, event_id: str, *, reason: str, actor: str) -> EventRecord:
        """See Board."""
        record = await self._ledger.write(inbox.replay, self._clock.now(), event_id, reason, actor)
        self._wake()
        return record
