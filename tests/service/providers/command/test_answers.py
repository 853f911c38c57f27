"""What programs print: costs, tracking numbers and label files in every usual form, and what is none."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from packhouse.model.label import LabelFormat, Rate
from packhouse.model.money import Money
from packhouse.providers.command import wire
from packhouse.providers.command.adapter import CommandProvider
from packhouse.providers.command.cost import JsonDecimal, UnreadableCost, read_cost
from packhouse.providers.command.options import CommandOptions
from packhouse.providers.command.process import Finished
from packhouse.providers.conformance import sample_request
from packhouse.providers.port import Absent, Bought, NotBought, Purchase, Unknown
from tests.service.providers.context import context

NO_PRICE = Rate("command", "command", "standard", None)
ESTIMATE = replace(NO_PRICE, price=Money(700, "USD"), is_estimate=True)
PURCHASE = Purchase(sample_request("ord_1/1/1"), "", NO_PRICE)
PDF = b"%PDF-1.4\n" + bytes(range(256)) * 3 + b"\n%%EOF\n"


def read(output: bytes | str, purchase: Purchase = PURCHASE) -> wire.Made | NotBought | Unknown:
    output = output.encode() if isinstance(output, str) else output
    return wire.read_purchase(Finished(0, output, ""), purchase, CommandOptions())


def bought(answer: dict[str, Any]) -> Bought | NotBought | Unknown:
    """What a program that prints this answer sells."""
    options = {"argv": ["/bin/echo", json.dumps(answer)]}
    return asyncio.run(CommandProvider.from_settings(options, context(LabelFormat.PDF)).buy(PURCHASE))


@pytest.mark.parametrize(
    ("answer", "cost"),
    [
        ('"cost": 5.49', Money(549, "USD")),
        ('"cost": 5.1', Money(510, "USD")),
        ('"cost": 5', Money(500, "USD")),
        ('"cost": 0.0', Money(0, "USD")),
        ('"cost": 5.491', Money(550, "USD")),
        ('"cost": "5.49"', Money(549, "USD")),
        ('"cost": "5,49"', Money(549, "USD")),
        ('"cost": "1,234.50"', Money(123450, "USD")),
        ('"cost": "1.234,50"', Money(123450, "USD")),
        ('"cost": "1 234,50 €"', Money(123450, "EUR")),
        ('"cost": "1\'234.50 CHF"', Money(123450, "CHF")),
        ('"cost": "$5.49"', Money(549, "USD")),
        ('"cost": "$5.49", "currency": "CAD"', Money(549, "CAD")),
        ('"cost": "€4,90"', Money(490, "EUR")),
        ('"cost": "5.49 USD"', Money(549, "USD")),
        ('"cost": "gbp 5.49"', Money(549, "GBP")),
        ('"cost": {"amount": "5.49", "currency": "$"}', Money(549, "USD")),
        ('"cost": {"amount": 5.49, "currency": "usd"}', Money(549, "USD")),
        ('"cost": {"amount": "1,234.50", "currency": "USD"}', Money(123450, "USD")),
        ('"cost": {"amount_minor": 549, "currency": "USD"}', Money(549, "USD")),
        ('"cost": {"value": "500", "currency_code": "JPY"}', Money(500, "JPY")),
        ('"cost": "¥1,234", "currency": "JPY"', Money(1234, "JPY")),
        ('"cost": 500, "currency": "JPY"', Money(500, "JPY")),
        ('"cost": "1.234 KWD"', Money(1234, "KWD")),
        ('"cost_minor": 549, "currency": "eur"', Money(549, "EUR")),
        ('"cost_minor": "549"', Money(549, "USD")),
        ('"price": "5.49"', Money(549, "USD")),
        ('"cost": "5.49", "cost_minor": 549', Money(549, "USD")),
    ],
)
def test_a_cost_is_read_in_every_usual_form_and_never_as_a_float(answer: str, cost: Money) -> None:
    made = read(f'{{"tracking": "1Z999AA10123456784", {answer}}}')
    assert isinstance(made, wire.Made)
    assert made.bought.cost == cost


UNREADABLE = [
    '"cost": "1,234"',
    '"cost": "1.234"',
    '"cost": 549',
    '"cost": "-5.49"',
    '"cost": -5.49',
    '"cost": "(5.49)"',
    '"cost": "five"',
    '"cost": "free"',
    '"cost": NaN',
    '"cost": true',
    '"cost": ["5.49"]',
    '"cost": {"currency": "USD"}',
    '"cost": 5.49e3',
    '"cost": "1,23,4.50"',
    '"cost": "5.49 5.50"',
    '"cost": "$.49"',
    '"cost": "kr 49,00"',
    '"cost": {"amount": "5.49", "currency": "dollars?"}',
    '"cost": "5.49 USD", "currency": "EUR"',
    '"cost": "5.49", "cost_minor": 550',
    '"cost_minor": -1',
    '"cost_minor": 5.49',
]


@pytest.mark.parametrize("answer", UNREADABLE)
def test_a_cost_that_is_not_certain_is_told_with_the_programs_words_and_not_booked(answer: str) -> None:
    outcome = read(f'{{"tracking": "1Z999AA10123456784", {answer}}}')
    assert isinstance(outcome, Unknown)
    assert "1Z999AA10123456784" in outcome.reason
    word = answer.partition(": ")[2].strip('"{}[]').split('"')[0]
    assert word.lower() in outcome.reason.lower()


@pytest.mark.parametrize("answer", UNREADABLE)
def test_with_an_estimate_the_label_is_used_and_its_cost_is_said_to_be_unknown(answer: str) -> None:
    made = read(f'{{"tracking": "1Z999AA10123456784", {answer}}}', replace(PURCHASE, rate=ESTIMATE))
    assert isinstance(made, wire.Made)
    assert (made.bought.tracking_number, made.bought.cost) == ("1Z999AA10123456784", None)
    assert "cannot be read" in made.bought.remark


@pytest.mark.parametrize("answer", ["", ', "cost": null', ', "cost": ""'])
def test_a_program_that_tells_no_cost_sells_at_an_unknown_cost(answer: str) -> None:
    made = read(f'{{"tracking": "1Z999AA10123456784"{answer}}}')
    assert isinstance(made, wire.Made)
    assert (made.bought.cost, made.bought.remark) == (None, "")


def test_a_decimal_of_json_is_read_digit_by_digit() -> None:
    assert read_cost({"cost": JsonDecimal("1.10")}, "USD") == Money(110, "USD")
    with pytest.raises(UnreadableCost, match="thousand or a fraction"):
        read_cost({"cost": "1.234"}, "USD")
    assert read_cost({"cost": JsonDecimal("1.234")}, "USD") == Money(124, "USD")


def test_before_the_purchase_there_is_no_price_but_the_estimate() -> None:
    for options, price in (({}, None), ({"estimate_minor": 700, "currency": "EUR"}, Money(700, "EUR"))):
        own = CommandProvider.from_settings({"argv": ["/bin/true"], **options}, context())
        (rate,) = asyncio.run(own.prepare(PURCHASE.request)).rates
        assert (rate.price, rate.is_estimate) == (price, price is not None)


@pytest.mark.parametrize(
    "number",
    [
        "9.40011E+21",
        '"9.40011E+21"',
        '"9400100\\n0000001"',
        "9400111202555583000000",
        "1234567890.0",
        '"null"',
        '"N/A"',
        '"TBD"',
        "NaN",
        "true",
        "0",
        '["1Z999AA10123456784"]',
        '"https://track.example.test/1"',
    ],
)
def test_what_is_no_tracking_number_is_never_posted(number: str) -> None:
    answer = f'{{"tracking": {number}, "carrier": "USPS"}}'
    outcome = read(answer)
    assert isinstance(outcome, Unknown)
    assert "tracking" in outcome.reason
    looked_up = wire.read_lookup(Finished(0, answer.encode(), ""), PURCHASE, CommandOptions())
    assert isinstance(looked_up, Unknown)
    assert looked_up.needs_person, "another look-up would find the same"


def test_two_numbers_in_one_answer_are_not_chosen_from() -> None:
    outcome = read('{"tracking": "1Z999AA10123456784", "tracking_number": "1Z999AA10123456795"}')
    assert isinstance(outcome, Unknown)
    same = read('{"tracking": "1Z 999 AA1 01 2345 6784", "tracking_number": "1Z999AA10123456784"}')
    assert isinstance(same, wire.Made)
    other = read('{"tracking": "pending", "tracking_code": "1Z999AA10123456784"}')
    assert isinstance(other, wire.Made)


GOOD = '{"tracking": "1Z999AA10123456784", "cost": {"amount": "5.49", "currency": "USD"}}'


@pytest.mark.parametrize(
    "output",
    [
        b"\xef\xbb\xbf" + GOOD.encode(),
        GOOD.encode("utf-16"),
        f"Connecting...\n[ok] label made\n{GOOD}\n".encode(),
        f'{{"level": "info", "message": "made"}}\n{GOOD}'.encode(),
        f"{GOOD}\nbye\n".encode(),
        f"{GOOD}\n{GOOD}\n".encode(),
        b"caf\xe9 printer\n" + GOOD.encode(),
        json.dumps(json.loads(GOOD), indent=2).encode() + b"\ndone",
        GOOD.replace("}}", '}, "weight": NaN}').encode(),
    ],
)
def test_the_answer_is_found_between_what_else_a_program_prints(output: bytes) -> None:
    made = read(output)
    assert isinstance(made, wire.Made)
    assert (made.bought.tracking_number, made.bought.cost) == ("1Z999AA10123456784", Money(549, "USD"))


@pytest.mark.parametrize(
    "output",
    [
        b"",
        b"\xff\xfe",
        GOOD.encode() + b"\n" + GOOD.replace("6784", "6795").encode(),
        b"Label 1Z999AA10123456784 printed",
        b"[" + GOOD.encode() + b"]",
        b"{" * 200_000,
        b"\n{" * 200_000,
        b'{"a": ' * 400 + b"\n" + b'{"a":\n' * 200_000 + GOOD.encode() + b"\n}",
        b'{"tracking": "1Z999AA10123456784"',
    ],
)
def test_an_answer_that_is_not_one_object_leaves_the_outcome_unknown(output: bytes) -> None:
    assert isinstance(read(output), Unknown)


def test_a_log_of_broken_objects_is_not_read_again_and_again() -> None:
    output = b"\n".join(b'{"a": [' + b"1," * 200 for _ in range(500))
    unclear = read(output)
    assert isinstance(unclear, Unknown)
    assert "too many of its lines begin an object that is broken" in unclear.reason


def test_a_log_beside_found_false_is_no_purchase_and_a_log_alone_is_no_answer() -> None:
    said = b'{"level": "info"}\n{"found": false}'
    assert wire.read_lookup(Finished(0, said, ""), PURCHASE, CommandOptions()) == Absent()
    assert isinstance(
        wire.read_lookup(Finished(0, b'{"level": "info"}\nend', ""), PURCHASE, CommandOptions()), Unknown
    )


@pytest.mark.parametrize(
    ("carrier", "name"),
    [
        ('"  Own   Vans "', "Own Vans"),
        ('{"name": "UPS"}', "UPS"),
        ("7", "7"),
        ("null", "command"),
        ("[]", "command"),
    ],
)
def test_a_carrier_of_another_form_is_read_or_left_to_the_settings(carrier: str, name: str) -> None:
    made = read(f'{{"tracking": "1", "carrier": {carrier}}}')
    assert isinstance(made, wire.Made)
    assert made.bought.carrier == name


ENCODED = base64.b64encode(PDF).decode()


@pytest.mark.parametrize(
    "text",
    [
        ENCODED,
        f"data:application/pdf;base64,{ENCODED}",
        f"data:application/pdf;charset=utf-8;BASE64,{ENCODED}",
        base64.urlsafe_b64encode(PDF).decode(),
        ENCODED.rstrip("="),
        base64.encodebytes(PDF).decode(),
        base64.encodebytes(PDF).decode().replace("\n", "\r\n"),
        base64.encodebytes(PDF).decode().replace("\n", "\\n"),
        f"  {ENCODED}\n",
        f"data:application/pdf;base64,{ENCODED.replace('+', '%2B').replace('/', '%2F').replace('=', '%3D')}",
    ],
)
def test_a_label_file_as_text_is_decoded_in_every_usual_form(text: str) -> None:
    outcome = bought({"tracking": "1", "label_base64": text})
    assert isinstance(outcome, Bought)
    assert outcome.document is not None
    assert (outcome.document.content, outcome.document.format) == (PDF, LabelFormat.PDF)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (ENCODED[:400] + "...", "damaged or cut off"),
        (ENCODED[:400], "cut off"),
        (ENCODED[:401], "cut off"),
        ("!!" + ENCODED, "damaged"),
        ("aGk=", "unknown kind"),
        ("data:application/pdf;base64", "data URI"),
        ("<omitted>", "damaged"),
    ],
)
def test_a_damaged_label_file_is_kept_as_it_came_and_never_as_a_label(text: str, why: str) -> None:
    outcome = bought({"tracking": "1", "label_base64": text})
    assert isinstance(outcome, Bought), "a bad file does not unmake a purchase"
    assert outcome.document is not None
    assert outcome.document.format is LabelFormat.RAW
    assert why in outcome.document.problem
    assert outcome.document.content


def test_a_label_path_may_be_relative_or_a_file_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my label.pdf").write_bytes(PDF)
    monkeypatch.chdir(tmp_path)
    for path in ("my label.pdf", f"file://{tmp_path}/my%20label.pdf"):
        outcome = bought({"tracking": "1", "label_path": path})
        assert isinstance(outcome, Bought)
        assert outcome.document is not None
        assert outcome.document.content == PDF
        assert outcome.document_source == f"file:{tmp_path}/my label.pdf"


def test_a_pipe_a_folder_or_a_device_is_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    others = set(threading.enumerate())
    for path in (str(tmp_path / "pipe"), str(tmp_path), "/dev/zero", str(tmp_path / "none")):
        outcome = bought({"tracking": "1", "label_path": path})
        assert isinstance(outcome, Bought)
        assert outcome.document is None
    for reader in set(threading.enumerate()) - others:
        reader.join(30)
        assert not reader.is_alive(), "it waits for what may never come"
