"""Bugs that only late or lying answers, or content that no shop means, bring to light. See mutants.py."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from packhouse.steps import buy
from tests.simulation.planting import planted, replaced


@planted
def a_prepared_purchase_is_always_prepared_again() -> Iterator[None]:
    """A purchase of an earlier try is prepared again, so nothing refuses to sell it a second time."""

    def mutated(real: Any) -> Any:
        return lambda context, job, shipment, request: real(
            context, job, dataclasses.replace(shipment, provider_ref="", rate=None), request
        )

    with replaced(buy, "find_offer", mutated):
        yield
