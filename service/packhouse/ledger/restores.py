"""The record of a restore in the ledger: that it was noticed, what was compared since, and that it is over.

While the record stands, nothing is bought or posted (`guard.paused`). Each fact has a name of its own in the
table kv, so that replicas never overwrite each other's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, bindparam, text

from packhouse.ledger import journal, kv, leases, polls
from packhouse.ledger.facts import Mark
from packhouse.ledger.tx import Tx
from packhouse.model.journal import Entry

NOT_ANSWERED = "A provider account has not answered yet."
_RECORD = "restore"
_CHECK = "restore:check"
_UNASKED = "restore:unasked:"
_LOG = "restore:log:"
_LISTED = "restore:listed:"
_PREPARED = "restore:prepared"
_GATHERED = "restore:gathered"
FLAGS = (_RECORD, _CHECK, _GATHERED)
_DOUBT = "restored_at"
_BEGAN = "restored_entry"
_LEDGER_ID = "ledger_id"
_FOLDER = "guard_log:"
# A replica says so often that it uses its data folder. One that was not used shortly before the backup has
# nothing to add, and is not waited for; after a month it is forgotten.
FOLDER_USE_S = 1800.0
# How far back accounts are asked for purchases that an empty ledger lacks: it may replace one that was lost.
EMPTY_LEDGER_S = 3 * 86_400.0
_FOLDER_IN_USE_S = 4 * FOLDER_USE_S
_FOLDER_KEPT_S = 30 * 86_400.0

_NEW_ID = text("INSERT INTO kv (name, value, updated_at) VALUES (:name, :value, :now) ON CONFLICT DO NOTHING")
_BY_PREFIX = text("SELECT name, value, updated_at FROM kv WHERE name LIKE :prefix")
_DELETE = text("DELETE FROM kv WHERE name LIKE :prefix")
_DELETE_ONE = text("DELETE FROM kv WHERE name = :name")
_DELETE_OLD = text("DELETE FROM kv WHERE name LIKE :prefix AND updated_at < :before")
_NEWEST = text("SELECT id, at FROM journal ORDER BY id DESC LIMIT 1")
_THERE = text("SELECT id, at FROM journal WHERE id IN :ids").bindparams(bindparam("ids", expanding=True))
_IS_USED = text("SELECT 1 FROM orders LIMIT 1")
_SOLD = text("SELECT 1 FROM shipments WHERE provider = :account LIMIT 1")
_HAD_SOLD = text("SELECT 1 FROM labels WHERE provider = :account AND bought_at < :before LIMIT 1")


class Cause(StrEnum):
    """By what a restore was noticed."""

    GUARD_LOG = "guard_log"
    FAILOVER = "failover"
    PROVIDER = "provider"


CAUSE_MEANING: Mapping[Cause, str] = {
    Cause.GUARD_LOG: "the guard log in the data folder has entries that the ledger lacks",
    Cause.FAILOVER: "the database lost commits that this process had made",
    Cause.PROVIDER: "a provider account has a purchase of ours that the ledger does not know",
}


@dataclass(frozen=True, slots=True)
class Restore:
    """A restore that was noticed. Seconds since 1970 UTC: `known_until` is the last entry of the backup."""

    noticed_at: float
    cause: Cause
    known_until: float


def why_paused(connection: Connection, found: Mapping[str, str] | None = None) -> str:
    """Why nothing is bought or posted while a ledger is compared; "" if none is.

    `found` are the values of `FLAGS`, where they were read already.
    """
    found = kv.read_many(connection, FLAGS) if found is None else found
    if _RECORD in found:
        return f"the ledger was restored, and is compared first: {CAUSE_MEANING[_of(found[_RECORD]).cause]}"
    if _CHECK in found and _GATHERED not in found:
        asked = "the provider accounts are asked for purchases that this ledger does not know"
        silent = [f"{one.account} has not answered: {one.why}" for one in unasked(connection)]
        return "; ".join([asked, *silent])
    return ""


def current(connection: Connection, found: Mapping[str, str] | None = None) -> Restore | None:
    """The restore that is being reconciled; None if there is none. For `found` see `why_paused`."""
    value = kv.read(connection, _RECORD) if found is None else found.get(_RECORD)
    return _of(value) if value else None


def _of(value: str) -> Restore:
    raw: dict[str, Any] = json.loads(value)
    return Restore(raw["noticed_at"], Cause(raw["cause"]), raw["known_until"])


def compared_before(connection: Connection) -> float:
    """Orders that the store had before this time are looked up before their first purchase; 0.0: none."""
    return float(kv.read(connection, _DOUBT) or 0.0)


def look_up_older(tx: Tx) -> float:
    """Look each order that the store has by now up before its first purchase. Returns that time.

    It is later than the one before even if the clock was set back: orders are compared with it.
    """
    at = _later_than(compared_before(tx.connection), tx.now)
    kv.write(tx, _DOUBT, repr(at))
    return at


def _later_than(before: float, now: float) -> float:
    return max(now, math.nextafter(before, math.inf))


def notice(tx: Tx, cause: Cause) -> None:
    """Begin a reconciliation, or begin it again where one is in progress."""
    newest = newest_entry(tx.connection)
    tx.connection.execute(_DELETE, {"prefix": f"{_RECORD}:%"})
    before = current(tx.connection)
    known = before.known_until if before else newest.at if newest else tx.now - EMPTY_LEDGER_S
    kv.write(tx, _RECORD, json.dumps(asdict(Restore(look_up_older(tx), cause, known))))


def notice_lost(connection: Any, marks: Sequence[Mark]) -> bool:
    """On a new connection of the driver: begin a reconciliation if the database lost one of these entries."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, at FROM journal WHERE id = ANY(%s)", ([mark.id for mark in marks],))
        there = {Mark(*row) for row in cursor.fetchall()}
        if there.issuperset(marks):
            connection.rollback()
            return False
        cursor.execute(
            "SELECT extract(epoch FROM clock_timestamp())::float8, "
            "(SELECT at FROM journal ORDER BY id DESC LIMIT 1)"
        )
        now, known = cursor.fetchone()
        cursor.execute("SELECT value FROM kv WHERE name = %s", (_DOUBT,))
        before = cursor.fetchone()
        at = _later_than(float(before[0]) if before else 0.0, now)
        record = json.dumps(asdict(Restore(at, Cause.FAILOVER, known or 0.0)))
        cursor.execute("DELETE FROM kv WHERE name LIKE %s", (f"{_RECORD}:%",))
        for name, value in ((_RECORD, record), (_DOUBT, repr(at))):
            cursor.execute(
                "INSERT INTO kv (name, value, updated_at) VALUES (%s, %s, %s) "
                "ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at",
                (name, value, now),
            )
    connection.commit()
    return True


def missing(connection: Connection, marks: Sequence[Mark]) -> tuple[Mark, ...]:
    """Which of these entries the journal lacks, or has with another time."""
    found: set[Mark] = set()
    for start in range(0, len(marks), 500):
        ids = [mark.id for mark in marks[start : start + 500]]
        found.update(Mark(row.id, row.at) for row in connection.execute(_THERE, {"ids": ids}))
    return tuple(mark for mark in marks if mark not in found)


def newest_entry(connection: Connection) -> Mark | None:
    """The newest entry of the journal."""
    row = connection.execute(_NEWEST).first()
    return Mark(row.id, row.at) if row else None


def is_used(connection: Connection) -> bool:
    """Whether the ledger has any order."""
    return connection.execute(_IS_USED).first() is not None


def ledger_id(connection: Connection) -> str:
    """The id of this ledger; "" before it has one."""
    return kv.read(connection, _LEDGER_ID) or ""


def ensure_ledger_id(tx: Tx, new: str) -> str:
    """The id of this ledger, which gets `new` if it has none."""
    tx.connection.execute(_NEW_ID, {"name": _LEDGER_ID, "value": new, "now": tx.now})
    return ledger_id(tx.connection)


# ---- the progress of a reconciliation --------------------------------------------------------------------


def prepare(tx: Tx) -> bool:
    """Read the whole list of orders again, and every unfinished order. Returns False if that was done."""
    record = current(tx.connection)
    if record is None or kv.read(tx.connection, _PREPARED):
        return False
    kv.write(tx, _PREPARED, "yes")
    polls.begin_again(tx)
    leases.wake_unfinished(tx)
    why = f"The ledger was restored: {CAUSE_MEANING[record.cause]}. Nothing is bought or posted meanwhile."
    journal.write(tx, [Entry("", "restore_noticed", why, data={"cause": record.cause.value})])
    newest = newest_entry(tx.connection)
    kv.write(tx, _BEGAN, str(newest.id if newest else 0))
    return True


def first_entry(connection: Connection) -> int | None:
    """The journal's entry with which the last reconciliation began; None if there never was one."""
    value = kv.read(connection, _BEGAN)
    return int(value) if value else None


def begin_check(tx: Tx, known_until: float) -> None:
    """Buy and post nothing until the provider accounts were asked for purchases since `known_until`.

    Where an earlier process did not get every answer, its question stands: entries were written since.
    """
    before = check_since(tx.connection)
    kv.write(tx, _CHECK, repr(known_until if before is None else min(before, known_until)))
    look_up_older(tx)


def check_since(connection: Connection) -> float | None:
    """Since when the provider accounts are to be asked for purchases; None if they are not."""
    value = kv.read(connection, _CHECK)
    return None if value is None else float(value)


@dataclass(frozen=True, slots=True)
class Unasked:
    """An account that has not said yet what it sold before the start, and why.

    `has_sold`: this ledger had bought from it, so it may have sold a label that a restored ledger lost.
    """

    account: str
    why: str
    has_sold: bool

    @property
    def sentence(self) -> str:
        """What is not known."""
        return f"{self.account} has not said yet what it sold before the start: {self.why.rstrip('.')}"


def save_unasked(tx: Tx, account: str, why: str) -> None:
    """An account did not answer. Whether it had sold anything is what the ledger knew at first."""
    before = {one.account: one for one in unasked(tx.connection)}.get(account)
    if before and before.why == why:
        return
    has_sold = (
        before.has_sold if before else tx.connection.execute(_SOLD, {"account": account}).first() is not None
    )
    kv.write(tx, _UNASKED + account, json.dumps({"why": why, "has_sold": has_sold}))


def unasked(connection: Connection, found: Mapping[str, str] | None = None) -> tuple[Unasked, ...]:
    """The accounts that have not answered the question at the start. For `found` see `why_paused`."""
    if (check_since(connection) is None) if found is None else (_CHECK not in found):
        return ()
    accounts = sorted(_by_prefix(connection, _UNASKED).items())
    return tuple(Unasked(account, **json.loads(value)) for account, value in accounts)


def had_sold(connection: Connection, account: str, before: float) -> bool:
    """Whether this ledger has a label that it bought from an account before this time."""
    return connection.execute(_HAD_SOLD, {"account": account, "before": before}).first() is not None


def save_asked(tx: Tx, account: str) -> None:
    """An account has answered the question at the start, and knows no purchase that the ledger lacks."""
    tx.connection.execute(_DELETE_ONE, {"name": _UNASKED + account})


def allow_claims(tx: Tx) -> None:
    """Process orders again: what is known was written back.

    Nothing is bought or posted while a restore stands. Of the question at the start, only orders that the
    store had before still wait (steps/recall.py).
    """
    kv.write(tx, _GATHERED, "yes")
    leases.wake_unfinished(tx)


def blocks_claims(connection: Connection, found: Mapping[str, str] | None = None) -> bool:
    """Whether no order may be processed, because what the ledger lost is still being collected.

    An order that is read too early would lose its plan, to which a purchase belongs. For `found` see
    `why_paused`.
    """
    found = kv.read_many(connection, FLAGS) if found is None else found
    return bool(why_paused(connection, found)) and _GATHERED not in found


def end_check(tx: Tx) -> None:
    """The provider accounts know no purchase that this ledger does not."""
    for name in (_CHECK, _GATHERED, f"{_UNASKED}%"):
        tx.connection.execute(_DELETE, {"prefix": name})
    leases.wake_unfinished(tx)


def use_folder(tx: Tx, folder_id: str) -> None:
    """Note that a replica uses this data folder, whose log may be the only one that knows a person's hold."""
    if folder_id:
        kv.write(tx, _FOLDER + folder_id, "in use")
    tx.connection.execute(_DELETE_OLD, {"prefix": f"{_FOLDER}%", "before": tx.now - _FOLDER_KEPT_S})


def save_log(tx: Tx, folder_id: str, problem: str) -> None:
    """The log of this data folder was written back; `problem` is "" if it is whole."""
    kv.write(tx, _LOG + folder_id, problem)


def log_of(connection: Connection, folder_id: str) -> str | None:
    """What is wrong with the log of this data folder; None until it was written back."""
    return kv.read(connection, _LOG + folder_id)


def save_listed(tx: Tx, account: str, problem: str) -> None:
    """The purchases of an account were listed; `problem` says why not."""
    kv.write(tx, _LISTED + account, problem)


def listed(connection: Connection) -> dict[str, str]:
    """The accounts that were listed, or why they could not be."""
    return _by_prefix(connection, _LISTED)


def folders_waited_for(connection: Connection, record: Restore) -> list[str]:
    """The data folders that were in use before the backup, and whose log was not written back since."""
    logs = _by_prefix(connection, _LOG)
    rows = connection.execute(_BY_PREFIX, {"prefix": f"{_FOLDER}%"}).all()
    used = [
        row.name[len(_FOLDER) :] for row in rows if row.updated_at > record.known_until - _FOLDER_IN_USE_S
    ]
    return [folder for folder in used if folder not in logs]


def log_problems(connection: Connection, record: Restore) -> list[str]:
    """Why the guard logs do not tell everything since the backup; empty if they do."""
    logs = _by_prefix(connection, _LOG)
    problems = [why for why in logs.values() if why]
    if waited_for := folders_waited_for(connection, record):
        problems.append(
            f"The guard log of {len(waited_for)} other data folder(s) was not written back: start each "
            "replica that has one."
        )
    if not logs:
        problems.append("No guard log was written back yet.")
    return problems


def is_polled(connection: Connection, record: Restore) -> bool:
    """Whether the store's whole list of orders was read since the restore was noticed."""
    return polls.progress(connection).full_at >= record.noticed_at


def end(tx: Tx, entry: Entry) -> None:
    """The reconciliation is over: what waited is due at once."""
    tx.connection.execute(_DELETE, {"prefix": f"{_RECORD}:%"})
    tx.connection.execute(_DELETE, {"prefix": _RECORD})
    journal.write(tx, [entry])
    leases.wake_unfinished(tx)


def _by_prefix(connection: Connection, prefix: str) -> dict[str, str]:
    rows = connection.execute(_BY_PREFIX, {"prefix": f"{prefix}%"})
    return {row.name[len(prefix) :]: row.value for row in rows}
