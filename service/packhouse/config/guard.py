"""The section [guard]: spending limits, and when buying stops."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from packhouse.config.sections import Section

# No order gets more parcels, whatever an operator releases: each is a call, a label and a row.
MOST_PARCELS = 500


class GuardSettings(Section):
    """Limits on spending and on the size of orders, and when to stop buying. Caps are in minor units of
    `currency`. Unset: no cap.
    """

    currency: str = Field(
        default="USD",
        pattern="^[A-Z]{3}$",
        description="Currency of the caps, as ISO 4217 code. Rates in this currency are preferred.",
    )
    max_label_minor: int | None = Field(default=None, ge=0, description="Maximum price of one label.")
    max_order_minor: int | None = Field(
        default=None, ge=0, description="Maximum price of all labels of one order together."
    )
    max_day_minor: int | None = Field(
        default=None, ge=0, description="Maximum spending in any 24 hours, over all sites."
    )
    max_site_day_minor: int | None = Field(
        default=None, ge=0, description="Maximum spending in any 24 hours for the orders of one site."
    )
    max_lines: int = Field(
        default=200, ge=1, description="Maximum lines of an order that ships without a person."
    )
    max_line_units: int = Field(
        default=1000, ge=1, description="Maximum units to ship of one line without a person."
    )
    max_parcels: int = Field(
        default=20,
        ge=1,
        le=MOST_PARCELS,
        description="Maximum parcels of one order without a person, those that have shipped included.",
    )
    max_total_percent: int = Field(
        default=100,
        ge=0,
        le=100_000,
        description="Maximum price of all labels of one order together, in percent of the order's total, "
        "without a person. 0: no such cap.",
    )
    total_exempt_minor: int = Field(
        default=5000,
        ge=0,
        description="Labels of one order that together cost at most this are not compared with its total, "
        "such as the label of a free sample.",
    )
    price_tolerance_percent: float = Field(
        default=10.0,
        ge=0,
        description="Maximum rise of a price above the first offer, in percent, without a person.",
    )
    paused: bool = Field(
        default=False,
        description="Stop buying and posting, even if an operator resumes. Webhooks are still accepted.",
    )
    breaker_threshold: int = Field(
        default=40,
        ge=1,
        description="Refusals in a row after which a provider account gets no more purchases. Must exceed "
        "worker.concurrency, or one lost connection is enough.",
    )
    breaker_cooldown_s: float = Field(
        default=300.0, gt=0, description="Seconds until such a provider account is tried again."
    )

    log_days: int = Field(
        default=35,
        ge=1,
        description="Days for which the guard log in the data folder is kept. After a restore of an older "
        "backup, a person confirms that Packhouse continues.",
    )

    @field_validator(
        "max_label_minor",
        "max_order_minor",
        "max_day_minor",
        "max_site_day_minor",
        "total_exempt_minor",
        mode="before",
    )
    @classmethod
    def _counts_minor_units(cls, value: Any) -> Any:
        if isinstance(value, float) or (isinstance(value, str) and "." in value):
            raise ValueError("must be a whole number of minor units: 4000 is 40.00 USD")
        return value

    @property
    def has_caps(self) -> bool:
        """Whether any cap is set."""
        caps = (self.max_label_minor, self.max_order_minor, self.max_day_minor, self.max_site_day_minor)
        return any(cap is not None for cap in caps)
