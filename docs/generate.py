"""Writes the parts of docs/ that come from the code, between `<!-- begin NAME -->` and `<!-- end NAME -->`.

`python docs/generate.py` writes them and the manual pages (manual.py); docs/check.py compares. One function
per part, listed in PARTS.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import types
import typing
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

import manual
import measurements
from packhouse.api import health
from packhouse.api.app import operator_routes
from packhouse.api.auth import TokenAuth
from packhouse.config.settings import Settings
from packhouse.flow import STEPS
from packhouse.model.event import ORDER_EVENTS
from packhouse.model.hold import KINDS
from packhouse.model.states import MEANING, MOVES, PHASE_MEANING, ShipmentState
from packhouse.model.waiting import WAIT_MEANING
from packhouse.providers.command.options import CommandOptions
from packhouse.providers.easypost.options import EasyPostOptions
from packhouse.providers.offline.adapter import OfflineOptions
from packhouse.sandbox.control_api import ROUTES
from packhouse.sandbox.faults import FAULTS
from packhouse.telemetry.metrics import Metrics
from packhouse_cli import exit_codes as codes
from packhouse_cli.arguments import tree
from packhouse_cli.bulk.results import STATE_DESCRIPTION as ITEM_STATES

DOCS = Path(__file__).parent
MAN = DOCS / "man"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table. A bar inside a cell is escaped, a line break becomes a space."""
    lines = [heads, ["---"] * len(heads), *rows]
    cells = ([" ".join(cell.replace("|", r"\|").split()) for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


# The life of an order, states and holds


def steps() -> str:
    """The steps in their order, each with its sentence."""
    rows = [(f"**{step.name}**", step.meaning) for step in STEPS]
    return table(("step", "what it does"), rows)


def shipment_diagram() -> str:
    """The moves between a shipment's states, as Mermaid text."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {ShipmentState.PLANNED}"]
    for state, moves in MOVES.items():
        # A second colon or a semicolon would end Mermaid's label.
        labels = {target: re.sub("[:;]", ",", reason) for target, reason in moves.items()}
        lines += [f"    {state} --> {target}: {label}" for target, label in labels.items()]
        if state.is_final:
            lines.append(f"    {state} --> [*]")
    return "\n".join([*lines, "```"])


def shipment_states() -> str:
    """Each state of a shipment with its sentence and where it leads."""
    rows = [
        (f"`{state}`", sentence, " ".join(f"`{target}`" for target in MOVES[state]) or "(an end)")
        for state, sentence in MEANING.items()
    ]
    return table(("state", "what it means", "leaves to"), rows)


def order_phases() -> str:
    """Each phase of an order with its sentence."""
    return table(("phase", "what it means"), [(f"`{phase}`", text) for phase, text in PHASE_MEANING.items()])


def waits() -> str:
    """What an open order can wait for, each with its sentence."""
    return table(("reason", "what it means"), [(f"`{kind}`", text) for kind, text in WAIT_MEANING.items()])


def hold_codes() -> str:
    """Each kind of hold: what it means and what to do, what it stops, and how it ends."""
    return table(
        ("code", "what it means and what to do", "stops", "ends"),
        [
            (
                f"`{kind.code}`",
                kind.sentence,
                " and ".join(sorted(kind.blocks)) or "nothing",
                "; ".join(kind.ends),
            )
            for kind in KINDS.values()
        ],
    )


# Exit codes


def exit_codes() -> str:
    """Every exit code of the command with its sentence."""
    return table(("code", "what it means"), [(str(int(code)), text) for code, text in codes.MEANING.items()])


def item_states() -> str:
    """The states of a plan item."""
    rows = [(f"`{state}`", sentence) for state, sentence in ITEM_STATES.items()]
    return table(("state", "what it means"), rows)


# The command


def commands() -> str:
    """Every command: what it does, how it is called, and each option."""
    blocks = []
    for command in tree.commands():
        parser = command.parser
        places = [
            (f"`{tree.value_name_of(action)}`", _sense(action)) for action in tree.positionals_of(parser)
        ]
        options = [(f"`{_spelled(action)}`", _sense(action)) for action in tree.options_of(parser)]
        title = "##" if len(command.words) == 1 else "###"
        blocks += [f"{title} packhouse {' '.join(command.words)}", _first_block(parser.description or "")]
        if places or options:
            blocks.append(table(("argument", "meaning"), [*places, *options]))
    return "\n\n".join(blocks)


def _spelled(action: argparse.Action) -> str:
    names = ", ".join(action.option_strings)
    return names if action.nargs == 0 else f"{names} {tree.value_name_of(action)}"


def _sense(action: argparse.Action) -> str:
    text = (action.help or "").replace("%%", "%")
    return f"{text}; required" if action.option_strings and action.required else text


def _first_block(text: str) -> str:
    return " ".join(text.partition("\n\n")[0].split())


# Settings


def shape(annotation: Any) -> str:
    """A field's type in the words of a settings file."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is typing.Annotated:
        return shape(arguments[0])
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(shape(part) for part in arguments if part is not type(None))
    if origin is tuple:
        return f"list of {shape(arguments[0])}"
    if origin is dict:
        return "table (JSON in the environment)"
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return " or ".join(f"`{member}`" for member in annotation)
    words = {
        str: "text",
        SecretStr: "secret",
        int: "integer",
        float: "number",
        bool: "true or false",
        Path: "path",
    }
    return words[annotation]


def bounds(field: FieldInfo) -> str:
    """The range of a number, or ""."""
    signs = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}
    parts = [
        f"{sign} {getattr(rule, name):g}"
        for rule in field.metadata
        for name, sign in signs.items()
        if getattr(rule, name, None) is not None
    ]
    return ", " + ", ".join(parts) if parts else ""


def default(field: FieldInfo) -> str:
    """A field's default as it is written in the file; "" for an empty default."""
    if field.is_required():
        return "must be set"
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value in (None, "", (), {}):
        return ""
    if isinstance(value, tuple):
        return f"`{json.dumps(value)}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def is_list_of_sections(annotation: Any) -> bool:
    """Whether a field is written as [[name]] entries."""
    entry = (*get_args(annotation), None)[0]
    return get_origin(annotation) is tuple and isinstance(entry, type) and issubclass(entry, BaseModel)


def setting_rows(model: type[BaseModel], prefix: str) -> list[tuple[str, ...]]:
    """One row for each field of a section. `prefix` begins the environment name; "" for no such name."""
    rows = []
    for name, field in model.model_fields.items():
        if not field.description or is_list_of_sections(field.annotation):
            continue
        variable = f"`{prefix}{name.upper()}`" if prefix else ""
        rows.append(
            (
                f"`{name}`",
                variable,
                shape(field.annotation) + bounds(field),
                default(field),
                field.description,
            )
        )
    return rows


def settings() -> str:
    """Every setting, section by section, in the order of packhouse.config.settings."""
    heads = ("field", "environment", "value", "default", "meaning")
    blocks = ["### Top level", table(heads, setting_rows(Settings, "PACKHOUSE_"))]
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            blocks += [
                f"### [{name}]",
                str(section.__doc__),
                table(heads, setting_rows(section, f"PACKHOUSE_{name.upper()}__")),
            ]
        elif is_list_of_sections(section):
            entry = get_args(section)[0]
            rows = [(row[0], *row[2:]) for row in setting_rows(entry, "")]
            blocks += [f"### [[{name}]]", str(entry.__doc__), table((heads[0], *heads[2:]), rows)]
    return "\n\n".join(blocks)


# HTTP, metrics, adapters, the sandbox


def routes() -> str:
    """Every route of the operator API and of health, from the description that the daemon serves."""
    api = FastAPI()
    # The routes are only described here, never called: they need no operations.
    nothing: Any = None
    api.include_router(health.router(nothing))
    api.include_router(operator_routes(nothing, TokenAuth({})))
    return table(
        ("route", "what it does", "statuses"),
        [
            (
                f"`{method.upper()} {path}`",
                f"{operation['description']}{_parameters(operation)}",
                " ".join(code for code in operation["responses"] if code.isdigit()),
            )
            for path, operations in api.openapi()["paths"].items()
            for method, operation in operations.items()
        ],
    )


def _parameters(operation: dict[str, Any]) -> str:
    named = [f"`{each['name']}`" for each in operation.get("parameters", []) if each["in"] == "query"]
    return f" Query: {', '.join(named)}." if named else ""


def metrics() -> str:
    """Every metric of our own, with its labels."""
    registry = CollectorRegistry()
    Metrics(registry)
    rows = []
    # The labels of a metric without samples are known to its collector alone.
    for collector in registry._collector_to_names:
        for family in collector.collect():
            labels = ", ".join(f"`{label}`" for label in getattr(collector, "_labelnames", ()))
            if family.name.startswith("packhouse_"):
                name = f"{family.name}_total" if family.type == "counter" else family.name
                rows.append((f"`{name}`", family.type, labels, family.documentation))
    return table(("metric", "kind", "labels", "meaning"), rows)


def faults() -> str:
    """Every fault of the sandbox."""
    return table(("fault", "what the sandbox does"), [(f"`{name}`", text) for name, text in FAULTS.items()])


def sandbox_routes() -> str:
    """The routes of the sandbox's control API."""
    return table(
        ("route", "response, or request body"),
        [(f"`{route}`", _code(text)) for route, text in ROUTES.items()],
    )


def _code(text: str) -> str:
    """The text with an example of a body as code."""
    return re.sub(r"(\{.*\})", r"`\1`", text)


def events() -> str:
    """The types of events that wake an order."""
    return "\n".join(f"- `{name}`" for name in sorted(ORDER_EVENTS))


def adapter_options(name: str, options: type[BaseModel]) -> Callable[[], str]:
    """The options of one kind of provider."""
    heads = ("option", "environment", "value", "default", "meaning")
    return lambda: table(heads, setting_rows(options, f"PACKHOUSE_PROVIDERS__{name.upper()}__"))


PARTS: dict[str, Callable[[], str]] = {
    "steps": steps,
    "shipment-diagram": shipment_diagram,
    "shipment-states": shipment_states,
    "order-phases": order_phases,
    "waits": waits,
    "hold-codes": hold_codes,
    "exit-codes": exit_codes,
    "item-states": item_states,
    "commands": commands,
    "settings": settings,
    "events": events,
    "routes": routes,
    "metrics": metrics,
    "faults": faults,
    "sandbox-routes": sandbox_routes,
    "provider-offline": adapter_options("offline", OfflineOptions),
    "provider-command": adapter_options("command", CommandOptions),
    "provider-easypost": adapter_options("easypost", EasyPostOptions),
    **measurements.parts(),
}

_PART = re.compile(r"<!-- begin (?P<name>[\w-]+) -->\n.*?<!-- end (?P=name) -->", re.DOTALL)


def render(text: str) -> str:
    """A page with its generated parts written again. Raises KeyError for a part that PARTS does not have."""

    def fill(found: re.Match[str]) -> str:
        name = found["name"]
        return f"<!-- begin {name} -->\n{PARTS[name]()}\n<!-- end {name} -->"

    return _PART.sub(fill, text)


def main() -> int:
    """Rewrite every page whose generated parts changed."""
    for page in sorted(DOCS.rglob("*.md")):
        old = page.read_text()
        new = render(old)
        if new != old:
            page.write_text(new)
            print(f"wrote {page.relative_to(DOCS.parent)}")
    texts = manual.pages()
    MAN.mkdir(exist_ok=True)
    for file in [file for file in MAN.iterdir() if file.name not in texts]:
        file.unlink()
    for name, text in texts.items():
        (MAN / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
