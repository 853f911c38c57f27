"""All settings with their types and meanings: the sections are in sections.py.

`packhouse.config.load` fills them from packhouse.toml, the environment and secret files; the classes
read nothing themselves. docs/reference/settings.md is generated from here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    TypeAdapter,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from packhouse.config.customs import CustomsSettings
from packhouse.config.guard import GuardSettings
from packhouse.config.http_server import HttpSettings
from packhouse.config.sections import (
    LedgerSettings,
    LogSettings,
    OperatorSettings,
    ParcelSettings,
    PollSettings,
    ProductSettings,
    RateSettings,
    RetrySettings,
    RuleSettings,
    ShipFromSettings,
    StoreSettings,
    WebhookSettings,
    WorkerSettings,
    _checked_meanings,
    _listed,
)
from packhouse.model.label import LabelFormat

# Options that the section of every account may have, whatever its kind. Adapters do not get them.
SHARED_OPTIONS = ("kind", "free_rates")
_BOOLEAN = TypeAdapter(bool)


class Settings(BaseSettings):
    """All settings. Frozen; app.py receives them and passes on the parts."""

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
        """Read only the arguments: Settings of the same arguments are equal on every machine."""
        return (init_settings,)

    data_dir: Path = Field(default=Path("data"), description="Folder for the database and the label files.")
    share_outbox: bool = Field(
        default=False,
        description="Let the group of the data folder read the outbox, for the program of a printer.",
    )
    provider: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = Field(
        default=("offline",),
        min_length=1,
        description="Provider accounts that sell labels: one name, or several. Their rates are compared.",
    )
    provider_timeout_s: float = Field(
        default=30.0,
        gt=0,
        le=300,
        description="Maximum time for a purchase, a look-up or another request to a provider account, in "
        "seconds, however many calls it takes.",
    )
    provider_settle_s: float = Field(
        default=10.0,
        ge=0,
        description="Seconds after which a purchase without a response is surely completed or dropped.",
    )
    provider_link_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = Field(
        default=(),
        description="Hosts in your own network that links of label files may lead to, each with or without a "
        "port. Public hosts and the provider's own host need no entry.",
    )
    lease_s: float = Field(
        default=120.0,
        gt=0,
        description="Seconds for which a worker leases an order. Must exceed the longest purchase.",
    )
    label_format: Literal[LabelFormat.PDF, LabelFormat.PNG, LabelFormat.ZPL] = Field(
        default=LabelFormat.PDF, description="Format of label files."
    )
    min_free_disk_mb: int = Field(
        default=100,
        ge=0,
        description="Minimum free space in the data folder, in MB. With less, the daemon is not ready.",
    )
    event_retention_days: int = Field(
        default=90,
        ge=31,
        description="Days for which the bodies of webhook events are kept. Must exceed the store's retries.",
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
    customs: CustomsSettings = CustomsSettings()
    parcel: ParcelSettings = ParcelSettings()
    products: tuple[ProductSettings, ...] = Field(default=(), description="Weights and kinds of products.")
    rules: RuleSettings = RuleSettings()
    rates: RateSettings = RateSettings()
    shipping_options: Annotated[dict[str, str], AfterValidator(_checked_meanings)] = Field(
        default_factory=dict,
        description="What a buyer's shipping option means, by its name or id: 'cheapest', 'fastest', "
        "'pickup' (never buys), 'hold' or 'CARRIER/SERVICE'. Usual names are known; others are held.",
    )
    guard: GuardSettings = GuardSettings()
    providers: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="Provider accounts: one section [providers.NAME] for each, with its kind and options.",
    )
    log: LogSettings = LogSettings()

    @field_validator("providers")
    @classmethod
    def _free_rates_are_boolean(cls, value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        for account, options in value.items():
            try:
                _BOOLEAN.validate_python(options.get("free_rates", False))
            except ValidationError:
                raise ValueError(f"{account}.free_rates must be true or false") from None
        return value

    # The origin of each value: the field's path to "PACKHOUSE_..." or a file's name.
    _origins: dict[tuple[str, ...], str] = PrivateAttr(default_factory=dict)

    @field_validator("data_dir")
    @classmethod
    def _is_a_folder(cls, value: Path) -> Path:
        """Env files and systemd do not replace ~ by the home folder, so it is done here."""
        if "\0" in str(value) or not str(value).isprintable():
            raise ValueError("must be the path of a folder, in UTF-8 and without control characters")
        if value.parts[:1] != ("~",):
            return value
        try:
            return value.expanduser()
        except RuntimeError:
            raise ValueError("begins with ~, but this user has no home folder: write it whole") from None

    @property
    def given(self) -> frozenset[tuple[str, ...]]:
        """The paths of the values that come from a source, and are not defaults."""
        return frozenset(self._origins)

    @property
    def ledger_url(self) -> str:
        """The database's URL: SQLite in the data folder unless set.

        The folder's path is a path: `%`, `?` and `#` in it have no meaning, so they are encoded.
        """
        return self.ledger.url or f"sqlite:///{quote(str(self.data_dir / 'packhouse.db'))}"

    @property
    def labels_dir(self) -> Path:
        """The folder of label files."""
        return self.data_dir / "labels"

    def accounts(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """Each provider account's kind and options: first the accounts that sell, then other sections."""
        sections = {name: dict(self.providers.get(name, {})) for name in (*self.provider, *self.providers)}
        return {
            name: (
                str(options.get("kind", name)),
                {key: value for key, value in options.items() if key not in SHARED_OPTIONS},
            )
            for name, options in sections.items()
        }

    def has_free_rates(self, account: str) -> bool:
        """Whether a price of 0.00 is a price at this account; otherwise it counts as none."""
        return bool(_BOOLEAN.validate_python(self.providers.get(account, {}).get("free_rates", False)))
