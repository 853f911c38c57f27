"""The power goes at any byte: whatever the embedded ledger had acknowledged by then is there afterwards."""

from __future__ import annotations

import asyncio
import itertools
import random
import shutil
from pathlib import Path

from sqlalchemy import Connection, text

from packhouse.ledger.sqlite import SqliteLedger
from packhouse.ledger.tx import Tx

_SECTOR = 512


def _put(tx: Tx, name: str) -> None:
    tx.connection.execute(text("INSERT INTO kv (name, value, updated_at) VALUES (:n, '', 0)"), {"n": name})


def _names(connection: Connection) -> set[str]:
    return set(connection.execute(text("SELECT name FROM kv")).scalars())


def test_what_was_acknowledged_survives_and_what_was_not_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    chance = random.Random(5)
    living, after = tmp_path / "living", tmp_path / "after"

    async def live() -> list[tuple[int, set[str]]]:
        """Commit again and again; answers how long the log was, and what had been acknowledged by then."""
        ledger = SqliteLedger(f"sqlite:///{living / 'l.db'}")
        moments, acknowledged = [], set[str]()
        for turn in range(40):
            names = [f"{turn}-{n}-{'x' * chance.randrange(900)}" for n in range(chance.randint(1, 8))]
            await asyncio.gather(*(ledger.write(_put, 0.0, name) for name in names))
            acknowledged |= set(names)
            moments.append(((living / "l.db-wal").stat().st_size, set(acknowledged)))
        shutil.copytree(living, after)
        await ledger.close()
        return moments

    async def come_back(folder: Path) -> set[str]:
        ledger = SqliteLedger(f"sqlite:///{folder / 'l.db'}")
        found = await ledger.read(_names)
        await ledger.close()
        return found

    living.mkdir()
    moments = asyncio.run(live())
    log = (after / "l.db-wal").read_bytes()
    lengths = [length for length, _ in moments]
    assert lengths == sorted(set(lengths)), "the log was begun again: its length does not measure time"
    for (length, acknowledged), (longer, sooner_or_later) in itertools.pairwise(moments):
        folder = tmp_path / str(length)
        folder.mkdir()
        shutil.copy(after / "l.db", folder)
        (folder / "l.db-wal").write_bytes(log[:length] + _torn(log[length:longer], chance))
        found = asyncio.run(come_back(folder))
        assert acknowledged <= found <= sooner_or_later


def _torn(commit: bytes, chance: random.Random) -> bytes:
    """What a disk may hold of a commit that it was never asked to sync: sectors and noise, up to any byte."""
    sectors = [commit[at : at + _SECTOR] for at in range(0, len(commit), _SECTOR)]
    kept = [sector if chance.random() < 0.7 else chance.randbytes(len(sector)) for sector in sectors]
    return b"".join(kept)[: chance.randint(0, len(commit))]
