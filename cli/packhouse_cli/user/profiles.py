"""Profiles: stores and daemons under names, in one file of the user's. Keys stay elsewhere.

The file is config.toml in $XDG_CONFIG_HOME/packhouse (~/.config/packhouse); a key is read from a variable, a
file or the keyring when it is needed. Neither file may be open to others.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from packhouse_cli.exit_codes import UsageError
from packhouse_cli.terminal.output import safe
from packhouse_cli.user.paths import profiles_file

KEYRING = "packhouse"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Secret(NamedTuple):
    """Where a secret is: the name of a variable, a file, or in the keyring; nowhere if all are empty."""

    env: str = ""
    file: str = ""
    keyring: bool = False

    def __str__(self) -> str:
        if self.keyring:
            return "keyring"
        return f"variable {self.env}" if self.env else f"file {self.file}" if self.file else ""


class Profile(NamedTuple):
    """One store and one daemon; what is empty is not said."""

    name: str
    store_url: str = ""
    site_slug: str = ""
    daemon_url: str = ""
    key: Secret = Secret()
    token: Secret = Secret()

    def secret(self, kind: str, environ: Mapping[str, str]) -> str:
        """The "key" or "token", "" where the profile has no place for it. Raises UsageError if it is gone."""
        place: Secret = getattr(self, kind)
        if place.keyring:
            found = _keyring("get_password", self.name, kind) or ""
        elif place.env:
            found = environ.get(place.env, "").strip()
        elif place.file:
            found = _private_text(Path(place.file).expanduser()).strip()
        else:
            return ""
        if not found:
            raise UsageError(f"Profile {self.name} has its {kind} in {place}, and nothing is there. Set it.")
        return found


class Profiles(NamedTuple):
    """All profiles by name, and the name of the one in use, "" for none."""

    by_name: dict[str, Profile]
    current: str = ""


def place(environ: Mapping[str, str]) -> Path | None:
    """The file, None where the environment names no home."""
    file = profiles_file(environ)
    return Path(file) if file else None


def load(environ: Mapping[str, str]) -> Profiles:
    """Read the file; no profiles where there is none. Raises UsageError."""
    file = place(environ)
    if file is None or not file.exists():
        return Profiles({})
    import tomllib

    try:
        tables = tomllib.loads(_private_text(file))
        rows = tables.get("profiles", {})
        found = {name: _profile(name, rows[name]) for name in rows}
        current = tables.get("current", "")
    except (tomllib.TOMLDecodeError, TypeError, AttributeError) as error:
        raise UsageError(f"{safe(file)} cannot be read: {error}. Correct it or remove it.") from None
    return Profiles(found, current if current in found else "")


def chosen(environ: Mapping[str, str]) -> Profile | None:
    """The profile that PACKHOUSE_PROFILE names, else the one in use, if any. Raises UsageError."""
    name = environ.get("PACKHOUSE_PROFILE", "")
    profiles = load(environ)
    if not name and not profiles.current:
        return None
    return named(profiles, name or profiles.current)


def named(profiles: Profiles, name: str) -> Profile:
    """The profile. Raises UsageError, with a near name for a mistyped one."""
    if name in profiles.by_name:
        return profiles.by_name[name]
    from packhouse_cli.terminal.suggestion import nearest

    near = nearest(name, profiles.by_name)
    known = (
        f"Did you mean {near}?" if near else "`packhouse profile list` shows all, `profile add` makes one."
    )
    raise UsageError(f"There is no profile {safe(name)!r}. {known}")


def with_profile(environ: Mapping[str, str], name: str) -> dict[str, str]:
    """The environment for `--profile NAME`: variables for what this profile says are left out of it."""
    profile = named(load(environ), name)
    said = {
        "PACKHOUSE_STORE__URL": profile.store_url,
        "PACKHOUSE_STORE__SITE_SLUG": profile.site_slug,
        "PACKHOUSE_URL": profile.daemon_url,
        "PACKHOUSE_STORE__API_KEY": str(profile.key),
        "PACKHOUSE_STORE__API_KEY_FILE": str(profile.key),
        "ALY_API_KEY": str(profile.key),
        "ALY_API_KEY_FILE": str(profile.key),
        "PACKHOUSE_TOKEN": str(profile.token),
        "PACKHOUSE_TOKEN_FILE": str(profile.token),
    }
    # A variable that is this profile's own place for a secret must stay where it can be found.
    own = {profile.key.env, profile.token.env}
    kept = {
        variable: value for variable, value in environ.items() if variable in own or not said.get(variable)
    }
    return {**kept, "PACKHOUSE_PROFILE": name, **({"PACKHOUSE_SECRETS_DIR": ""} if str(profile.key) else {})}


def save(profiles: Profiles, environ: Mapping[str, str]) -> Path:
    """Write the file anew, for its owner alone. Raises UsageError."""
    file = place(environ)
    if file is None:
        raise UsageError("There is no home to keep profiles in: set HOME or XDG_CONFIG_HOME.")
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh.touch(mode=0o600)
        fresh.write_text(_toml(profiles), encoding="utf-8")
        fresh.replace(file)
    except OSError as error:
        raise UsageError(f"{safe(file)} cannot be written: {error.strerror}.") from error
    return file


def check_name(name: str) -> str:
    """The name. Raises UsageError for one that would need quotes somewhere."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"A profile's name is letters, digits, '.', '_' and '-', not {safe(name)!r}.")
    return name


def keep_in_keyring(name: str, kind: str, secret: str) -> None:
    """Put a profile's secret into the keyring. Raises UsageError where there is none."""
    _keyring("set_password", name, kind, secret)


def forget_in_keyring(profile: Profile) -> None:
    """Take a profile's secrets out of the keyring."""
    for kind, secret in (("key", profile.key), ("token", profile.token)):
        if secret.keyring and _keyring("get_password", profile.name, kind) is not None:
            _keyring("delete_password", profile.name, kind)


def _keyring(act: str, name: str, kind: str, *secret: str) -> str | None:
    """Do one act of the system's keyring. Raises UsageError where there is none, or it refuses."""
    try:
        import keyring
    except ImportError:
        raise UsageError(
            "The keyring needs a package that is not installed: pip install 'packhouse[keyring]'."
        ) from None
    try:
        answer: str | None = getattr(keyring, act)(KEYRING, f"{name}:{kind}", *secret)
    except Exception as error:
        raise UsageError(f"The keyring refuses ({type(error).__name__}: {safe(error)}).") from error
    return answer


def _private_text(file: Path) -> str:
    """The text of a file that nobody else may read. Raises UsageError."""
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
        if mode & 0o077:
            raise UsageError(f"{safe(file)} is open to others (mode {mode:o}); run: chmod 600 {safe(file)}")
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{safe(file)} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        raise UsageError(f"{safe(file)} is not text.") from None


def _profile(name: str, row: Mapping[str, object]) -> Profile:
    secrets = {f"{kind}_{where}" for kind in ("key", "token") for where in Secret._fields}
    for field, value in row.items():
        if field not in secrets | {"store_url", "site_slug", "daemon_url"}:
            raise TypeError(f"profile {name} has an unknown {field}")
        if not isinstance(value, bool if field.endswith("_keyring") else str):
            raise TypeError(f"profile {name}: {field} has the wrong kind of value")

    def text(field: str) -> str:
        return str(row.get(field, ""))

    def secret(kind: str) -> Secret:
        return Secret(text(f"{kind}_env"), text(f"{kind}_file"), bool(row.get(f"{kind}_keyring")))

    return Profile(
        name, text("store_url"), text("site_slug"), text("daemon_url"), secret("key"), secret("token")
    )


def _toml(profiles: Profiles) -> str:
    lines = ["# Written by `packhouse profile`. No keys stand here, only where they are."]
    if profiles.current:
        lines.append(f"current = {json.dumps(profiles.current)}")
    for profile in profiles.by_name.values():
        lines += ["", f"[profiles.{json.dumps(profile.name)}]"]
        lines += [
            f"{field} = {json.dumps(value)}"
            for field in ("store_url", "site_slug", "daemon_url")
            if (value := getattr(profile, field))
        ]
        for kind in ("key", "token"):
            where = getattr(profile, kind)._asdict().items()
            lines += [f"{kind}_{field} = {json.dumps(value)}" for field, value in where if value]
    return "\n".join(lines) + "\n"
