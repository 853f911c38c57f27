"""`packhouse profile`: stores and daemons under names, their keys in a variable, a file or the keyring."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from packhouse_cli.arguments.parsing import CommandParser, add_json
from packhouse_cli.exit_codes import Exit, UsageError
from packhouse_cli.terminal.output import Terminal

if TYPE_CHECKING:
    from packhouse_cli.user.profiles import Profile, Profiles, Secret


def run(argv: list[str], terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Run one verb of `profile`."""
    noun = CommandParser(
        prog="packhouse profile",
        description="Stores and daemons under names, in one file of yours; keys stay outside of it.",
        examples=[
            "packhouse profile add acme --site-slug acme --key-file ~/.secrets/acme",
            "packhouse profile use acme",
            "packhouse orders list --profile acme",
        ],
    )
    verbs = noun.verbs()
    do = {name: partial(act, terminal=terminal, environ=environ) for name, act in _ACTS.items()}
    add_json(verbs.add("list", do["list"], help="list the profiles", examples=["packhouse profile list"]))
    show = verbs.add(
        "show",
        do["show"],
        help="show one profile, by default the one in use; keys are never shown",
        examples=["packhouse profile show acme"],
    )
    show.add_argument("name", metavar="PROFILE", nargs="?", default="", help="its name")
    add_json(show)
    adding = verbs.add(
        "add",
        do["add"],
        help="add a profile",
        examples=[
            "packhouse profile add acme --site-slug acme --key-file ~/.secrets/acme --use",
            "packhouse profile add house --daemon-url https://ship.example.com --token-env SHIP_TOKEN",
            "packhouse profile add acme --key-keyring < key.txt",
        ],
    )
    _declare(adding)
    use = verbs.add(
        "use",
        do["use"],
        help="use this profile where no other is named",
        examples=["packhouse profile use acme"],
    )
    use.add_argument("name", metavar="PROFILE", help="its name")
    remove = verbs.add(
        "remove",
        do["remove"],
        help="remove a profile, and its keys from the keyring; files stay",
        examples=["packhouse profile remove acme"],
    )
    remove.add_argument("name", metavar="PROFILE", help="its name")
    arguments = verbs.parse(argv)
    return int(arguments.run(arguments))


def _declare(parser: CommandParser) -> None:
    add = parser.add_argument
    add("name", metavar="NAME", help="what you call it")
    add("--store-url", metavar="URL", default="", help="base address of the store's REST interface")
    add("--site-slug", metavar="SITE", default="", help="only this site's orders")
    add("--daemon-url", metavar="URL", default="", help="where the daemon listens")
    for kind, what in (("key", "the store's API key"), ("token", "the daemon's operator token")):
        add(f"--{kind}-env", metavar="VARIABLE", default="", help=f"{what} is in this variable")
        add(f"--{kind}-file", metavar="FILE", default="", help=f"{what} is in this file, mode 600")
        add(f"--{kind}-keyring", action="store_true", help=f"keep {what} in the keyring; it is asked for")
    add("--use", action="store_true", help="use it where no other is named")
    add("--replace", action="store_true", help="in the place of the profile that has this name")


def _list(_arguments: argparse.Namespace, *, terminal: Terminal, environ: Mapping[str, str]) -> int:
    from packhouse_cli.user import profiles

    known = profiles.load(environ)
    if _arguments.json:
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
        terminal.note("There are no profiles; `packhouse profile add NAME` makes one.")
    return int(Exit.OK)


def _show(arguments: argparse.Namespace, *, terminal: Terminal, environ: Mapping[str, str]) -> int:
    from packhouse_cli.user import profiles

    known = profiles.load(environ)
    name = arguments.name or environ.get("PACKHOUSE_PROFILE") or known.current
    if not name:
        raise UsageError("No profile is in use: name one, or choose it with `packhouse profile use NAME`.")
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


def _add(arguments: argparse.Namespace, *, terminal: Terminal, environ: Mapping[str, str]) -> int:
    from packhouse_cli.user import profiles

    known = profiles.load(environ)
    name = profiles.check_name(arguments.name)
    if name in known.by_name and not arguments.replace:
        raise UsageError(f"There is a profile {name} already; --replace puts this one in its place.")
    for option, url in (("--store-url", arguments.store_url), ("--daemon-url", arguments.daemon_url)):
        if url and not url.startswith(("https://", "http://")):
            raise UsageError(f"{option} must be an address that begins with https:// or http://.")
    key, token = _place(arguments, "key"), _place(arguments, "token")
    if key.keyring and token.keyring:
        raise UsageError("Only one secret can be asked for at a time; give the other with -env or -file.")
    for kind, place in (("key", key), ("token", token)):
        if place.keyring:
            profiles.keep_in_keyring(name, kind, _asked(kind, name, terminal))
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
    terminal.line(f"Profile {name} is in {file}{' and in use' if current == name else ''}.")
    return int(Exit.OK)


def _place(arguments: argparse.Namespace, kind: str) -> Secret:
    from pathlib import Path

    from packhouse_cli.user.profiles import Secret

    env, file = getattr(arguments, f"{kind}_env"), getattr(arguments, f"{kind}_file")
    place = Secret(
        env, str(Path(file).expanduser().absolute()) if file else "", getattr(arguments, f"{kind}_keyring")
    )
    if sum(map(bool, place)) > 1:
        raise UsageError(f"A {kind} is in one place: --{kind}-env, --{kind}-file or --{kind}-keyring.")
    if env and not (env.isidentifier() and env.isascii()):
        # Somebody may have written the key itself, which then must not be repeated.
        raise UsageError(f"--{kind}-env takes the name of a variable, never the {kind} itself.")
    return place


def _asked(kind: str, name: str, terminal: Terminal) -> str:
    """A secret from the terminal, unseen, or the first line of standard input."""
    if sys.stdin.isatty():
        from getpass import getpass

        secret = getpass(f"The {kind} of profile {name} (it is not shown): ")
    else:
        secret = sys.stdin.readline()
    if not secret.strip():
        raise UsageError(f"No {kind} was given; type it, or send it on standard input.")
    return secret.strip()


def _use(arguments: argparse.Namespace, *, terminal: Terminal, environ: Mapping[str, str]) -> int:
    from packhouse_cli.user import profiles

    known = profiles.load(environ)
    profile = profiles.named(known, arguments.name)
    profiles.save(known._replace(current=profile.name), environ)
    terminal.line(f"Profile {profile.name} is used where no other is named.")
    return int(Exit.OK)


def _remove(arguments: argparse.Namespace, *, terminal: Terminal, environ: Mapping[str, str]) -> int:
    from packhouse_cli.user import profiles

    known = profiles.load(environ)
    profile = profiles.named(known, arguments.name)
    profiles.forget_in_keyring(profile)
    rest = {name: one for name, one in known.by_name.items() if name != profile.name}
    profiles.save(profiles.Profiles(rest, "" if known.current == profile.name else known.current), environ)
    terminal.line(f"Profile {profile.name} is removed.")
    return int(Exit.OK)


def _as_json(profile: Profile, known: Profiles) -> dict[str, object]:
    said = {
        "name": profile.name,
        "store_url": profile.store_url,
        "site_slug": profile.site_slug,
        "daemon_url": profile.daemon_url,
        "key": str(profile.key),
        "token": str(profile.token),
    }
    return {**{name: value or None for name, value in said.items()}, "in_use": profile.name == known.current}


_ACTS = {"list": _list, "show": _show, "add": _add, "use": _use, "remove": _remove}
