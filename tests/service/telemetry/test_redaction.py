"""The redaction hides values, and leaves the words of ordinary sentences."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import packhouse
import packhouse_cli
from packhouse.telemetry.redaction import HIDDEN, Redactor

# Public values of the sandbox have the shape of secrets.
_SANDBOX = ("aly_sandbox", "whsec_sandbox", "EZTK_sandbox")


def sentences() -> Iterator[tuple[str, str]]:
    """Every text in our own code, which is what our messages are made of."""
    for package in (packhouse, packhouse_cli):
        root = Path(str(package.__file__)).parent
        for file in sorted(root.rglob("*.py")):
            # Patterns of secrets are no sentences, and the sandbox has no secrets.
            if file.name in ("redaction.py", "secret_shapes.py") or "sandbox" in file.parts:
                continue
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield f"{file.relative_to(root)}:{node.lineno}", node.value


def test_no_sentence_of_ours_is_changed() -> None:
    redactor = Redactor()
    changed = {
        where: (text, shown)
        for where, text in sentences()
        if text.isprintable() and text not in _SANDBOX and (shown := redactor.text(text)) != text
    }
    assert changed == {}


@pytest.mark.parametrize(
    "text",
    [
        "The token is missing. Send the header Authorization: Bearer TOKEN.",
        "The bearer token is missing or unknown.",
        "a bearer of news",
        "Basic settings are in packhouse.toml",
        "PACKHOUSE_TOKEN: the part after the name and the colon",
        "the secret: it is shown once",
        "export PACKHOUSE_WEBHOOK__SECRETS=whsec_...",
        "postgresql+psycopg://USER:PASSWORD@HOST:5432/DATABASE",
        "signature wrong: check the secret",
    ],
)
def test_a_word_about_a_secret_stays(text: str) -> None:
    assert Redactor().text(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "Bearer canary",
        "Authorization: Bearer canary-1",
        "authorization=Token canary1234",
        "{'authorization': 'Bearer canary'}",
        "Authorization: Basic Y2FuYXJ5OmNhbmFyeQ==",
        "Y: Basic dXNlcjpjYW5hcnk=",
        "aly_live_canary12",
        "aly_live-canary12",
        "aly_oauth_eyJh.canary-12.canary",
        "whsec_canary",
        "EZTKcanary12",
        "EZAKcanary12",
        "X-API-Key: canary",
        "Cookie: theme=dark; session=canary",
        "Set-Cookie: session=canary; Path=/",
        "t=1748112900, v1=" + "ca" * 32,
        "confirmation_token=canary",
        '{"confirmation_token": "canary", "id": 1}',
        "{'client_secret': 'canary'}",
        "https://x/?api_key=canary&limit=5",
        "host=h password=ca'nary&canary user=u",
        "host=h password='ca nary canary' user=u",
        "postgresql://u:ca@nary/canary@h/db",
        "https://canary@api.example/v2",
        "postgresql://u@h/db?password=canary&sslpassword=canary",
    ],
)
def test_every_shape_of_a_secret_is_hidden_whole(text: str) -> None:
    shown = Redactor().text(f"before {text} after")
    assert HIDDEN in shown
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    assert not any(part in shown for part in ("canary", "nary", "Y2Fu", "caca", "dXNl"))


def test_whether_a_secret_is_set_is_no_secret() -> None:
    line = Redactor()(None, "info", {"has_token": True, "token": None, "api_key": "canary"})
    assert line == {"has_token": True, "token": None, "api_key": HIDDEN}


def test_a_line_with_a_secret_in_one_text_is_not_taken_for_a_plain_one() -> None:
    redactor = Redactor(["hunter22"])
    for value in ("hunter22", "HUNTER22 hunter22", "Bearer 0123456789abcdef", "ann@example.com", "\x1b[31m"):
        line = {"event": "sent", "number": 7, "why": value}
        first = redactor(None, "info", dict(line))
        assert redactor(None, "info", dict(line)) == first, "names that are known by now changed the line"
        assert value not in str(dict(first))
        assert (first["event"], first["number"]) == ("sent", 7)


def test_a_hidden_name_stays_hidden_among_plain_texts() -> None:
    redactor = Redactor()
    for _ in range(2):
        assert redactor(None, "info", {"event": "x", "city": "Denver", "token": "abc"}) == {
            "event": "x",
            "token": HIDDEN,
        }
