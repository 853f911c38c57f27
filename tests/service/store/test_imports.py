"""What the command line loads of the store stays small: its start is near bare Python's."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("pydantic", "httpx2", "httpx", "asyncio", "anyio", "pydantic_settings", "structlog", "rich")


def loaded_by(modules: str) -> set[str]:
    code = f"import {modules}, sys; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "modules",
    [
        "packhouse.store.protocol, packhouse.store.client, packhouse.store.signature",
        "packhouse.store.event",
    ],
)
def test_protocol_signature_and_blocking_client_load_nothing_heavy(modules: str) -> None:
    assert not loaded_by(modules) & set(HEAVY)


def test_this_test_would_see_it() -> None:
    assert {"httpx2", "asyncio"} <= loaded_by("packhouse.store.async_client")
