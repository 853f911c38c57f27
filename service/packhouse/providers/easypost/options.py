"""What an operator sets under [providers.easypost]."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr, field_validator

from packhouse.providers.options import Options, listed


class EasyPostOptions(Options):
    """The account, and which of its carriers to ask."""

    api_key: SecretStr = Field(description="API key of the EasyPost account; a test key buys test labels.")
    url: str = Field(
        default="https://api.easypost.com/v2", description="Base address of EasyPost's interface."
    )
    carrier_accounts: Annotated[tuple[str, ...], BeforeValidator(listed)] = Field(
        default=(),
        description="Ids of carrier accounts (ca_...) to ask for rates; empty: all of the account's.",
    )
    test_mode: bool | None = Field(
        default=None,
        description="true: only a test key is used; false: only a production key; unset: whichever is given.",
    )
    customs_origin: str = Field(
        default="",
        pattern="^([A-Z]{2})?$",
        description="Country where all goods are made, such as US; empty: what leaves for customs is held.",
    )
    customs_hs_code: str = Field(
        default="",
        pattern=r"^(\d{6}[\d.]*)?$",
        description="Tariff number of all goods, six digits or more; empty: none is declared.",
    )
    customs_signer: str = Field(
        default="", description="Who signs customs declarations; empty: ship_from.name."
    )

    @field_validator("api_key")
    @classmethod
    def _is_given(cls, value: SecretStr) -> SecretStr:
        key = value.get_secret_value().strip()
        if not key or not key.isascii() or not key.isprintable():
            raise ValueError("must be the key shown on the EasyPost dashboard, such as EZAK... or EZTK...")
        return SecretStr(key)

    @field_validator("url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        if not value.startswith(("https://", "http://")):
            raise ValueError("must be an address such as https://api.easypost.com/v2")
        return value.rstrip("/")
