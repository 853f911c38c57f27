"""The few settings that the command needs, read without pydantic, which would take too long to load.

Names and precedence are the daemon's, with the profile added: packhouse.toml (or PACKHOUSE_CONFIG) < profile
< environment < files in PACKHOUSE_SECRETS_DIR < files named by *_FILE. An empty variable counts as unset. A
value is read when it is used, so a command never fails because of a setting that it does not use.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from packhouse_cli.exit_codes import UsageError
from packhouse_cli.user.paths import profiles_file

if TYPE_CHECKING:
    from packhouse_cli.user.profiles import Profile

DEFAULT_STORE_URL = "https://aly.store/api/storefront/v1"
DEFAULT_DAEMON_URL = "http://127.0.0.1:8080"
# The first is whichever lies in the current folder, the second is the machine's own.
_FOUND_FILE, _MACHINE_FILE = "packhouse.toml", "/etc/packhouse/packhouse.toml"
_IN_PROFILE = {
    "PACKHOUSE_STORE__URL": "store_url",
    "PACKHOUSE_STORE__SITE_SLUG": "site_slug",
    "PACKHOUSE_URL": "daemon_url",
}
# What decides where the operator token is sent: the address, or host and port of this machine's own daemon.
_DAEMON_ADDRESS = ("PACKHOUSE_URL", "PACKHOUSE_HTTP__HOST", "PACKHOUSE_HTTP__PORT")
SECRETS_FOLDER = "/run/secrets"


class CliSettings:
    """The settings of one call of the command, from its environment."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._file: dict[str, Any] | None = None
        self._found = ""
        self._chosen: Profile | None = None
        self._has_chosen = False

    @property
    def profile(self) -> Profile | None:
        """The profile in use. Raises UsageError where the named profile does not exist."""
        if not self._has_chosen:
            self._has_chosen = True
            if self._environ.get("PACKHOUSE_PROFILE") or _is_file(profiles_file(self._environ)):
                from packhouse_cli.user import profiles

                self._chosen = profiles.chosen(self._environ)
        return self._chosen

    @property
    def store_url(self) -> str:
        """The base address of the store's API."""
        return _address(self._value("PACKHOUSE_STORE__URL") or DEFAULT_STORE_URL, "PACKHOUSE_STORE__URL")

    @property
    def api_key(self) -> str:
        """The store's API key. Raises UsageError where none is set."""
        name = "PACKHOUSE_STORE__API_KEY"
        if key := self._secret(name) or self._secret("ALY_API_KEY"):
            self._refuse_found_address(
                "The store's API key", self.store_url, DEFAULT_STORE_URL, "PACKHOUSE_STORE__URL"
            )
            return key
        key = self._of_profile("key", self.store_url, "store_url", DEFAULT_STORE_URL) or self._from_file(name)
        if not key:
            raise UsageError(
                "No API key for the store is set. Put it into ALY_API_KEY or PACKHOUSE_STORE__API_KEY, "
                "or add a profile with `packhouse profile add`."
            )
        return key

    @property
    def site_slug(self) -> str:
        """Only this site's orders; "" for all."""
        return self._value("PACKHOUSE_STORE__SITE_SLUG")

    @property
    def store_timeout_s(self) -> float:
        """The longest wait for one response of the store, in seconds."""
        return self._seconds("PACKHOUSE_STORE__TIMEOUT_S", 15.0)

    @property
    def store_rate_limit_per_s(self) -> float:
        """The limit of calls to the store per second; 0, also where none is set, for no limit."""
        name = "PACKHOUSE_STORE__RATE_LIMIT_PER_S"
        text = self._value(name) or "0"
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value < float("inf"):
            raise UsageError(f"{name} is {text!r}. It must be a number of 0 or more; 0 means no limit.")
        return value

    @property
    def data_dir(self) -> str:
        """The data folder of this machine's own daemon; the store's limit is shared with it there."""
        return self._value("PACKHOUSE_DATA_DIR") or "data"

    @property
    def daemon_url(self) -> str:
        """The daemon's address: as configured, else that of this machine's own daemon.

        A profile with a token and without an address means the default address, whatever port is set here.
        """
        url = self._value("PACKHOUSE_URL")
        if not url and self.profile is not None and str(self.profile.token):
            url = DEFAULT_DAEMON_URL
        host = self.http_host
        here = f"http://{f'[{host}]' if ':' in host else host}:{self.http_port}"
        return _address(url or here, "PACKHOUSE_URL")

    @property
    def knows_daemon(self) -> bool:
        """Whether a daemon is configured: an address or a token is set."""
        return bool(
            self._value("PACKHOUSE_URL")
            or self._secret("PACKHOUSE_TOKEN")
            or (self.profile is not None and str(self.profile.token))
            or self._from_file("PACKHOUSE_TOKEN")
            or self._own_daemons_token()
        )

    @property
    def token(self) -> str:
        """The operator token. Raises UsageError where none is set."""
        token = self._secret("PACKHOUSE_TOKEN")
        if not token:
            token = self._of_profile(
                "token", self.daemon_url, "daemon_url", DEFAULT_DAEMON_URL
            ) or self._from_file("PACKHOUSE_TOKEN")
            if token:
                return token
            token = self._own_daemons_token()
        if not token:
            raise UsageError(
                "No operator token is set. Put one of the daemon's PACKHOUSE_OPERATOR__TOKENS into "
                "PACKHOUSE_TOKEN: the part after the name and the colon."
            )
        self._refuse_found_address(
            "The operator token", self.daemon_url, DEFAULT_DAEMON_URL, *_DAEMON_ADDRESS
        )
        return token

    @property
    def http_port(self) -> int:
        """The port of this machine's own daemon."""
        text = self._value("PACKHOUSE_HTTP__PORT") or "8080"
        if not text.isdigit() or not 0 < int(text) < 65536:
            raise UsageError(f"PACKHOUSE_HTTP__PORT is {text!r}. It must be a port from 1 to 65535.")
        return int(text)

    @property
    def http_host(self) -> str:
        """The address of this machine's own daemon; loopback where it listens on all addresses."""
        host = self._value("PACKHOUSE_HTTP__HOST") or "127.0.0.1"
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not listened on

    def _seconds(self, name: str, default: float) -> float:
        text = self._value(name)
        try:
            seconds = float(text) if text else default
        except ValueError:
            seconds = 0.0
        if not 0 < seconds <= 3600:
            raise UsageError(f"{name} is {text!r}. It must be a number of seconds above 0.")
        return seconds

    def _secret(self, name: str, *, is_list: bool = False) -> str:
        """The secret from a file of its own or from the environment; of a list, the text as it is."""
        named = self._environ.get(f"{name}_FILE", "").strip().strip("\"'")
        if named:
            return _read_secret(f"{name}_FILE", named, is_list)
        folder = self._environ.get("PACKHOUSE_SECRETS_DIR", SECRETS_FOLDER).strip().strip("\"'")
        if folder:
            for spelling in (name, name.lower()):
                if _is_file(file := f"{folder}/{spelling}"):
                    return _read_secret("PACKHOUSE_SECRETS_DIR", file, is_list)
        return self._environ.get(name, "").strip() if is_list else self._cleaned(name)

    def _own_daemons_token(self) -> str:
        """The first of the daemon's tokens, where its settings are here, as in its container; "" if none is.

        It is sent to the daemon of this machine only.
        """
        name = "PACKHOUSE_OPERATOR__TOKENS"
        if self._value("PACKHOUSE_URL") or not (text := self._secret(name, is_list=True)):
            return ""
        from packhouse.setting_text import UnclearText, listed

        try:
            pairs = listed(text)
        except UnclearText as error:
            raise UsageError(f"{name} {error}.") from None
        return pairs[0].partition(":")[2] if pairs else ""

    def _cleaned(self, name: str) -> str:
        """The variable's value, without what an env file leaves around it."""
        text = self._environ.get(name, "").strip()
        return _clean(text, name, name) if text else ""

    def _value(self, name: str) -> str:
        return self._own(name) or self._from_file(name)

    def _own(self, name: str) -> str:
        """The value of the environment or the profile."""
        value = self._cleaned(name)
        if not value and name in _IN_PROFILE and self.profile is not None:
            value = str(getattr(self.profile, _IN_PROFILE[name]))
        return value

    def _of_profile(self, kind: str, url: str, field: str, default: str) -> str:
        """The profile's key or token; it is sent only to the address of the profile."""
        if self.profile is None or not str(getattr(self.profile, kind)):
            return ""
        meant = getattr(self.profile, field) or default
        if url != meant.rstrip("/"):
            raise UsageError(
                f"The {kind} of profile {self.profile.name} is for {meant}, but {url} is configured. "
                f"Set a {kind} for that address too, or pass --profile."
            )
        return self.profile.secret(kind, self._environ)

    def _refuse_found_address(self, key: str, url: str, default: str, *settings: str) -> None:
        """Raise UsageError where a file that was only found in the current folder decides where a key goes.

        `settings` decide where it goes, the first of them alone if it has a value. See decision 0024.
        """
        if url == default:
            return
        for name in settings:
            if not self._own(name) and self._from_file(name) and self._found:
                field = name.removeprefix("PACKHOUSE_").lower().replace("__", ".")
                raise UsageError(
                    f"{key} would be sent to {url}: {field} in {self._found}, which was found in the current "
                    "folder and not named. If the file is yours, name it with --config or PACKHOUSE_CONFIG. "
                    f"Otherwise set {name}, or leave the folder."
                )
            if self._value(settings[0]):
                return

    def _from_file(self, name: str) -> str:
        value: Any = self._toml()
        for part in name.removeprefix("PACKHOUSE_").lower().split("__"):
            value = value.get(part) if isinstance(value, dict) else None
        return str(value) if isinstance(value, (str, int, float)) else ""

    def _toml(self) -> dict[str, Any]:
        if self._file is None:
            named = self._environ.get("PACKHOUSE_CONFIG", "").strip().strip("\"'")
            file = named or next(filter(_is_file, (_FOUND_FILE, _MACHINE_FILE)), None)
            if file and not named and os.path.realpath(file) != os.path.realpath(_MACHINE_FILE):
                self._found = f"{os.getcwd()}/{file}"  # noqa: PTH109 - see _is_file
            self._file = _read_toml(file) if file else {}
        return self._file


def _is_file(name: str) -> bool:
    return os.path.isfile(name)  # noqa: PTH113 - pathlib takes longer to load than all the rest of this module


def _read_toml(name: str) -> dict[str, Any]:
    import tomllib
    from pathlib import Path

    try:
        return tomllib.loads(Path(name).read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(
            f"Cannot read {name}: {error}. Correct the file, or set PACKHOUSE_CONFIG to another one."
        ) from error


def _read_secret(setting: str, name: str, is_list: bool = False) -> str:
    from packhouse.setting_text import UnclearText, read_text_file

    try:
        text = read_text_file(name)
    except UnclearText as error:
        raise UsageError(f"{name!r}, which {setting} names, {error}.") from None
    if not text.strip():
        raise UsageError(f"{name!r}, which {setting} names, is empty. Write the value into it.")
    return text.strip() if is_list else _clean(text, setting.removesuffix("_FILE"), name)


def _clean(text: str, variable: str, written: str) -> str:
    """One word, read as the daemon reads it."""
    from packhouse.setting_text import Kind, UnclearText, cleaned

    try:
        return cleaned(text, Kind.COMPACT, variable if variable != "PACKHOUSE_SECRETS_DIR" else "")
    except UnclearText as error:
        raise UsageError(f"{written} {error}.") from None


def _address(text: str, setting: str) -> str:
    scheme, mark, rest = text.partition("://")
    if "@" in text:
        raise UsageError(
            f"{setting} contains a user or a password. Remove it: it is not used, and messages would show it."
        )
    if "?" in text or "#" in text:
        raise UsageError(f"{setting} contains ? or #. Remove it: each call adds its own path and query.")
    if not mark or scheme not in ("http", "https") or not rest.strip("/"):
        raise UsageError(f"{setting} is {text!r}. It must be an address such as {DEFAULT_DAEMON_URL}.")
    return text.rstrip("/")
