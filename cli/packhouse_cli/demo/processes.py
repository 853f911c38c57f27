"""The demonstration's two processes: the sandbox and the daemon, each with its log, started and ended here.

None of the user's own settings reach them: a demonstration must never touch a real store or carrier.
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
CARRIER_KEY = "EZTK_sandbox"
START_LIMIT_S = 60.0
STOP_LIMIT_S = 30.0
_LAST_LINES = 15


class ProcessDied(CommandError):
    """A process ended by itself, or never became ready. `log` is its file, `last_words` the end of that."""

    def __init__(self, message: str, log: Path, last_words: Sequence[str]) -> None:
        super().__init__(message, Exit.DEMO_PROCESS_DIED, "process_died")
        self.log = log
        self.last_words = tuple(last_words)


class Player:
    """One process and its log."""

    def __init__(self, name: str, arguments: Sequence[str], environ: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        with self.log.open("ab") as log:
            # A session of its own: Ctrl-C reaches the demonstration alone, which then ends both in order.
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
        """Its process id."""
        return self._process.pid

    def check(self) -> None:
        """Raise ProcessDied if it has ended; UsageError if it refused its arguments or settings."""
        code = self._process.poll()
        if code is not None:
            words = self.last_words()
            if code == Exit.USAGE and words:
                raise UsageError(f"The {self.name} refuses to start: {words[-1]}")
            how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
            raise self.death(f"The {self.name} {how}.")

    def death(self, message: str) -> ProcessDied:
        """The error that tells of its end."""
        return ProcessDied(message, self.log, self.last_words())

    def last_words(self) -> list[str]:
        """The last lines of its log."""
        try:
            return self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LAST_LINES:]
        except OSError:
            return []

    def ask_to_stop(self) -> None:
        """Send SIGTERM, if it still runs."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def wait(self, limit_s: float) -> bool:
        """Wait until it has ended; after `limit_s` seconds it is killed, and the answer is False."""
        try:
            self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            return False
        return True


@dataclass(frozen=True, slots=True)
class Staging:
    """How the stage is set: the folder of this run, the daemon's port (0: a free one), the sandbox's options.

    `daemon_settings` are environment variables for the daemon beside those it always gets.
    """

    folder: Path
    port: int = 0
    sandbox_options: tuple[str, ...] = ()
    daemon_settings: tuple[tuple[str, str], ...] = ()


class Stage:
    """Both processes. Open it, look at it, close it; closing is safe at any moment."""

    def __init__(self, staging: Staging, environ: Mapping[str, str], say: Callable[[str], None]) -> None:
        self._staging = staging
        self._base_environ = neutral(environ)
        self._say = say
        self._token = f"op_{secrets.token_urlsafe(18)}"
        self._daemon_port = staging.port
        self._sandbox_port = 0
        self.players: list[Player] = []

    @property
    def folder(self) -> Path:
        """Where ledger, labels, settings and logs of this run are."""
        return self._staging.folder

    @property
    def labels_folder(self) -> Path:
        """Where the label files are."""
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
        """The operator's token of this run."""
        return self._token

    def operator_environ(self) -> dict[str, str]:
        """What a person's shell needs to use the command against this run."""
        return {
            "PACKHOUSE_URL": self.daemon_url,
            "PACKHOUSE_TOKEN": self._token,
            "PACKHOUSE_STORE__URL": f"{self.sandbox_url}/api/storefront/v1",
            "PACKHOUSE_STORE__API_KEY": API_KEY,
        }

    def open(self) -> None:
        """Start the sandbox, then the daemon, and wait until both are ready. Raises ProcessDied."""
        self._daemon_port = self._daemon_port or free_port()
        (self.folder / "packhouse.toml").write_text(
            files("packhouse_cli.demo").joinpath("shop.toml").read_text(encoding="utf-8"), encoding="utf-8"
        )
        secret = f"whsec_{secrets.token_urlsafe(18)}"
        self._say("Starting the sandbox: a store and a carrier.")
        self._open_sandbox(secret)
        self._say(f"  it is at {self.sandbox_url}")
        self._say("Starting the daemon.")
        self._open_daemon(secret)
        self._say(f"  it is at {self.daemon_url}")
        env_file = self.folder / "env"
        env_file.touch(mode=0o600)
        lines = [f"export {name}={shlex.quote(value)}" for name, value in self.operator_environ().items()]
        env_file.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _open_sandbox(self, secret: str) -> None:
        port_file = self.folder / "sandbox.port"
        sandbox = Player(
            "sandbox",
            [
                *("sandbox", "--port", "0", "--port-file", str(port_file), "--orders", "0"),
                *("--webhook-url", f"{self.daemon_url}/webhooks/aly", "--webhook-secret", secret),
                *self._staging.sandbox_options,
            ],
            self._base_environ,
            self.folder,
        )
        self.players.append(sandbox)
        self._wait_for(sandbox, lambda: _port_in(port_file) is not None)
        self._sandbox_port = _port_in(port_file) or 0
        self._wait_for(sandbox, lambda: _answers(self._sandbox_port, "/sandbox/state"))

    def _open_daemon(self, secret: str) -> None:
        environ = self._base_environ | {
            "PACKHOUSE_STORE__URL": f"{self.sandbox_url}/api/storefront/v1",
            "PACKHOUSE_STORE__API_KEY": API_KEY,
            "PACKHOUSE_WEBHOOK__SECRETS": secret,
            "PACKHOUSE_PROVIDERS__EASYPOST__URL": f"{self.sandbox_url}/easypost/v2",
            "PACKHOUSE_PROVIDERS__EASYPOST__API_KEY": CARRIER_KEY,
            "PACKHOUSE_PROVIDERS__EASYPOST__CUSTOMS_ORIGIN": "US",
            "PACKHOUSE_PROVIDERS__EASYPOST__CUSTOMS_SIGNER": "Demo",
            "PACKHOUSE_OPERATOR__TOKENS": f"demo:{self._token}",
            "PACKHOUSE_HTTP__HOST": "127.0.0.1",
            "PACKHOUSE_HTTP__PORT": str(self._daemon_port),
            "PACKHOUSE_DATA_DIR": str(self.folder / "data"),
        }
        environ |= dict(self._staging.daemon_settings)
        daemon = Player("daemon", ["serve"], environ, self.folder)
        self.players.append(daemon)
        self._wait_for(daemon, lambda: _answers(self._daemon_port, "/readyz"))

    def _wait_for(self, player: Player, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_LIMIT_S
        while not ready():
            player.check()
            if time.monotonic() > deadline:
                raise player.death(f"The {player.name} was not ready within {START_LIMIT_S:g} s.")
            time.sleep(0.05)

    def check(self) -> None:
        """Raise ProcessDied if one of them has ended."""
        for player in self.players:
            player.check()

    def close(self) -> list[str]:
        """End both, the daemon first so that it finishes what is in flight. Answers troubles as sentences."""
        troubles = []
        for player in reversed(self.players):
            player.ask_to_stop()
            if not player.wait(STOP_LIMIT_S):
                troubles.append(f"The {player.name} did not stop within {STOP_LIMIT_S:g} s and was killed.")
        self.players.clear()
        return troubles


def neutral(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without any setting of Packhouse or key of a store."""
    ours = ("PACKHOUSE_", "ALY_")
    return {n: value for n, value in environ.items() if not n.startswith(ours) or n == "PACKHOUSE_DEBUG"}


def free_port() -> int:
    """A port of this machine that nobody listens on now.

    Below the numbers that systems hand out for outgoing connections: such a one may be taken again before it
    is listened on.
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
