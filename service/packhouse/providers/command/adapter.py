"""The command provider: runs the user's own program to make, look up, void and track labels."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.parse import unquote, urlsplit

from packhouse.blocking import call_in_time, read_regular_file
from packhouse.errors import ProviderMisconfigured, ProviderRefused, ProviderUnavailable
from packhouse.model.label import Label, LabelDocument, LabelFormat, Rate
from packhouse.model.money import Money
from packhouse.providers.command import wire
from packhouse.providers.command.options import CommandOptions, program_environment
from packhouse.providers.command.process import Finished, NotStarted, run
from packhouse.providers.deadline import time_left_s
from packhouse.providers.http import MAX_BYTES, ProviderHttp
from packhouse.providers.label_file import fetch, read_or_keep, read_text
from packhouse.providers.options import read_options
from packhouse.providers.port import (
    NO_FILE,
    Absent,
    Bought,
    NotBought,
    Prepared,
    ProviderContext,
    Purchase,
    PurchaseRequest,
    Safety,
    Tracking,
    Unknown,
    Voided,
    VoidPending,
    VoidRefused,
    Whose,
)

_FILE = "file:"
_MOST_READ_S = 10.0


class CommandProvider:
    """Sells the labels that the user's program makes; wire.py defines the program's input and answers.

    BLIND unless a `lookup` program is set, then LOOKUP. The program receives our reference and can use it to
    make only one label, but nothing proves that it does.
    """

    kind: ClassVar[str] = "command"

    def __init__(self, options: CommandOptions, context: ProviderContext) -> None:
        self.account = context.account or self.kind
        self._options = options
        self._context = context
        self._environment = program_environment(os.environ)
        self._http: ProviderHttp | None = None

    @property
    def safety(self) -> Safety:
        """LOOKUP with a `lookup` program, BLIND without."""
        return Safety.LOOKUP if self._options.lookup else Safety.BLIND

    @classmethod
    def from_settings(cls, options: Mapping[str, Any], context: ProviderContext) -> Self:
        """Read the account's section. Raises SettingsError, which names the option and the fix."""
        return cls(read_options(context.account or cls.kind, CommandOptions, options), context)

    async def prepare(self, request: PurchaseRequest) -> Prepared:
        """One rate, with the estimate if there is one: the program reports the cost only with the label."""
        await self.check()
        if request.order.id.startswith("-"):
            raise ProviderRefused(
                f"The program would read the order's id {request.order.id!r} as an option. Ship the order "
                "manually."
            )
        options = self._options
        estimate = options.estimate_minor
        rate = Rate(
            "command",
            options.carrier or "command",
            options.service or "standard",
            None if estimate is None else Money(estimate, options.currency),
            is_estimate=estimate is not None,
        )
        return Prepared("", (rate,))

    async def buy(self, purchase: Purchase) -> Bought | NotBought | Unknown:
        """Run `argv` once."""
        try:
            ended = await self._run_for(purchase, "buy", self._options.argv)
        except NotStarted as error:
            return NotBought(f"{error}. Correct providers.{self.account}.argv.", Whose.ACCOUNT)
        outcome = wire.read_purchase(ended, purchase, self._options)
        return await _with_file(outcome) if isinstance(outcome, wire.Made) else outcome

    async def lookup(self, purchase: Purchase) -> Bought | Absent | Unknown:
        """Run `lookup`, if it is set."""
        if not self._options.lookup:
            return Unknown(f"No look-up program is set as providers.{self.account}.lookup.")
        try:
            ended = await self._run_for(purchase, "lookup", self._options.lookup)
        except NotStarted as error:
            return Unknown(f"{error}. Correct providers.{self.account}.lookup.")
        outcome = wire.read_lookup(ended, purchase, self._options)
        return await _with_file(outcome) if isinstance(outcome, wire.Made) else outcome

    async def document(self, label: Label) -> LabelDocument:
        """Download or read the file that the program named."""
        source = label.document_source
        if not source:
            raise ProviderRefused(
                f"Label {label.tracking_number}: the program returned no label file. Print it from your own "
                "system.",
                code=NO_FILE,
            )
        if source.startswith(_FILE):
            path = source.removeprefix(_FILE)
            try:
                return await _read_label(path)
            except OSError as error:
                why = f"{path} cannot be read ({error.strerror or error})"
                raise ProviderRefused(
                    f"Label {label.tracking_number}: {why}. Print it from your own system."
                ) from error
        if source[:5].lower() == "data:":
            return await asyncio.to_thread(read_text, source)
        # Few programs return a link, so the client is built only when it is needed.
        self._http = self._http or ProviderHttp(self.account, self._context)
        if found := await fetch(self._http, source):
            return found
        raise ProviderRefused(
            f"Label {label.tracking_number}: its link leads to no file. Print it from your own system."
        )

    async def void(self, label: Label) -> Voided | VoidPending | VoidRefused:
        """Run `void`, if it is set."""
        if not self._options.void:
            return VoidRefused(
                f"No program is set as providers.{self.account}.void. Void the label yourself."
            )
        ended = await self._run_on(label, "void", self._options.void)
        if outcome := wire.read_void(ended):
            return outcome
        raise ProviderUnavailable(
            f"The void program did not answer clearly (exit code {ended.code}): {ended.errors[-300:]}"
        )

    async def track(self, label: Label) -> Tracking:
        """Run `track`, if it is set."""
        if not self._options.track:
            return Tracking()
        ended = await self._run_on(label, "track", self._options.track)
        if (tracking := wire.read_tracker(ended)) is not None:
            return tracking
        raise ProviderUnavailable(
            f"The track program did not answer (exit code {ended.code}): {ended.errors[-300:]}"
        )

    async def check(self) -> None:
        """Check that every configured program can be found. Raises ProviderMisconfigured."""
        for option in ("argv", "lookup", "void", "track"):
            argv = getattr(self._options, option)
            if argv and shutil.which(argv[0], path=self._environment.get("PATH")) is None:
                raise ProviderMisconfigured(
                    f"The program {argv[0]!r} is not found or not executable. Correct "
                    f"providers.{self.account}.{option}."
                )

    async def aclose(self) -> None:
        """Close the connections."""
        if self._http:
            await self._http.aclose()

    async def _run_for(self, purchase: Purchase, call: str, argv: Sequence[str]) -> Finished:
        request = purchase.request
        values = {"order_id": request.order.id, "reference": request.reference}
        given = wire.purchase_input(purchase, self._context.ship_from, self._context.label_format)
        return await self._run(call, wire.filled(argv, **values), given)

    async def _run_on(self, label: Label, call: str, argv: Sequence[str]) -> Finished:
        values = {"order_id": wire.order_of(label.provider_id), "reference": label.provider_id}
        filled = wire.filled(argv, tracking_number=label.tracking_number, **values)
        try:
            return await self._run(call, filled, wire.label_input(label))
        except NotStarted as error:
            raise ProviderUnavailable(f"{error}. Correct providers.{self.account}.{call}.") from error

    async def _run(self, call: str, argv: Sequence[str], given: bytes) -> Finished:
        clock, outcome = self._context.clock, "not_started"
        started = clock.monotonic()
        try:
            ended = await run(argv, given, time_left_s(self._context.timeout_s), self._environment)
            outcome = "timed_out" if ended.timed_out else f"exit_{ended.code}"
            return ended
        finally:
            self._context.observe(self.account, call, outcome, clock.monotonic() - started)


async def _with_file(made: wire.Made) -> Bought:
    """The purchase with the file that the program made; a bad file does not undo a purchase."""
    bought = made.bought
    if made.label_base64:
        document = await asyncio.to_thread(read_text, made.label_base64)
        bought = replace(bought, document=document)
        if document.format is not LabelFormat.RAW:
            return bought
    if not made.label_path:
        return bought
    path = _absolute(made.label_path)
    source = bought.document_source or _FILE + path
    try:
        document = await _read_label(path)
    except OSError:
        return replace(bought, document_source=source)  # `document` asks again, and says why
    if document.format is LabelFormat.RAW and (bought.document_source or bought.document):
        return bought  # the link may lead to a better file, or to none
    return replace(bought, document=document, document_source=source)


def _absolute(path: str) -> str:
    """The program runs in the daemon's folder, so a relative path begins there."""
    if path.startswith("file://"):
        path = unquote(urlsplit(path).path)
    return str(Path(path).absolute())


async def _read_label(path: str) -> LabelDocument:
    """Read a file, and never wait long for one: a pipe or a device is refused. Raises OSError."""
    return await call_in_time(
        min(_MOST_READ_S, time_left_s(_MOST_READ_S) / 2),
        lambda: read_or_keep(read_regular_file(path, MAX_BYTES)),
        f"reading {path}",
    )
