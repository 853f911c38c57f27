"""Profiles: named stores and daemons, in one file of the user. The keys are kept elsewhere.

The file is config.toml in $XDG_CONFIG_HOME/packhouse (~/.config/packhouse). A key is read from a variable, a
file or the keyring when it is needed. Other users must not be able to read either file.
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
from packhouse_cli.user.paths import profiles_file

KEYRING = "packhouse"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Secret(NamedTuple):
    """The place of a secret: the name of a variable, a file, or the keyring; none if all are empty."""

    env: str = ""
    file: str = ""
    keyring: bool = False

    def __str__(self) -> str:
        if self.keyring:
            return "keyring"
        return f"variable {self.env}" if self.env else f"file {self.file}" if self.file else ""


class Profile(NamedTuple):
    """One store and one daemon; an empty field has no value in the profile."""

    name: str
    store_url: str = ""
    site_slug: str = ""
    daemon_url: str = ""
    key: Secret = Secret()
    token: Secret = Secret()

    def secret(self, kind: str, environ: Mapping[str, str]) -> str:
        """The "key" or "token", "" where the profile has none. Raises UsageError where its place is empty."""
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
            raise UsageError(f"The {kind} of profile {self.name} is missing in its {place}. Set it there.")
        return found


class Profiles(NamedTuple):
    """All profiles by name, and the name of the default profile, "" for none."""

    by_name: dict[str, Profile]
    current: str = ""


def place(environ: Mapping[str, str]) -> Path | None:
    """The file of the profiles; None where the environment names no home."""
    file = profiles_file(environ)
    return Path(file) if file else None


def load(environ: Mapping[str, str]) -> Profiles:
    """Read the file; without a file there are no profiles. Raises UsageError."""
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
        raise UsageError(f"Cannot read {file}: {error}. Correct the file or remove it.") from None
    return Profiles(found, current if current in found else "")


def chosen(environ: Mapping[str, str]) -> Profile | None:
    """The profile that PACKHOUSE_PROFILE names, else the default, if any. Raises UsageError."""
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
        f"Did you mean {near}?"
        if near
        else "See `packhouse profile list`, or add it with `packhouse profile add`."
    )
    raise UsageError(f"There is no profile {name!r}. {known}")


def with_profile(environ: Mapping[str, str], name: str) -> dict[str, str]:
    """The environment for `--profile NAME`: without the variables that this profile has a value for."""
    profile = named(load(environ), name)
    values = {
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
    # A variable in which this profile keeps a secret must stay.
    own = {profile.key.env, profile.token.env}
    kept = {
        variable: value for variable, value in environ.items() if variable in own or not values.get(variable)
    }
    return {**kept, "PACKHOUSE_PROFILE": name, **({"PACKHOUSE_SECRETS_DIR": ""} if str(profile.key) else {})}


def save(profiles: Profiles, environ: Mapping[str, str]) -> Path:
    """Replace the file; only its owner may read it. Raises UsageError."""
    file = place(environ)
    if file is None:
        raise UsageError("There is no folder for profiles. Set HOME or XDG_CONFIG_HOME.")
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh.touch(mode=0o600)
        fresh.write_text(_toml(profiles), encoding="utf-8")
        fresh.replace(file)
    except OSError as error:
        raise UsageError(f"Cannot write {file}: {error.strerror}.") from error
    return file


def check_name(name: str) -> str:
    """The name. Raises UsageError for a name that would need quotes in a shell or in TOML."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"A profile's name has letters, digits, '.', '_' and '-' only, not {name!r}.")
    return name


def keep_in_keyring(name: str, kind: str, secret: str) -> None:
    """Put a profile's secret into the keyring. Raises UsageError where there is no keyring."""
    _keyring("set_password", name, kind, secret)


def forget_in_keyring(profile: Profile) -> None:
    """Delete a profile's secrets from the keyring."""
    for kind, secret in (("key", profile.key), ("token", profile.token)):
        if secret.keyring and _keyring("get_password", profile.name, kind) is not None:
            _keyring("delete_password", profile.name, kind)


def _keyring(operation: str, name: str, kind: str, *secret: str) -> str | None:
    """Call one function of the system's keyring. Raises UsageError where there is none, or it fails."""
    try:
        import keyring
    except ImportError:
        raise UsageError(
            "The keyring needs a package that is not installed. Run: pip install 'packhouse[keyring]'"
        ) from None
    try:
        answer: str | None = getattr(keyring, operation)(KEYRING, f"{name}:{kind}", *secret)
    except Exception as error:
        raise UsageError(f"The keyring failed ({type(error).__name__}: {error}).") from error
    return answer


def _private_text(file: Path) -> str:
    """The text of a file that only its owner may read. Raises UsageError."""
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
        if mode & 0o077:
            raise UsageError(f"Other users can access {file} (mode {mode:o}). Run: chmod 600 {file}")
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"Cannot read {file}: {error.strerror}.") from error
    except UnicodeDecodeError:
        raise UsageError(f"{file} is not a text file.") from None


def _profile(name: str, row: Mapping[str, object]) -> Profile:
    secrets = {f"{kind}_{where}" for kind in ("key", "token") for where in Secret._fields}
    for field, value in row.items():
        if field not in secrets | {"store_url", "site_slug", "daemon_url"}:
            raise TypeError(f"profile {name} has an unknown field {field}")
        if not isinstance(value, bool if field.endswith("_keyring") else str):
            raise TypeError(f"profile {name}: {field} has a value of the wrong type")

    def text(field: str) -> str:
        return str(row.get(field, ""))

    def secret(kind: str) -> Secret:
        return Secret(text(f"{kind}_env"), text(f"{kind}_file"), bool(row.get(f"{kind}_keyring")))

    return Profile(
        name, text("store_url"), text("site_slug"), text("daemon_url"), secret("key"), secret("token")
    )


def _toml(profiles: Profiles) -> str:
    lines = ["# Written by `packhouse profile`. Keys are kept elsewhere; this file has only their places."]
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
