"""`packhouse profile`: named stores and daemons; their keys stay in a variable, a file or the keyring."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from packhouse_cli.arguments.command import Command, Group
from packhouse_cli.arguments.options import JSON, Option
from packhouse_cli.exit_codes import Exit, UsageError

if TYPE_CHECKING:
    from packhouse_cli.invocation import Invocation
    from packhouse_cli.terminal.output import Terminal
    from packhouse_cli.user.profiles import Profile, Profiles, Secret


def _list(arguments: argparse.Namespace, invocation: Invocation) -> int:
    terminal, environ = invocation.terminal, invocation.environ
    from packhouse_cli.user import profiles

    known = profiles.load(environ)
    if arguments.json:
        terminal.json([_as_json(profile, known) for profile in known.by_name.values()])
    elif known.by_name:
        terminal.table(
            ("PROFILE", "USED", "STORE", "SITE", "DAEMON", "KEY", "TOKEN"),
            [
                (
                    one.name,
                    "yes" if one.name == known.current else "",
                    one.store_url,
                    one.site_slug,
                    one.daemon_url,
                    one.key,
                    one.token,
                )
                for one in known.by_name.values()
            ],
        )
    else:
        terminal.note("No profiles. `packhouse profile add NAME` adds one.")
    return int(Exit.OK)


def _show(arguments: argparse.Namespace, invocation: Invocation) -> int:
    terminal, environ = invocation.terminal, invocation.environ
    from packhouse_cli.user import profiles

    known = profiles.load(environ)
    name = arguments.name or environ.get("PACKHOUSE_PROFILE") or known.current
    if not name:
        raise UsageError(
            "No profile is in use. Pass a PROFILE, or choose one with `packhouse profile use NAME`."
        )
    profile = profiles.named(known, name)
    if arguments.json:
        terminal.json(_as_json(profile, known))
        return int(Exit.OK)
    terminal.fields(
        [
            ("profile", profile.name + (", in use" if profile.name == known.current else "")),
            ("store", profile.store_url),
            ("site", profile.site_slug),
            ("daemon", profile.daemon_url),
            ("key", profile.key),
            ("token", profile.token),
            ("file", profiles.place(environ)),
        ]
    )
    return int(Exit.OK)


def _add(arguments: argparse.Namespace, invocation: Invocation) -> int:
    terminal, environ = invocation.terminal, invocation.environ
    from packhouse_cli.user import profiles

    known = profiles.load(environ)
    name = profiles.check_name(arguments.name)
    if name in known.by_name and not arguments.replace:
        raise UsageError(f"Profile {name} exists already. Pass --replace to replace it.")
    for option, url in (("--store-url", arguments.store_url), ("--daemon-url", arguments.daemon_url)):
        if url and not url.startswith(("https://", "http://")):
            raise UsageError(f"{option} must be an address that begins with https:// or http://.")
        if "@" in url:
            raise UsageError(
                f"{option} contains a user or a password, which is shown wherever the address is. "
                "Remove it; the key and the token have options of their own."
            )
    key, token = _place(arguments, "key"), _place(arguments, "token")
    if key.keyring and token.keyring:
        raise UsageError("Only one secret can be typed in at a time. Pass the other with -env or -file.")
    for kind, place in (("key", key), ("token", token)):
        if place.keyring:
            profiles.keep_in_keyring(name, kind, _entered(kind, name, terminal))
    profile = profiles.Profile(
        name,
        arguments.store_url.rstrip("/"),
        arguments.site_slug,
        arguments.daemon_url.rstrip("/"),
        key,
        token,
    )
    current = name if arguments.use else known.current
    file = profiles.save(profiles.Profiles({**known.by_name, name: profile}, current), environ)
    terminal.line(f"Profile {name} is saved in {file}{' and in use' if current == name else ''}.")
    return int(Exit.OK)


def _place(arguments: argparse.Namespace, kind: str) -> Secret:
    from pathlib import Path

    from packhouse_cli.user.profiles import Secret

    env, file = getattr(arguments, f"{kind}_env"), getattr(arguments, f"{kind}_file")
    place = Secret(
        env, str(Path(file).expanduser().absolute()) if file else "", getattr(arguments, f"{kind}_keyring")
    )
    if sum(map(bool, place)) > 1:
        raise UsageError(f"Pass only one of --{kind}-env, --{kind}-file and --{kind}-keyring.")
    if env and not (env.isidentifier() and env.isascii()):
        # The value may be the key itself, so the message must not repeat it.
        raise UsageError(f"--{kind}-env takes the name of a variable, not the {kind} itself.")
    return place


def _entered(kind: str, name: str, terminal: Terminal) -> str:
    """A secret typed on the terminal without being shown, or the first line of standard input."""
    if sys.stdin.isatty():
        from getpass import getpass

        secret = getpass(f"{kind.capitalize()} of profile {name} (not shown while you type): ")
    else:
        secret = sys.stdin.readline()
    if not secret.strip():
        raise UsageError(f"No {kind} was entered. Type it, or pipe it to standard input.")
    return secret.strip()


def _use(arguments: argparse.Namespace, invocation: Invocation) -> int:
    terminal, environ = invocation.terminal, invocation.environ
    from packhouse_cli.user import profiles

    known = profiles.load(environ)
    profile = profiles.named(known, arguments.name)
    profiles.save(known._replace(current=profile.name), environ)
    terminal.line(f"Profile {profile.name} is now the default.")
    return int(Exit.OK)


def _remove(arguments: argparse.Namespace, invocation: Invocation) -> int:
    terminal, environ = invocation.terminal, invocation.environ
    from packhouse_cli.user import profiles

    known = profiles.load(environ)
    profile = profiles.named(known, arguments.name)
    profiles.forget_in_keyring(profile)
    rest = {name: one for name, one in known.by_name.items() if name != profile.name}
    profiles.save(profiles.Profiles(rest, "" if known.current == profile.name else known.current), environ)
    terminal.line(f"Profile {profile.name} is removed.")
    return int(Exit.OK)


def _as_json(profile: Profile, known: Profiles) -> dict[str, object]:
    values = {
        "name": profile.name,
        "store_url": profile.store_url,
        "site_slug": profile.site_slug,
        "daemon_url": profile.daemon_url,
        "key": str(profile.key),
        "token": str(profile.token),
    }
    return {
        **{name: value or None for name, value in values.items()},
        "in_use": profile.name == known.current,
    }


def _secret_options(kind: str, what: str) -> tuple[Option, ...]:
    return (
        Option(f"--{kind}-env", metavar="VARIABLE", default="", help=f"read {what} from this variable"),
        Option(f"--{kind}-file", metavar="FILE", default="", help=f"read {what} from this file (mode 600)"),
        Option(f"--{kind}-keyring", action="store_true", help=f"ask for {what} and keep it in the keyring"),
    )


_NAME = Option("name", metavar="PROFILE", help="the profile's name")

COMMAND = Group(
    "manage named store and daemon profiles",
    {
        "list": Command("list the profiles", _list, (JSON,), examples=("packhouse profile list",)),
        "show": Command(
            "show one profile, by default the one in use; keys are never shown",
            _show,
            (_NAME.but(nargs="?", default=""), JSON),
            examples=("packhouse profile show acme",),
        ),
        "add": Command(
            "add a profile",
            _add,
            (
                _NAME.but(metavar="NAME"),
                Option("--store-url", metavar="URL", default="", help="the base address of the store's API"),
                Option("--site-slug", metavar="SITE", default="", help="only orders of this site"),
                Option("--daemon-url", metavar="URL", default="", help="the daemon's address"),
                *_secret_options("key", "the store's API key"),
                *_secret_options("token", "the daemon's operator token"),
                Option("--use", action="store_true", help="make it the default profile"),
                Option("--replace", action="store_true", help="replace the profile with this name"),
            ),
            examples=(
                "packhouse profile add acme --site-slug acme --key-file ~/.secrets/acme --use",
                "packhouse profile add depot --daemon-url https://ship.example.com --token-env SHIP_TOKEN",
                "packhouse profile add acme --key-keyring < key.txt",
            ),
        ),
        "use": Command(
            "make a profile the default", _use, (_NAME,), examples=("packhouse profile use acme",)
        ),
        "remove": Command(
            "remove a profile, and its keys from the keyring; key files stay",
            _remove,
            (_NAME,),
            examples=("packhouse profile remove acme",),
        ),
    },
    description="Manage named profiles of stores and daemons. The profiles are saved in one file; the "
    "keys are kept elsewhere.",
    examples=(
        "packhouse profile add acme --site-slug acme --key-file ~/.secrets/acme",
        "packhouse profile use acme",
        "packhouse orders list --profile acme",
    ),
)
