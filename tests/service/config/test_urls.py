"""URLs with passwords: no form shows a part, and an ambiguous one is refused in words that show nothing."""

from __future__ import annotations

import pytest

from packhouse.config import effective, secret_values
from packhouse.config.urls import masked_urls
from packhouse.telemetry.redaction import Redactor
from tests.service.config.reading import read, refused

PARTS = ("Ab1", "cd2")

ACCEPTED = [
    "postgresql+psycopg://ph:Ab1cd2@127.0.0.1:1/db",
    "postgresql+psycopg://ph:Ab1%40cd2@127.0.0.1:1/db",
    "postgresql://ph:Ab1/cd2@127.0.0.1:1/db",
    "postgresql://ph:Ab1#cd2@127.0.0.1:1/db",
    "postgresql://ph:Ab1?cd2@127.0.0.1:1/db",
    "postgresql://ph:Ab1:cd2@127.0.0.1:1/db",
    "postgresql://ph:Ab1%cd2@[::1]:5432/db",
    "postgresql://ph@127.0.0.1:1/db?password=Ab1cd2&sslpassword=Ab1x",
    "postgresql://ph:Ab1cd2@/db?host=a:5432&host=b:5432&target_session_attrs=read-write",
]
REFUSED = {
    "postgresql+psycopg://ph:Ab1@cd2@127.0.0.1:1/db": "more than one @",
    "postgresql://ph:Ab1cd2@h/db?password=Ab1@cd2": "more than one @",
    "postgresql://p/h:Ab1cd2@h/db": "contains / or ? before its @",
    "postgresql://ph:Ab1cd2/db": "has no number as the port",
    "postgresql://Ab1:5432,cd2:5432/db": "has no number as the port",
    "postgresql://ph:Ab1cd2@h:port/db": "has no number as the port",
    "postgresql://ph:Ab1 cd2@h/db": "contains a blank",
    "postgres://ph:Ab1cd2@h/db": "must begin with sqlite:/// or postgresql+psycopg://",
    "host=127.0.0.1 user=ph password=Ab1cd2": "must begin with sqlite:/// or postgresql+psycopg://",
    "Ab1cd2": "must begin with sqlite:/// or postgresql+psycopg://",
}


@pytest.mark.parametrize("url", ACCEPTED)
def test_no_part_of_a_password_is_shown_and_all_of_it_is_redacted(url: str) -> None:
    settings = read(PACKHOUSE_LEDGER__URL=url)
    shown = effective(settings)
    redacted = Redactor(secret_values(settings)).text(f"cannot connect to {url}: refused")
    alone = Redactor().text(f"cannot connect to {url}")
    for part in PARTS:
        assert part not in shown
        assert part not in redacted
        assert part not in alone
    assert "ph" in shown, "the user helps to find the mistake"


def test_a_password_is_redacted_as_written_and_decoded() -> None:
    settings = read(PACKHOUSE_LEDGER__URL="postgresql://ph:Ab1%40cd2@h/db")
    assert set(secret_values(settings)) == {"Ab1%40cd2", "Ab1@cd2"}


@pytest.mark.parametrize("url", REFUSED)
def test_an_ambiguous_url_is_refused_without_a_part_of_it(url: str) -> None:
    (line,) = refused(PACKHOUSE_LEDGER__URL=url)
    assert line.startswith("PACKHOUSE_LEDGER__URL ")
    assert REFUSED[url] in line
    assert not any(part in line for part in PARTS)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true"])
def test_a_database_in_memory_is_refused(url: str) -> None:
    (line,) = refused(PACKHOUSE_LEDGER__URL=url)
    assert "forgets every label" in line


def test_the_stores_address_may_not_contain_a_password() -> None:
    lines = refused(PACKHOUSE_STORE__URL="https://ph:Ab1cd2@aly.store/api")
    assert any("contains a user or a password" in line for line in lines)
    assert not any(part in "".join(lines) for part in PARTS)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://key-Ab1@api.example/v2", "https://********@api.example/v2"),
        ("host=h password='Ab1 cd2' user=ph", "host=h password=******** user=ph"),
        ("https://aly.store/api", "https://aly.store/api"),
        ("12 Main St @ Dock 4", "12 Main St @ Dock 4"),
    ],
)
def test_other_texts_with_passwords_are_masked_and_the_rest_stays(text: str, shown: str) -> None:
    assert masked_urls(text) == shown
