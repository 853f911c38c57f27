"""The two processes of the demo: starts and stops the sandbox and the daemon, each with its own log.

The user's settings never reach them, because the demo must not touch a real store or provider.
"""

from __future__ import annotations

import contextlib
import http.client
import random
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from packhouse_cli.exit_codes import CommandError, Exit, UsageError

API_KEY = "aly_sandbox"
PROVIDER_KEY = "EZTK_sandbox"
START_LIMIT_S = 60.0
STOP_LIMIT_S = 30.0
_LAST_LINES = 15


class ProcessDied(CommandError):
    """A process ended by itself or did not become ready.

    `log` is its log file, `last_lines` the end of it.
    """

    def __init__(self, message: str, log: Path, last_lines: Sequence[str]) -> None:
        super().__init__(message, Exit.DEMO_PROCESS_DIED, "process_died")
        self.log = log
        self.last_lines = tuple(last_lines)


class ChildProcess:
    """One process and its log file."""

    def __init__(self, name: str, arguments: Sequence[str], environ: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        with self.log.open("ab") as log:
            # With a session of its own, it does not get Ctrl-C: the demo gets it and stops both in order.
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and modules
                [sys.executable, "-P", "-m", "packhouse_cli", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                env=dict(environ),
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def check(self) -> None:
        """Raise ProcessDied if the process has ended; UsageError if it refused its arguments or settings."""
        code = self._process.poll()
        if code is not None:
            lines = self.last_lines()
            if code == Exit.USAGE and lines:
                raise UsageError(f"The {self.name} did not start: {lines[-1]}")
            how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
            raise self.died(f"The {self.name} {how}.")

    def died(self, message: str) -> ProcessDied:
        """The error for this process, with the end of its log."""
        return ProcessDied(message, self.log, self.last_lines())

    def last_lines(self) -> list[str]:
        """The last lines of the log."""
        try:
            return self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LAST_LINES:]
        except OSError:
            return []

    def terminate(self) -> None:
        """Send SIGTERM if the process is running."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def wait(self, limit_s: float) -> bool:
        """Wait until the process ends. After `limit_s` seconds it is killed, and the result is False."""
        try:
            self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return False
        return True


@dataclass(frozen=True, slots=True)
class ProcessOptions:
    """How to start the processes: the folder, the daemon's port (0: any free port), the sandbox's options.

    `daemon_settings` are additional environment variables of the daemon.
    """

    folder: Path
    port: int = 0
    sandbox_options: tuple[str, ...] = ()
    daemon_settings: tuple[tuple[str, str], ...] = ()


class DemoProcesses:
    """Both processes. `close` is safe at any moment."""

    def __init__(
        self, options: ProcessOptions, environ: Mapping[str, str], report: Callable[[str], None]
    ) -> None:
        self._options = options
        self._base_environ = clean_environ(environ)
        self._report = report
        self._token = f"op_{secrets.token_urlsafe(18)}"
        self._daemon_port = options.port
        self._sandbox_port = 0
        self.children: list[ChildProcess] = []

    @property
    def folder(self) -> Path:
        """The folder with the ledger, labels, settings and logs of this run."""
        return self._options.folder

    @property
    def _settings_file(self) -> Path:
        return self.folder / "packhouse.toml"

    @property
    def labels_folder(self) -> Path:
        """The folder with the label files."""
        return self.folder / "data" / "labels"

    @property
    def daemon_url(self) -> str:
        """The daemon's address."""
        return f"http://127.0.0.1:{self._daemon_port}"

    @property
    def sandbox_url(self) -> str:
        """The sandbox's address."""
        return f"http://127.0.0.1:{self._sandbox_port}"

    @property
    def token(self) -> str:
        """The operator token of this run."""
        return self._token

    def operator_environ(self) -> dict[str, str]:
        """The environment variables that a shell needs to use the command with this run."""
        return {
            "PACKHOUSE_CONFIG": str(self._settings_file),
            "PACKHOUSE_URL": self.daemon_url,
            "PACKHOUSE_TOKEN": self._token,
            "PACKHOUSE_STORE__URL": f"{self.sandbox_url}/api/storefront/v1",
            "PACKHOUSE_STORE__API_KEY": API_KEY,
        }

    def open(self) -> None:
        """Start the sandbox, then the daemon, and wait until both are ready. Raises ProcessDied."""
        self._daemon_port = self._daemon_port or free_port()
        self._settings_file.write_text(
            files("packhouse_cli.demo").joinpath("shop.toml").read_text(encoding="utf-8"), encoding="utf-8"
        )
        secret = f"whsec_{secrets.token_urlsafe(18)}"
        self._report("Starting the sandbox: a store and a label provider.")
        self._open_sandbox(secret)
        self._report(f"  running at {self.sandbox_url}")
        self._report("Starting the daemon.")
        self._open_daemon(secret)
        self._report(f"  running at {self.daemon_url}")
        env_file = self.folder / "env"
        env_file.touch(mode=0o600)
        lines = [f"export {name}={shlex.quote(value)}" for name, value in self.operator_environ().items()]
        env_file.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _open_sandbox(self, secret: str) -> None:
        port_file = self.folder / "sandbox.port"
        sandbox = ChildProcess(
            "sandbox",
            [
                *("sandbox", "--port", "0", "--port-file", str(port_file), "--orders", "0"),
                *("--webhook-url", f"{self.daemon_url}/webhooks/aly", "--webhook-secret", secret),
                *self._options.sandbox_options,
            ],
            self._base_environ,
            self.folder,
        )
        self.children.append(sandbox)
        self._wait_for(sandbox, lambda: _port_in(port_file) is not None)
        self._sandbox_port = _port_in(port_file) or 0
        self._wait_for(sandbox, lambda: _answers(self._sandbox_port, "/sandbox/state"))

    def _open_daemon(self, secret: str) -> None:
        environ = self._base_environ | {
            "PACKHOUSE_STORE__URL": f"{self.sandbox_url}/api/storefront/v1",
            "PACKHOUSE_STORE__API_KEY": API_KEY,
            "PACKHOUSE_WEBHOOK__SECRETS": secret,
            "PACKHOUSE_PROVIDERS__EASYPOST__URL": f"{self.sandbox_url}/easypost/v2",
            "PACKHOUSE_PROVIDERS__EASYPOST__API_KEY": PROVIDER_KEY,
            "PACKHOUSE_OPERATOR__TOKENS": f"demo:{self._token}",
            "PACKHOUSE_HTTP__HOST": "127.0.0.1",
            "PACKHOUSE_HTTP__PORT": str(self._daemon_port),
            "PACKHOUSE_DATA_DIR": str(self.folder / "data"),
        }
        environ |= dict(self._options.daemon_settings)
        daemon = ChildProcess("daemon", ["serve"], environ, self.folder)
        self.children.append(daemon)
        self._wait_for(daemon, lambda: _answers(self._daemon_port, "/readyz"))

    def _wait_for(self, child: ChildProcess, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_LIMIT_S
        while not ready():
            child.check()
            if time.monotonic() > deadline:
                raise child.died(f"The {child.name} was not ready within {START_LIMIT_S:g} s.")
            time.sleep(0.05)

    def check(self) -> None:
        """Raise ProcessDied if a process has ended."""
        for child in self.children:
            child.check()

    def close(self) -> list[str]:
        """Stop both, the daemon first so that it finishes its work. Returns problems as sentences."""
        problems = []
        for child in reversed(self.children):
            child.terminate()
            if not child.wait(STOP_LIMIT_S):
                problems.append(f"The {child.name} did not stop within {STOP_LIMIT_S:g} s and was killed.")
        self.children.clear()
        return problems


def clean_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without settings of Packhouse and keys of a store."""
    prefixes = ("PACKHOUSE_", "ALY_")
    return {n: value for n, value in environ.items() if not n.startswith(prefixes) or n == "PACKHOUSE_DEBUG"}


def free_port() -> int:
    """A free local port.

    It is below the range that systems use for outgoing connections, because such a port could be taken again
    before the process listens on it.
    """
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", random.randrange(20_000, 32_000)))
            return int(probe.getsockname()[1])


def _port_in(port_file: Path) -> int | None:
    try:
        text = port_file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return int(text) if text.isdigit() else None


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
