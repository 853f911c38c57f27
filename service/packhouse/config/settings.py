"""Everything Packhouse can be told, typed: one class a concern, each field with its meaning.

`packhouse.config.load` fills it from packhouse.toml, the environment and secret files; the class
itself looks at nothing but what it is handed. docs/reference/settings.md is generated from here.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from packhouse.model.label import LabelFormat


class Section(BaseModel):
    """One concern's settings; unknown names are refused, so that a typing error is seen."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _listed(value: Any) -> Any:
    """Read a list written as JSON, or with commas or lines, as environments and files can only carry text."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text.startswith("["):
        try:
            return json.loads(text)
        except ValueError:
            raise ValueError("must be a list, with commas or as JSON") from None
    return [part.strip() for part in re.split(r"[,\n]", text) if part.strip()]


class StoreSettings(Section):
    """The Aly store whose orders are shipped."""

    url: str = Field(
        default="https://aly.store/api/storefront/v1",
        description="Base address of the store's REST interface.",
    )
    api_key: SecretStr = Field(
        default=SecretStr(""),
        description="API key with read:orders and write:orders. Also read from ALY_API_KEY.",
    )
    site_slug: str = Field(
        default="", description="Only this site's orders; empty: every site of the workspace."
    )
    timeout_s: float = Field(
        default=15.0, gt=0, le=120, description="Longest wait for one answer, in seconds."
    )
    rate_limit_per_s: float = Field(
        default=20.0,
        ge=0,
        description="Most calls to the store a second, counted here; 0: no limit of our own.",
    )
    carrier_names: dict[str, str] = Field(
        default_factory=dict,
        description="What the store is told for a carrier's name, for example {UPSDAP = 'UPS'}; others pass.",
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
            raise ValueError("must be the key as the store shows it, without blanks or line breaks")
        return SecretStr(key)

    def name_of(self, carrier: str) -> str:
        """What the store is told for this carrier; `carrier_names` is looked up whatever its case."""
        told = {name.lower(): store_name for name, store_name in self.carrier_names.items()}
        return told.get(carrier.lower(), carrier)


class WebhookSettings(Section):
    """Signed deliveries from the store."""

    secrets: Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_listed)] = Field(
        default=(),
        description="Signing secrets (whsec_...), several during a rotation. None: the route stays closed.",
    )
    tolerance_s: float = Field(
        default=300.0,
        gt=0,
        le=3600,
        description="How far a signature's time may be from now, in seconds, both ways.",
    )


class LedgerSettings(Section):
    """The durable record."""

    url: str = Field(
        default="",
        description="SQLAlchemy address; empty: SQLite in the data folder. For many replicas postgresql+psycopg://...",
    )


class PollSettings(Section):
    """Looking for orders without being told."""

    interval_s: float = Field(default=300.0, gt=0, description="Seconds between two lists of pending orders.")
    recheck_s: float = Field(
        default=3600.0, gt=0, description="Seconds after which an open or held order is looked at again."
    )
    overlap_s: float = Field(
        default=3600.0,
        ge=0,
        description="How far each list reaches back behind the newest order seen, in seconds.",
    )
    confirm_s: float = Field(
        default=60.0,
        gt=0,
        description="Seconds after a shipment is posted until the store is asked to confirm it.",
    )
    track_interval_s: float = Field(
        default=21600.0,
        ge=0,
        description="Seconds between two looks at a parcel's tracker; 0: parcels are not followed.",
    )
    full_poll_s: float = Field(
        default=21600.0, gt=0, description="Seconds between two full lists that ignore what was seen before."
    )


class RetrySettings(Section):
    """Waiting after something transient."""

    base_s: float = Field(default=5.0, gt=0, description="First wait in seconds; it doubles, with jitter.")
    max_s: float = Field(default=900.0, gt=0, description="Longest wait in seconds.")
    hold_after: int = Field(
        default=40,
        ge=1,
        description="Failures in a row after which an order is held for a person and tried slowly.",
    )


class HttpSettings(Section):
    """The daemon's own door."""

    host: str = Field(default="127.0.0.1", description="Address to listen on; 0.0.0.0 in a container.")
    port: int = Field(default=8080, ge=0, le=65535, description="Port to listen on; 0: any free one.")
    docs: bool = Field(
        default=False, description="Whether /docs draws the operator API (loads scripts from the web)."
    )


class OperatorSettings(Section):
    """People and programs that may use the operator API."""

    tokens: Annotated[tuple[SecretStr, ...], NoDecode, BeforeValidator(_listed)] = Field(
        default=(), description="name:token pairs, comma-separated; the name is written to the journal."
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
        """Token to person."""
        pairs = (pair.get_secret_value().partition(":") for pair in self.tokens)
        return {token: name.strip() for name, _, token in pairs}


class WorkerSettings(Section):
    """How much happens at once, and how it ends."""

    concurrency: int = Field(default=16, ge=1, le=256, description="Orders worked on at the same time.")
    grace_s: float = Field(
        default=20.0, gt=0, description="Seconds that work in flight is given to finish after SIGTERM."
    )


class ShipFromSettings(Section):
    """Where parcels leave from; printed on labels."""

    name: str = Field(default="", description="Sender's name.")
    company: str = Field(default="", description="Sender's company.")
    street1: str = Field(default="", description="Street and number.")
    street2: str = Field(default="", description="Second address line.")
    city: str = Field(default="", description="City.")
    state: str = Field(default="", description="State or province, where the country has them.")
    zip: str = Field(default="", description="Postal code.")
    country: str = Field(default="US", description="ISO 3166-1 alpha-2 country code.")
    phone: str = Field(default="", description="Phone number; some carriers require it.")


class ParcelSettings(Section):
    """The fallback parcel: used for what no [[products]] entry covers. No weight: such orders are held."""

    weight_g: int | None = Field(
        default=None, gt=0, description="Weight of one unit of an unlisted product, in grams."
    )
    length_mm: int = Field(default=250, gt=0, description="Length of the box, in millimetres.")
    width_mm: int = Field(default=200, gt=0, description="Width of the box, in millimetres.")
    height_mm: int = Field(default=100, gt=0, description="Height of the box, in millimetres.")
    tare_g: int = Field(default=0, ge=0, description="Weight of the empty box, in grams.")
    max_weight_g: int = Field(
        default=30000, gt=0, description="Heaviest parcel, in grams; more units go into further parcels."
    )


class ProductSettings(Section):
    """What Packhouse should know of a product; the first entry that matches a line counts."""

    id: str = Field(default="", description="A product id or a variant id.")
    name: str = Field(default="", description="A pattern for the product's name, with * and ?, case ignored.")
    weight_g: int | None = Field(default=None, gt=0, description="Weight of one unit, in grams.")
    digital: bool | None = Field(
        default=None, description="Whether it is digital, where the store does not say."
    )

    @model_validator(mode="after")
    def _matches_something(self) -> ProductSettings:
        if not self.id and not self.name:
            raise ValueError("needs an id or a name pattern")
        return self


class RuleSettings(Section):
    """May it ship?"""

    digital_unknown: Literal["hold", "ship", "skip"] = Field(
        default="hold",
        description="What to do with a line of which the store does not say whether it is digital.",
    )
    check_address: bool = Field(
        default=True, description="Hold orders whose address lacks what its country requires."
    )


class RateSettings(Section):
    """Which of the carrier's rates to buy."""

    prefer: Literal["cheapest", "fastest"] = Field(default="cheapest", description="Which rate wins.")
    services: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = Field(
        default=(), description="Allowed services, as 'CARRIER' or 'CARRIER/SERVICE'; empty: all."
    )


class GuardSettings(Section):
    """What may be spent, and when to stop. Caps are in minor units of `currency`; unset: no cap."""

    currency: str = Field(
        default="USD", pattern="^[A-Z]{3}$", description="Currency of the caps, as ISO 4217 code."
    )
    max_label_minor: int | None = Field(default=None, ge=0, description="Most that one label may cost.")
    max_order_minor: int | None = Field(
        default=None, ge=0, description="Most that all labels of one order may cost together."
    )
    max_day_minor: int | None = Field(
        default=None, ge=0, description="Most that may be spent in any 24 hours, over all sites."
    )
    max_site_day_minor: int | None = Field(
        default=None, ge=0, description="Most that may be spent in any 24 hours for the orders of one site."
    )
    price_tolerance_percent: float = Field(
        default=10.0,
        ge=0,
        description="How far a price may rise above the one first offered, in percent, without a person.",
    )
    paused: bool = Field(
        default=False, description="Buy and post nothing, whatever anybody resumes; events are still taken."
    )
    breaker_threshold: int = Field(
        default=20,
        ge=1,
        description="Refusals of a carrier in a row after which it rests; more than worker.concurrency, or "
        "one lost connection is enough.",
    )
    breaker_cooldown_s: float = Field(
        default=300.0, gt=0, description="Seconds for which such a carrier is not asked."
    )

    @property
    def has_caps(self) -> bool:
        """Whether anything is capped."""
        caps = (self.max_label_minor, self.max_order_minor, self.max_day_minor, self.max_site_day_minor)
        return any(cap is not None for cap in caps)


class LogSettings(Section):
    """What is told while running."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least important kind shown."
    )
    format: Literal["auto", "json", "text"] = Field(
        default="auto", description="auto: text on a terminal, JSON elsewhere."
    )


class Settings(BaseSettings):
    """Everything Packhouse can be told. Frozen; handed to app.py, which hands on the parts."""

    model_config = SettingsConfigDict(
        env_prefix="PACKHOUSE_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what it is handed: two Settings of the same arguments are equal wherever they are made."""
        return (init_settings,)

    data_dir: Path = Field(default=Path("data"), description="Folder of the ledger and the label files.")
    provider: str = Field(default="offline", description="Name of the adapter that sells labels.")
    provider_timeout_s: float = Field(
        default=30.0, gt=0, le=300, description="Longest wait for one answer of the carrier, in seconds."
    )
    provider_settle_s: float = Field(
        default=10.0,
        ge=0,
        description="Seconds after which a carrier has surely settled a purchase whose answer was lost.",
    )
    lease_s: float = Field(
        default=120.0,
        gt=0,
        description="Seconds an order belongs to one worker; outlasts the longest upstream call.",
    )
    label_format: LabelFormat = Field(default=LabelFormat.PDF, description="Kind of label file to ask for.")
    min_free_disk_mb: int = Field(
        default=100,
        ge=0,
        description="Free space in the data folder below which the daemon is not ready, in MB.",
    )
    event_retention_days: int = Field(
        default=90,
        ge=31,
        description="Days that bodies of webhook events are kept; longer than the store retries.",
    )
    store: StoreSettings = StoreSettings()
    webhook: WebhookSettings = WebhookSettings()
    ledger: LedgerSettings = LedgerSettings()
    poll: PollSettings = PollSettings()
    retry: RetrySettings = RetrySettings()
    http: HttpSettings = HttpSettings()
    operator: OperatorSettings = OperatorSettings()
    worker: WorkerSettings = WorkerSettings()
    ship_from: ShipFromSettings = ShipFromSettings()
    parcel: ParcelSettings = ParcelSettings()
    products: tuple[ProductSettings, ...] = Field(default=(), description="Weights and kinds of products.")
    rules: RuleSettings = RuleSettings()
    rates: RateSettings = RateSettings()
    guard: GuardSettings = GuardSettings()
    providers: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="One section for each carrier provider: [providers.NAME]."
    )
    log: LogSettings = LogSettings()

    # Where each value came from, in the user's words: path of the field to "PACKHOUSE_..." or a file's name.
    _origins: dict[tuple[str, ...], str] = PrivateAttr(default_factory=dict)

    @property
    def ledger_url(self) -> str:
        """The ledger's address, SQLite in the data folder unless set."""
        return self.ledger.url or f"sqlite:///{self.data_dir / 'packhouse.db'}"

    @property
    def labels_dir(self) -> Path:
        """Where label files are kept."""
        return self.data_dir / "labels"
