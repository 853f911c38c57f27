"""A sandbox store in its own process, and the command run against it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.cli.runner import Outcome, call

STORE = "/api/storefront/v1"
BIN = Path(sys.executable).parent


class SandboxStore:
    """The sandbox, its control API, and the command with a key for it."""

    def __init__(self, port: int, home: Path) -> None:
        self.base = f"http://127.0.0.1:{port}"
        self.home = home
        self.environ = {"PACKHOUSE_STORE__URL": self.base + STORE, "ALY_API_KEY": "aly_sandbox"}

    def tell(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call the control API."""
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(f"{self.base}/sandbox{path}", data, timeout=180) as answer:
            content: dict[str, Any] = json.load(answer)
            return content

    def order(self, kind: str = "plain") -> str:
        """A buyer places an order."""
        return str(self.tell("/orders", {"count": 1, "kinds": [kind]})["orders"][0])

    def shown(self, order_id: str) -> dict[str, Any]:
        """The order as the store has it now."""
        shown: dict[str, Any] = self.call("orders", "get", order_id, "--json").json
        return shown

    def call(self, *argv: str, **environ: str) -> Outcome:
        """Run a command in this process."""
        return call(*argv, environ=self.environ | environ)

    def shell(self, line: str) -> Outcome:
        """Run a line in bash, with the console scripts on its path and an environment of its own."""
        environ = self.environ | {"PATH": f"{BIN}:/usr/local/bin:/usr/bin:/bin", "HOME": str(self.home)}
        ran = subprocess.run(
            ["/bin/bash", "-c", line],
            env=environ | {"LC_ALL": "C.UTF-8", "PACKHOUSE_SECRETS_DIR": ""},
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
        )
        return Outcome(ran.returncode, ran.stdout, ran.stderr)


@contextlib.contextmanager
def store_process(folder: Path, *argv: str) -> Iterator[SandboxStore]:
    """A sandbox while the block runs."""
    port_file = folder / "port"
    wanted = ["sandbox", "--port", "0", "--port-file", str(port_file), "--orders", "0", *argv]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "packhouse_cli", *wanted], stdout=log, stderr=log)
        try:
            yield SandboxStore(_port(port_file, process), folder)
        finally:
            process.terminate()
            process.wait(60)


def _port(file: Path, process: subprocess.Popen[bytes]) -> int:
    for _ in range(2400):
        assert process.poll() is None, "the sandbox ended by itself"
        if file.exists() and (text := file.read_text().strip()):
            return int(text)
        time.sleep(0.05)
    raise AssertionError("the sandbox did not start")
