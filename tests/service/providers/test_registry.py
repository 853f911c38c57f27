"""Adapters are found by name, and a wrong name is answered with the right ones."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from packhouse.errors import SettingsError
from packhouse.providers import registry
from packhouse.providers.offline.adapter import OfflineProvider
from tests.service.providers.context import context


def test_the_built_in_kinds_are_known() -> None:
    assert {"offline", "command", "easypost"} <= set(registry.known_kinds())
    assert registry.provider_class("offline") is OfflineProvider
    assert registry.build_provider("offline", {}, context()).kind == "offline"


def test_an_unknown_kind_is_refused_with_the_known_ones() -> None:
    with pytest.raises(
        SettingsError,
        match=r"no provider of the kind 'esypost'.*command, easypost, offline.*PACKHOUSE_PROVIDER",
    ):
        registry.provider_class("esypost")


def test_only_the_adapter_in_use_is_imported() -> None:
    script = (
        "import sys; from packhouse.providers import registry; registry.known_kinds(); "
        "registry.provider_class('offline'); "
        "print(sorted(n for n in sys.modules if n in ('packhouse.providers.easypost.adapter', "
        "'packhouse.providers.command.adapter', 'reportlab', 'pypdfium2')))"
    )
    seen = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert seen.stdout.strip() == "[]"


@pytest.fixture
def broken_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed third-party package with broken adapters."""
    (tmp_path / "stranger.py").write_text("class Half:\n    kind = 'half'\n\nclass Other:\n    kind = 'x'\n")
    meta = tmp_path / "stranger-1.0.dist-info"
    meta.mkdir()
    (meta / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (meta / "entry_points.txt").write_text(
        "[packhouse.providers]\nhalf = stranger:Half\ngone = stranger:Gone\nmissing = nowhere_at_all:X\n"
        "offline = stranger:Half\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("half", r"stranger:Half is not an adapter of the kind 'half'"),
        ("gone", r"'gone' \(stranger:Gone of stranger\) cannot be loaded"),
        ("missing", r"nowhere_at_all.*Repair or reinstall"),
        ("offline", r"two packages offer.*Uninstall one"),
    ],
)
def test_a_broken_third_party_adapter_is_named_with_its_package(
    broken_package: Path, name: str, message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        registry.provider_class(name)


def test_entry_points_are_what_the_registry_reads() -> None:
    assert EntryPoints([EntryPoint("a", "b:c", registry.GROUP)]).select(group="packhouse.providers")
