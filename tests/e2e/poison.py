"""A provider of another package, which does at an order what a test planted: exits, hangs, spins."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

_ADAPTER = """
import asyncio, json, os, time
from pathlib import Path
from packhouse.providers.offline.adapter import OfflineProvider

class PoisonProvider(OfflineProvider):
    kind = "poison"

    async def prepare(self, request):
        what = json.loads(Path(os.environ["POISON_PLAN"]).read_text()).get(request.order.id)
        if what == "exit":
            os._exit(139)
        if what == "spin":
            Path("spinning").touch()
            while True:
                pass
        if what == "thread":
            await asyncio.to_thread(time.sleep, 1000)
        while what == "stubborn":
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                pass
        return await super().prepare(request)
"""


class Poison:
    """The package, and the plan of what its provider does at which order."""

    def __init__(self, folder: Path) -> None:
        self._plan = folder / "plan.json"
        self._package = folder / "package"
        info = self._package / "poison-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: poison\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(
            "[packhouse.providers]\npoison = poison_adapter:PoisonProvider\n"
        )
        (self._package / "poison_adapter.py").write_text(_ADAPTER)
        self.plan({})

    @property
    def environ(self) -> dict[str, str]:
        """What the daemon needs to find it, and to buy from it."""
        path = os.pathsep.join([str(self._package), *filter(None, [os.environ.get("PYTHONPATH")])])
        return {"PYTHONPATH": path, "POISON_PLAN": str(self._plan), "PACKHOUSE_PROVIDER": "poison"}

    def plan(self, what_at: Mapping[str, str]) -> None:
        """What happens at which order from now on: exit, spin, thread or stubborn."""
        self._plan.write_text(json.dumps(dict(what_at)))
