"""Runs the real command in a shell environment that points at the running store and daemon."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.processes import TOKEN, Services, call_json


@dataclass(frozen=True)
class Result:
    """The exit code and the output of one command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Shell:
    """Runs `packhouse …` in separate processes."""

    def __init__(self, services: Services) -> None:
        self._here = services
        self.folder = services.folder / "shell"
        (self.folder / "bin").mkdir(parents=True, exist_ok=True)
        packhouse = self.program("packhouse", f'exec {sys.executable} -m packhouse_cli "$@"')
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("PACKHOUSE_", "ALY_"))}
        self.environ = clean | {
            "PATH": f"{packhouse.parent}:{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(sys.path),
            "HOME": str(self.folder),
            "PACKHOUSE_URL": services.daemon_url,
            "PACKHOUSE_TOKEN": TOKEN,
            "PACKHOUSE_STORE__URL": services.environ()["PACKHOUSE_STORE__URL"],
            "ALY_API_KEY": "aly_sandbox",
        }

    def program(self, name: str, script: str) -> Path:
        """A program on this shell's PATH."""
        file = self.folder / "bin" / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)
        return file

    def __call__(self, *output: str, **more: str) -> Result:
        done = subprocess.run(
            ["packhouse", *output],
            executable=str(self.folder / "bin" / "packhouse"),
            cwd=self.folder,
            env=self.environ | more,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def pending(self) -> list[str]:
        """The ids of the orders with status pending at the store."""
        return [row["id"] for row in self("orders", "list", "--status", "pending", "--json").json]

    def numbers_of(self, order_id: str) -> list[str]:
        """The tracking numbers of an order at the store, one for each shipped line."""
        order = self("orders", "get", order_id, "--json").json
        return [row["tracking_number"] for row in order.get("fulfillments") or ()]

    def labels_of(self, order_id: str) -> list[dict[str, Any]]:
        """The labels that the provider sold for an order, voided or not."""
        purchases = call_json(f"{self._here.sandbox_url}/sandbox/audit")["purchases"]
        return [one for one in purchases if one["reference"].startswith(f"{order_id}/")]
