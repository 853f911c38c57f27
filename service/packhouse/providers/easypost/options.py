"""The options of an account of the kind easypost."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SecretStr, field_validator

from packhouse.model.tariff import tariff_number
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
        description="Country where all goods are made, such as US. Empty: exports are held.",
    )
    customs_hs_code: str = Field(
        default="",
        description="Tariff number of all goods, six digits or more, such as 6109.10. Empty: no number is "
        "declared.",
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

    @field_validator("customs_origin")
    @classmethod
    def _is_a_country(cls, value: str) -> str:
        code = value.strip().upper()
        if code and not (len(code) == 2 and code.isascii() and code.isalpha()):
            raise ValueError("must be the two letters of a country, such as US")
        return code

    @field_validator("customs_hs_code", mode="before")
    @classmethod
    def _is_a_tariff_number(cls, value: Any) -> Any:
        # TOML reads a number without quotes as a number.
        written = str(value) if type(value) in (int, float) else value
        return tariff_number(written) if isinstance(written, str) and written.strip() else written

    @field_validator("url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        if not value.startswith(("https://", "http://")):
            raise ValueError("must be an address such as https://api.easypost.com/v2")
        return value.rstrip("/")
