"""The sections of the settings, one class for each: fields with their types and meanings."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import NoDecode

from packhouse.model.order import Address
from packhouse.model.tariff import read_tariff_number
from packhouse.setting_text import listed


class Section(BaseModel):
    """The base class of sections. Unknown names are refused, so that a typing error shows."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _listed(value: Any) -> Any:
    """Read a list written as JSON, or with commas or lines, as the environment and files hold only text."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text.startswith("["):
        try:
            return json.loads(text)
        except ValueError:
            raise ValueError("must be a list, with commas or as JSON") from None
    return listed(text)


_MEANINGS = ("cheapest", "fastest", "pickup", "hold")


def _checked_meanings(table: dict[str, str]) -> dict[str, str]:
    """The meanings of shipping options, in one writing. Raises ValueError, which names the wrong entry."""
    checked: dict[str, str] = {}
    for name, meaning in table.items():
        words = meaning.strip()
        carrier, slash, service = (part.strip() for part in words.partition("/"))
        if words.lower() not in _MEANINGS and not (carrier and slash and service):
            raise ValueError(
                f"{name!r} is mapped to {meaning!r}; the meaning must be {', '.join(_MEANINGS)} or "
                "CARRIER/SERVICE"
            )
        if not name.strip():
            raise ValueError("an entry has no name; write the shipping option's name or id before the =")
        checked[name] = f"{carrier}/{service}" if slash else words.lower()
    return checked


class StoreSettings(Section):
    """The Aly store whose orders Packhouse ships."""

    url: str = Field(
        default="https://aly.store/api/storefront/v1",
        description="Base address of the store's REST API.",
    )
    api_key: SecretStr = Field(
        default=SecretStr(""),
        description="API key with read:orders and write:orders. Also read from ALY_API_KEY.",
    )
    site_slug: str = Field(
        default="", description="Ship only the orders of this site. Empty: all sites of the workspace."
    )
    timeout_s: float = Field(
        default=15.0, gt=0, le=120, description="Maximum time for one response, in seconds."
    )
    rate_limit_per_s: float = Field(
        default=0.0,
        ge=0,
        description="Maximum number of calls to the store per second, even where the store allows more. "
        "0: as many as the store allows, which Packhouse finds out.",
    )
    carrier_names: dict[str, str] = Field(
        default_factory=dict,
        description="Carrier names for the store, for example {UPSDAP = 'UPS'}. Others stay as they are.",
    )

    @field_validator("url")
    @classmethod
    def _is_http(cls, value: str) -> str:
        if not re.match(r"https?://[^/\s]+", value):
            raise ValueError("must be an address such as https://aly.store/api/storefront/v1")
        return value.rstrip("/")

    @field_validator("api_key")
    @classmethod
    def _fits_a_header(cls, value: SecretStr) -> SecretStr:
        key = value.get_secret_value().strip()
        if not (key.isascii() and key.isprintable() and " " not in key):
            raise ValueError("must be the key as the store shows it, without spaces or line breaks")
        return SecretStr(key)

    def name_of(self, carrier: str) -> str:
        """The name to post to the store for this carrier. The case of `carrier_names` does not matter."""
        names = {name.lower(): store_name for name, store_name in self.carrier_names.items()}
        return names.get(carrier.lower(), carrier)


class WebhookSettings(Section):
    """Signed webhooks from the store."""

    secrets: Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_listed)] = Field(
        default=(),
        description="Signing secrets (whsec_...), several during a rotation. Empty: webhooks are refused.",
    )
    tolerance_s: float = Field(
        default=300.0,
        gt=0,
        le=3600,
        description="Maximum difference between a signature's time and the current time, in seconds.",
    )


class LedgerSettings(Section):
    """The database that holds orders, shipments, labels and the journal."""

    url: str = Field(
        default="",
        description="SQLAlchemy URL. Empty: SQLite in the data folder. Several replicas need postgresql+psycopg://...",
    )


class PollSettings(Section):
    """Polling the store and the providers, in addition to webhooks."""

    interval_s: float = Field(
        default=300.0, gt=0, description="Seconds between two polls for orders that sent no webhook."
    )
    recheck_s: float = Field(
        default=3600.0, gt=0, description="Seconds after which an open or held order is checked again."
    )
    overlap_s: float = Field(
        default=3600.0,
        ge=0,
        description="Overlap of a poll with the one before, in seconds before the newest known order.",
    )
    confirm_s: float = Field(
        default=60.0,
        gt=0,
        description="Seconds after a fulfillment is posted until it is confirmed at the store.",
    )
    track_interval_s: float = Field(
        default=21600.0,
        ge=0,
        description="Seconds between two tracking checks of a parcel on its way. A parcel that is out for "
        "delivery is checked more often, one without a first scan or without news more rarely. 0: parcels "
        "are not tracked.",
    )
    full_poll_s: float = Field(
        default=21600.0,
        gt=0,
        description="Seconds between two full polls, which list every order of the last horizon_days.",
    )
    horizon_days: float = Field(
        default=90.0,
        ge=1,
        le=36_500,
        description="How far back a full poll lists orders of every status, in days. Of older orders it "
        "lists those that are pending.",
    )


class RetrySettings(Section):
    """Retries after transient errors."""

    base_s: float = Field(
        default=5.0, gt=0, description="First wait in seconds. It doubles after each failure, with jitter."
    )
    max_s: float = Field(default=900.0, gt=0, description="Maximum wait in seconds.")
    hold_after: int = Field(
        default=40,
        ge=1,
        description="Failures in a row after which an order is held for a person and retried slowly.",
    )


class OperatorSettings(Section):
    """People and programs that may use the operator API."""

    tokens: Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_listed)] = Field(
        default=(), description="name:token pairs, separated by commas. The journal shows the name."
    )

    @field_validator("tokens")
    @classmethod
    def _named(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for pair in value:
            name, colon, token = pair.get_secret_value().partition(":")
            if not colon or not name.strip() or len(token) < 8:
                raise ValueError("each must be name:token with a token of 8 characters or more")
        return value

    def names_by_token(self) -> dict[str, str]:
        """The name for each token."""
        pairs = (pair.get_secret_value().partition(":") for pair in self.tokens)
        return {token: name.strip() for name, _, token in pairs}


class WorkerSettings(Section):
    """Concurrency and shutdown."""

    concurrency: int = Field(
        default=32, ge=1, le=256, description="Number of orders processed at the same time."
    )
    grace_s: float = Field(default=20.0, gt=0, description="Seconds to finish current work after SIGTERM.")
    watchdog_s: float = Field(
        default=60.0,
        ge=0,
        description="Seconds after which a daemon that does nothing but one thing ends itself, so that its "
        "supervisor starts it again. 0: never.",
    )

    @field_validator("watchdog_s")
    @classmethod
    def _is_no_pause(cls, value: float) -> float:
        if 0 < value < 5:
            raise ValueError("must be 5 or more, as a busy machine may pause for seconds; 0 turns it off")
        return value


class ShipFromSettings(Section):
    """The sender's address, printed on labels."""

    name: str = Field(default="", description="Sender's name.")
    company: str = Field(default="", description="Sender's company.")
    street1: str = Field(default="", description="Street and number.")
    street2: str = Field(default="", description="Second address line.")
    city: str = Field(default="", description="City.")
    state: str = Field(default="", description="State or province, if the country has them.")
    zip: str = Field(default="", description="Postal code.")
    country: str = Field(default="US", description="ISO 3166-1 alpha-2 country code.")
    phone: str = Field(default="", description="Phone number. Some carriers require it.")

    @property
    def address(self) -> Address:
        """The sender as an address."""
        return Address(
            name=self.name,
            company=self.company,
            street1=self.street1,
            street2=self.street2,
            city=self.city,
            state=self.state,
            postcode=self.zip,
            country=self.country,
            phone=self.phone,
        )


class ParcelSettings(Section):
    """The parcel of products without a [[products]] entry. Without a weight, their orders are held."""

    weight_g: int | None = Field(
        default=None, gt=0, description="Weight of one unit of an unlisted product, in grams."
    )
    length_mm: int = Field(default=250, gt=0, description="Length of the box, in millimetres.")
    width_mm: int = Field(default=200, gt=0, description="Width of the box, in millimetres.")
    height_mm: int = Field(default=100, gt=0, description="Height of the box, in millimetres.")
    tare_g: int = Field(default=0, ge=0, description="Weight of the empty box, in grams.")
    max_weight_g: int = Field(
        default=30000,
        gt=0,
        description="Maximum weight of a parcel, in grams. Heavier orders get several parcels.",
    )


class ProductSettings(Section):
    """Weight and kind of a product. Of the entries that match a line, the first that sets a field applies."""

    id: str = Field(default="", description="A product id or a variant id.")
    name: str = Field(
        default="", description="A pattern for the product's name, with * and ?. Case does not matter."
    )
    weight_g: int | None = Field(default=None, gt=0, description="Weight of one unit, in grams.")
    digital: bool | None = Field(
        default=None, description="Whether the product is digital, if the store does not say."
    )
    tariff_number: Annotated[str, AfterValidator(read_tariff_number)] = Field(
        default="", description="Tariff (HS) number, such as 6109.10. Empty: customs.tariff_number."
    )
    origin_country: str = Field(
        default="",
        pattern="^([A-Z]{2})?$",
        description="Country where the product is made, such as US. Empty: customs.origin_country.",
    )
    customs_description: str = Field(
        default="", max_length=100, description="What it is, for customs. Empty: the name on the order."
    )
    customs_value_minor: int | None = Field(
        default=None,
        gt=0,
        description="Value of one unit for customs, in minor units of the order's currency, where the order "
        "has no price above 0 for it, such as a gift.",
    )

    @model_validator(mode="after")
    def _matches_something(self) -> ProductSettings:
        if not self.id and not self.name:
            raise ValueError("needs an id or a name pattern")
        return self


class RuleSettings(Section):
    """Which orders may ship."""

    digital_unknown: Literal["hold", "ship", "skip"] = Field(
        default="hold",
        description="What to do with a line if the store does not say whether it is digital.",
    )
    check_address: bool = Field(
        default=True, description="Hold orders whose address lacks a part that its country requires."
    )
    ignored_address_fields: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = Field(
        default=(),
        description="Names of fields in the store's addresses that say nothing about the place. An address "
        "with any other unknown field is held.",
    )


class RateSettings(Section):
    """Which of the offered rates to buy."""

    prefer: Literal["cheapest", "fastest"] = Field(default="cheapest", description="Which rate to buy.")
    services: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = Field(
        default=(), description="Allowed services, as 'CARRIER' or 'CARRIER/SERVICE'. Empty: all."
    )


class LogSettings(Section):
    """Logging."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Lowest level that is logged."
    )
    format: Literal["auto", "json", "text"] = Field(
        default="auto", description="auto: text on a terminal, otherwise JSON."
    )
