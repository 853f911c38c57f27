"""Notices that the ledger is older than it was, and compares it with the guard log, the provider accounts and
the store, until everything adds up.

decisions/0023 says why. Each part may be repeated, so a process that is killed continues where it was.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from itertools import islice

from packhouse.errors import LedgerError, ProviderError, ProviderMisconfigured, StoreError, StoreNotFound
from packhouse.ledger import recalled, replay, restores
from packhouse.ledger import reconciliation as records
from packhouse.ledger.guard_log import GuardLog, ledgers_in
from packhouse.ledger.recalled import Recalled, read_reference
from packhouse.ledger.restores import Cause, Restore
from packhouse.ledger.tx import Tx
from packhouse.providers.port import Safety
from packhouse.steps.context import Context

RECONCILE_EVERY_S = 5.0
# A ledger whose last entry is older may be one of the past; a restart or a crash takes less.
_GAP_S = 60.0
# Clocks of providers and of this machine may differ, and a purchase may be in flight.
_MARGIN_S = 3600.0
# An account that does not answer stops everything no longer than this; then only orders that the store had
# before the start wait for it, for what it may have sold.
_PATIENCE_S = 60.0
# So long the logs of other replicas' data folders are waited for before orders are compared.
_FOLDERS_S = 30.0
_ORDERS_A_COMMIT = 100
_START_S = 5.0
_RESTORED_TOO = (
    "The guard log is new or was restored with the ledger, so nothing shows which holds, releases and pauses "
    "operators made since the backup."
)


class Reconciliation:
    """One process's part of it. `poll` lists the store's orders, `wake` makes workers look for work."""

    def __init__(
        self,
        context: Context,
        poll: Callable[[], Awaitable[int]],
        wake: Callable[[], None],
        open_log: Callable[..., GuardLog] = GuardLog,
    ) -> None:
        self._context = context
        self._new_log = open_log
        self._poll = poll
        self._wake = wake
        self._log: GuardLog | None = None
        self._waiting_since: float | None = None
        self._used_folder_at = 0.0

    @property
    def _listing_accounts(self) -> tuple[str, ...]:
        return tuple(one.account for one in self._context.sellers if one.lists_purchases)

    async def start(self) -> None:
        """Open the guard log, and compare it with the ledger, before any order is processed.

        Raises LedgerUnavailable.
        """
        ledger, now = self._context.ledger, self._context.clock.now()
        log = await self._open_log()
        known = log.tail()
        newest = await ledger.read(restores.newest_entry)
        restored = bool(await ledger.read(restores.missing, known))
        if restored:
            # Where another replica has noticed it, this log joins in.
            is_active = await ledger.read(restores.current) is not None
            if not is_active or await ledger.read(restores.log_of, log.folder_id) is not None:
                await ledger.write(restores.notice, now, Cause.GUARD_LOG)
        else:
            first = await ledger.read(replay.snapshot, replay.last_of(known))
            first.at = first.at or now  # an empty journal has no time, and the file of 1970 would be deleted
            log.append(first, begins=not known)
        ledger.keep_log(log)
        self._log = log
        await self._use_folder(log)
        # An entry in the future is one of a clock that was set back since.
        is_old = newest is None or not 0 <= now - newest.at <= _GAP_S
        safeties = {one.safety for one in self._context.sellers}
        if is_old and not restored and (self._listing_accounts or Safety.LOOKUP in safeties):
            since = newest.at if newest else now - restores.EMPTY_LEDGER_S
            await ledger.write(restores.begin_check, now, since)
        # The port is open and answers nothing yet: what takes longer continues while others work.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.tick(), _START_S)

    async def tick(self) -> None:
        """Continue what is in progress, if anything is. Called every few seconds."""
        context = self._context
        try:
            if self._log and context.clock.monotonic() - self._used_folder_at > restores.FOLDER_USE_S:
                await self._use_folder(self._log)
            record = await context.ledger.read(restores.current)
            if record is not None:
                await self._reconcile(record)
            elif (since := await context.ledger.read(restores.check_since)) is not None:
                await self._check(since)
            else:
                self._waiting_since = None
        except LedgerError as error:
            context.log.warning("reconciliation_failed", error=str(error))

    async def _use_folder(self, log: GuardLog) -> None:
        await self._context.ledger.write(restores.use_folder, self._context.clock.now(), log.folder_id)
        self._used_folder_at = self._context.clock.monotonic()

    async def _open_log(self) -> GuardLog:
        context = self._context
        data_dir, now = context.settings.data_dir, context.clock.now()
        ledger_id = await context.ledger.read(restores.ledger_id)
        if not ledger_id:
            # A backup from before ledgers had ids is the past of the only ledger that this folder knows.
            # So is an empty one: its file was lost, or copied without its -wal. Only the log has its holds.
            others = ledgers_in(data_dir)
            new = others[0] if len(others) == 1 else secrets.token_hex(8)
            ledger_id = await context.ledger.write(restores.ensure_ledger_id, now, new)

        def report(why: str) -> None:
            context.log.error("guard_log_failed", why=why)

        return self._new_log(data_dir, ledger_id, days=context.settings.guard.log_days, report=report)

    # ---- a restore that was noticed ------------------------------------------------------------------------

    async def _reconcile(self, record: Restore) -> None:
        context, now = self._context, self._context.clock.now()
        if await context.ledger.write(restores.prepare, now):
            context.log.warning("restore_noticed", cause=record.cause.value, known_until=record.known_until)
            context.metrics.restored(record.cause.value)
        await self._write_log_back(record)
        async with context.ledger.exclusive("reconcile") as mine:
            if not mine:
                return
            is_listed = await self._list_accounts(record)
            if await context.ledger.read(restores.blocks_claims):
                # A plan whose purchase is not known yet must not be given up; a whole log knows every one.
                is_known = is_listed or not await context.ledger.read(restores.log_problems, record)
                if not is_known or await self._waits_for_folders(record):
                    return
                await context.ledger.write(restores.allow_claims, now)
                self._wake()
            if not await context.ledger.read(restores.is_polled, record):
                await self._poll()
            accounts = self._listing_accounts
            if await context.ledger.write(records.end_if_complete, context.clock.now(), accounts):
                context.log.info("reconciled")
                self._wake()

    async def _write_log_back(self, record: Restore) -> None:
        """Write this data folder's log back into the ledger, a few orders in each commit."""
        context, log = self._context, self._log
        if log is None or await context.ledger.read(restores.log_of, log.folder_id) is not None:
            return
        lost = await context.ledger.read(replay.find_lost, log.lines())
        if record.cause is Cause.PROVIDER and not lost.problem and not lost.is_any:
            lost.problem = _RESTORED_TOO
        orders = iter(sorted(lost.orders.items()))
        changed = 0
        while some := list(islice(orders, _ORDERS_A_COMMIT)):

            def write(tx: Tx, some: list[tuple[str, replay.OrderFacts]] = some) -> int:
                return sum(replay.write_order(tx, order_id, known) for order_id, known in some)

            changed += await context.ledger.write(write, context.clock.now())

        def finish(tx: Tx) -> None:
            if lost.pause:
                replay.write_pause(tx, lost.pause)
            restores.save_log(tx, log.folder_id, lost.problem)

        await context.ledger.write(finish, context.clock.now())
        # From here on the log is about the restored ledger.
        log.append(await context.ledger.read(replay.snapshot, record.known_until), restored=True)
        context.log.warning("guard_log_written_back", orders=changed, problem=lost.problem or None)

    async def _list_accounts(self, record: Restore) -> bool:
        """List what each account sold since the backup. Returns whether each was listed, or cannot be."""
        done = await self._context.ledger.read(restores.listed)
        is_whole = True
        for account in self._listing_accounts:
            if account in done:
                continue
            try:
                found = await self._unknown_purchases(account, record.known_until, is_restored=True)
            except ProviderMisconfigured as error:
                await self._save_listed(account, str(error), [])
            except (ProviderError, StoreError) as error:
                self._context.log.warning("purchases_not_listed", account=account, error=str(error))
                is_whole = False
            else:
                await self._save_listed(account, "", found)
        return is_whole

    async def _save_listed(self, account: str, problem: str, found: list[Recalled]) -> None:
        def save(tx: Tx) -> None:
            recalled.add(tx, found)
            restores.save_listed(tx, account, problem)

        await self._context.ledger.write(save, self._context.clock.now())

    async def _waits_for_folders(self, record: Restore) -> bool:
        """Whether other replicas still have a moment to write their logs back."""
        if self._context.clock.now() > record.noticed_at + _FOLDERS_S:
            return False
        return bool(await self._context.ledger.read(restores.folders_waited_for, record))

    # ---- the question at the start -------------------------------------------------------------------------

    async def _check(self, since: float) -> None:
        """Ask each account that lists its purchases whether it knows one that this ledger does not."""
        context = self._context
        unknown, is_whole = False, True
        for account in self._listing_accounts:
            try:
                unknown = bool(await self._unknown_purchases(account, since)) or unknown
            except (ProviderError, StoreError) as error:
                context.log.warning("purchases_not_listed", account=account, error=str(error))
                await context.ledger.write(restores.save_unasked, context.clock.now(), account, str(error))
                is_whole = False
            else:
                await context.ledger.write(restores.save_asked, context.clock.now(), account)
        now = context.clock.now()
        if unknown:
            await context.ledger.write(restores.notice, now, Cause.PROVIDER)
            await self.tick()
        elif is_whole:
            await context.ledger.write(restores.end_check, now)
            self._wake()
        elif await context.ledger.read(restores.blocks_claims) and await self._is_out_of_patience():
            await context.ledger.write(restores.allow_claims, now)
            self._wake()

    async def _is_out_of_patience(self) -> bool:
        if not await self._context.ledger.read(restores.is_used):
            return True  # there is no plan to which a purchase may belong
        now = self._context.clock.monotonic()
        self._waiting_since = now if self._waiting_since is None else self._waiting_since
        return now - self._waiting_since > _PATIENCE_S

    async def _unknown_purchases(
        self, account: str, since: float, *, is_restored: bool = False
    ) -> list[Recalled]:
        """What an account sold since then under references of ours that the ledger does not know.

        An account may serve another shop, too: only orders that the store has count. What a shipment has
        prepared may be sold late and is no sign of a restore. In a restored ledger it may have been posted.
        """
        context = self._context
        seller = next(one for one in context.sellers if one.account == account)
        found: list[Recalled] = []
        ours: dict[str, bool] = {}
        for one in await seller.purchases_since(since - _MARGIN_S):
            reference, prepared = read_reference(one.reference), "" if is_restored else one.provider_ref
            if reference is None or await context.ledger.read(recalled.is_known, reference, prepared):
                continue
            if reference.order_id not in ours:
                ours[reference.order_id] = await self._is_ours(reference.order_id)
            if ours[reference.order_id]:
                found.append(Recalled(one.reference, reference.order_id, account, asdict(one)))
        return found

    async def _is_ours(self, order_id: str) -> bool:
        """Whether the store has the order."""
        try:
            await self._context.store.order(order_id)
        except StoreNotFound:
            return False
        return True
