"""A provider, a store and a ledger whose answers a test can script: nothing has to be patched.

Each wraps a real one and answers as it does. `script(buy=NotBought("no"))` answers every later purchase so,
`script(buy=None)` as the real one again. An answer is a value, an exception to raise, or a function
that takes the arguments of the call; `real` is there for a function that wants the real answer first.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar, NamedTuple, Self

from packhouse.clock import Clock
from packhouse.errors import ProviderRefused
from packhouse.ledger.guard_log import GuardLog
from packhouse.ledger.port import Ledger
from packhouse.ledger.tx import P, R, ReadUnit, WriteUnit
from packhouse.model.label import Label, LabelDocument
from packhouse.model.order import Order, OrderPage, Product
from packhouse.providers.port import (
    Absent,
    Bought,
    KeepsPapers,
    ListedPurchase,
    ListsPurchases,
    NotBought,
    Prepared,
    Provider,
    ProviderContext,
    Purchase,
    PurchaseRequest,
    Safety,
    Tracking,
    Unknown,
    Voided,
    VoidPending,
    VoidRefused,
    Withdrawn,
)
from packhouse.steps.context import Store
from packhouse.store.protocol import OrdersQuery
from tests.service.providers.in_memory import InMemoryProvider


class Call(NamedTuple):
    """One call that was made: its name and its arguments."""

    name: str
    arguments: tuple[Any, ...]


class Script:
    """The answers that a test gives, and the calls that were made."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.under_way = 0
        self._answers: dict[str, Any] = {}
        self._next: dict[str, Any] = {}

    def script(self, **answers: Any) -> None:
        """Answer these calls so from now on; None: as the real one does."""
        self._check(answers)
        self._answers |= answers

    def script_next(self, **answers: Any) -> None:
        """Answer the next call so, whichever of these it is; later calls as before."""
        self._check(answers)
        self._next = answers

    def seen(self, name: str) -> list[tuple[Any, ...]]:
        """The arguments of the calls of this name, oldest first."""
        return [call.arguments for call in self.calls if call.name == name]

    def _check(self, answers: Mapping[str, Any]) -> None:
        missing = [name for name in answers if not hasattr(self, name)]
        if missing:
            raise AttributeError(f"{type(self).__name__} has no call named {', '.join(missing)}")

    async def _answer(self, name: str, real: Callable[..., Awaitable[R]], *args: Any, **kwargs: Any) -> R:
        self.calls.append(Call(name, args))
        answer = self._answers.get(name)
        if name in self._next:
            answer, self._next = self._next[name], {}
        if isinstance(answer, BaseException):
            raise answer
        if answer is not None and not callable(answer):
            return answer  # type: ignore[no-any-return]
        call: Callable[..., Awaitable[R]] = answer or real
        self.under_way += 1
        try:
            return await call(*args, **kwargs)
        finally:
            self.under_way -= 1


class Scripted(Script):
    """A provider. Without a script it answers as `real`, with its safety class."""

    kind: ClassVar[str] = "scripted"

    def __init__(self, real: Provider) -> None:
        super().__init__()
        self.real = real
        self.account = real.account
        self.safety: Safety = real.safety

    @classmethod
    def from_settings(cls, options: Mapping[str, Any], context: ProviderContext) -> Self:
        return cls(InMemoryProvider(context.clock))

    async def prepare(self, request: PurchaseRequest) -> Prepared:
        return await self._answer("prepare", self.real.prepare, request)

    async def buy(self, purchase: Purchase) -> Bought | NotBought | Unknown:
        return await self._answer("buy", self.real.buy, purchase)

    async def lookup(self, purchase: Purchase) -> Bought | Withdrawn | Absent | Unknown:
        return await self._answer("lookup", self.real.lookup, purchase)

    async def document(self, label: Label) -> LabelDocument:
        return await self._answer("document", self.real.document, label)

    async def paper(self, label: Label, kind: str, source: str) -> LabelDocument:
        if not isinstance(self.real, KeepsPapers):
            raise ProviderRefused("it keeps no papers")
        return await self._answer("paper", self.real.paper, label, kind, source)

    async def void(self, label: Label) -> Voided | VoidPending | VoidRefused:
        return await self._answer("void", self.real.void, label)

    async def track(self, label: Label) -> Tracking:
        return await self._answer("track", self.real.track, label)

    async def check(self) -> None:
        await self._answer("check", self.real.check)

    async def aclose(self) -> None:
        await self.real.aclose()


class ScriptedLister(Scripted):
    """A provider that lists its purchases."""

    async def purchases_since(self, since: float) -> tuple[ListedPurchase, ...]:
        assert isinstance(self.real, ListsPurchases)
        return await self._answer("purchases_since", self.real.purchases_since, since)


def scripted(real: Provider) -> Scripted:
    """Wrap a provider, which can do what it could before."""
    return ScriptedLister(real) if isinstance(real, ListsPurchases) else Scripted(real)


class ScriptedStore(Script):
    """The store as the steps see it."""

    def __init__(self, real: Store) -> None:
        super().__init__()
        self.real = real

    async def order(self, order_id: str, before: Order | None = None) -> Order:
        # Without `before`: a script may change what is shown at any time.
        return await self._answer("order", self.real.order, order_id)

    async def orders(self, query: OrdersQuery) -> OrderPage:
        return await self._answer("orders", self.real.orders, query)

    async def products(self, site_slug: str, ids: Sequence[str]) -> dict[str, Product]:
        return await self._answer("products", self.real.products, site_slug, ids)

    async def merchant_products(self, ids: Sequence[str]) -> dict[str, Product]:
        return await self._answer("merchant_products", self.real.merchant_products, ids)

    async def fulfill(self, order_id: str, body: bytes, key: str) -> bool:
        return await self._answer("fulfill", self.real.fulfill, order_id, body, key)

    def show_orders_as(self, change: Callable[[Order], Order]) -> None:
        """Show each order changed in this way from now on."""

        async def changed(order_id: str) -> Order:
            return change(await self.real.order(order_id))

        self.script(order=changed)


class ScriptedLedger(Script):
    """A ledger."""

    def __init__(self, real: Ledger) -> None:
        super().__init__()
        self.real = real
        self.shared = real.shared
        self.migrated = real.migrated

    async def write(self, unit: WriteUnit[P, R], now: float, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._answer("write", self.real.write, unit, now, *args, **kwargs)

    async def read(self, unit: ReadUnit[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._answer("read", self.real.read, unit, *args, **kwargs)

    async def read_now(self, unit: ReadUnit[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._answer("read", self.real.read_now, unit, *args, **kwargs)

    def clock(self, local: Clock) -> Clock:
        return self.real.clock(local)

    async def listen(self, wake: Callable[[], None]) -> None:
        await self.real.listen(wake)

    def exclusive(self, task: str) -> AbstractAsyncContextManager[bool]:
        return self.real.exclusive(task)

    def keep_log(self, log: GuardLog) -> None:
        self.real.keep_log(log)

    async def close(self) -> None:
        await self.real.close()
