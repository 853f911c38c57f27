"""Text of settings as env files, shells, editors and secret stores leave it."""

from __future__ import annotations

from pathlib import Path

import pytest

from packhouse.setting_text import Kind, UnclearText, cleaned, decoded, listed, name_as_meant, read_text_file

KEY = "PACKHOUSE_STORE__API_KEY"


@pytest.mark.parametrize(
    "text",
    [
        "aly_x",
        '"aly_x"',
        "'aly_x'",
        "\u201caly_x\u201d",
        " aly_x \t",
        "aly_x\r",
        "aly_x\r\n",
        "aly_x\n\n",
        "\ufeffaly_x",
        "\u200baly_x\u00a0",
        "aly_x # the key of May",
        '"aly_x" # the key of May',
        "# the key of May\naly_x\n",
        f"{KEY}=aly_x",
        f"export {KEY}='aly_x'",
        "ALY_API_KEY=aly_x",
        "packhouse_store__api_key = aly_x",
    ],
)
def test_a_key_is_read_without_what_is_certainly_no_part_of_it(text: str) -> None:
    assert cleaned(text, Kind.COMPACT, KEY) == "aly_x"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('"aly_x', "never closed"),
        ('aly_x"', "never opened"),
        ('"aly_x" "aly_y"', "more text after"),
        ("aly_x\naly_y\n", "has 2 lines"),
        ("PACKHOUSE_WEBHOOK__SECRETS=whsec_x", "an assignment to PACKHOUSE_WEBHOOK__SECRETS"),
    ],
)
def test_an_unclear_key_is_refused_with_the_reason_and_without_the_key(text: str, reason: str) -> None:
    with pytest.raises(UnclearText, match=reason) as caught:
        cleaned(text, Kind.COMPACT, KEY)
    assert "aly_" not in str(caught.value)
    assert "whsec_" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"Example Shop"', "Example Shop"),
        ('Bob\'s "Best" Shop', 'Bob\'s "Best" Shop'),
        ("'s-Hertogenbosch", "'s-Hertogenbosch"),
        ('"Bob" & Sons', '"Bob" & Sons'),
        ("12 Main St # 4", "12 Main St # 4"),
        ("/srv/Project #1/data", "/srv/Project #1/data"),
        ('"/data"', "/data"),
    ],
)
def test_a_text_loses_only_the_quotes_around_all_of_it(text: str, value: str) -> None:
    assert cleaned(text, Kind.TEXT) == value


@pytest.mark.parametrize(
    "text",
    [
        "whsec_a,whsec_b",
        "whsec_a\r\nwhsec_b\r\n",
        '"whsec_a","whsec_b"',
        "'whsec_a', whsec_b",
        "# since May, the new one\nwhsec_a # new, since May\nwhsec_b",
        '"whsec_a,whsec_b"',
    ],
)
def test_each_value_of_a_list_is_read_like_one_value(text: str) -> None:
    assert listed(cleaned(text, Kind.LIST)) == ["whsec_a", "whsec_b"]


def test_a_comment_alone_is_no_value() -> None:
    assert cleaned("# still to come", Kind.COMPACT) == ""
    assert cleaned("8080 # the port", Kind.COMPACT) == "8080"


@pytest.mark.parametrize("name", [f"export {KEY}", f"\ufeff{KEY}", f" {KEY} "])
def test_the_name_of_a_variable_is_read_as_it_was_meant(name: str) -> None:
    assert name_as_meant(name) == KEY


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1"])
def test_a_file_is_decoded_where_its_encoding_is_certain(encoding: str) -> None:
    content = "whsec_\u00e9".encode(encoding)
    if encoding in ("utf-16-le", "latin-1"):
        with pytest.raises(UnclearText, match="Save it as UTF-8"):
            decoded(content)
    else:
        assert decoded(content) == "whsec_\u00e9"


def test_a_folder_in_place_of_a_file_is_explained(tmp_path: Path) -> None:
    with pytest.raises(UnclearText, match="is a folder, not a file"):
        read_text_file(str(tmp_path))
