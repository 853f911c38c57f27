"""The options of an account of the kind easypost."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr, field_validator

from packhouse.providers.options import Options, listed


class EasyPostOptions(Options):
    """The account and how its labels are bought."""

    api_key: SecretStr = Field(description="API key of the EasyPost account. A test key buys test labels.")
    url: str = Field(default="https://api.easypost.com/v2", description="Base address of EasyPost's API.")
    carrier_accounts: Annotated[tuple[str, ...], BeforeValidator(listed)] = Field(
        default=(),
        description="Ids of carrier accounts (ca_...) to get rates from. Empty: all carrier accounts.",
    )
    test_mode: bool | None = Field(
        default=None,
        description="true accepts only a test key, false only a production key. Unset: both.",
    )
    customs_origin: str = Field(
        default="",
        pattern="^([A-Z]{2})?$",
        description="Country where all goods are made, such as US. Empty: exports are held.",
    )
    customs_hs_code: str = Field(
        default="",
        pattern=r"^(\d{6}[\d.]*)?$",
        description="Tariff number of all goods, six digits or more. Empty: no number is declared.",
    )
    customs_signer: str = Field(
        default="", description="Name that signs customs declarations. Empty: ship_from.name."
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
