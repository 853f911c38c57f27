"""The section of the settings for customs declarations."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from packhouse.config.sections import Section
from packhouse.model.tariff import read_tariff_number


class CustomsSettings(Section):
    """Customs declarations of parcels that leave a customs area. A missing fact holds the order."""

    origin_country: str = Field(
        default="",
        pattern="^([A-Z]{2})?$",
        description="Country where goods are made, such as US, unless their [[products]] entry says another.",
    )
    tariff_number: Annotated[str, AfterValidator(read_tariff_number)] = Field(
        default="",
        description="Tariff (HS) number of goods whose [[products]] entry has none, such as 6109.10. "
        "Empty: no number is declared for them.",
    )
    signer: str = Field(default="", description="Name that signs declarations. Empty: ship_from.name.")
    filing_limits_minor: dict[str, int] = Field(
        default_factory=dict,
        description="US exports in other currencies than USD: by currency, the value in minor units of goods "
        "of one tariff number in an order up to which nothing has to be filed. The law says 2500 USD.",
    )
