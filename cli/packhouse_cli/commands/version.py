"""`packhouse version`, also `packhouse --version`."""

from __future__ import annotations

from collections.abc import Mapping

from packhouse_cli.output import Terminal


def run(argv: list[str], terminal: Terminal, _environ: Mapping[str, str]) -> int:
    """Print the version."""
    from packhouse import __version__

    if "--json" in argv:
        terminal.json({"version": __version__})
    else:
        terminal.line(f"packhouse {__version__}")
    return 0
