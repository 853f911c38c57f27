"""A purchase in doubt stays in doubt, whatever happens to the order meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from packhouse.errors import OperationRefused
from packhouse.providers.command.adapter import CommandProvider
from packhouse.providers.port import Provider, ProviderContext
from packhouse.sandbox.store.state import StoreOrder, StoreState
from tests.service.house import App, in_house

pytestmark = pytest.mark.usefixtures("engine")


def _blind(runs: Path) -> Callable[[ProviderContext], dict[str, Provider]]:
    """A program that cannot tell whether it bought, and that leaves a mark at each run."""
    script = f"cat >/dev/null; echo run >> {runs}; echo nonsense"
    return lambda context: {"command": CommandProvider.from_settings({"argv": ["sh", "-c", script]}, context)}


def _move(shop: StoreState, order: StoreOrder) -> None:
    shop.change_address(order, {"line1": "77 Other Road"})


def _cancel(shop: StoreState, order: StoreOrder) -> None:
    shop.cancel(order)


@pytest.mark.parametrize("change", [_move, _cancel])
def test_nothing_is_bought_again_and_the_question_stands_when_the_order_changes(
    tmp_path: Path, change: Callable[[StoreState, StoreOrder], None]
) -> None:
    async def story(house: App) -> None:
        order = await house.ship()
        await house.pass_time(30)
        change(house.world.store, order)
        await house.hear(order, "order.updated")
        await house.job()
        await house.pass_time(60)
        assert (tmp_path / "runs").read_text().count("run") == 1
        assert await house.states(order) == ["held"]
        assert [hold.code for hold in await house.standing(order)] == ["purchase_unknown"]

    in_house(story, tmp_path, settings={"provider": "command"}, providers=_blind(tmp_path / "runs"))


def test_once_a_person_has_looked_the_changed_order_ships_afresh(tmp_path: Path) -> None:
    async def story(house: App) -> None:
        order = await house.ship()
        await house.pass_time(30)
        _move(house.world.store, order)
        (hold,) = await house.standing(order)
        with pytest.raises(OperationRefused, match="--not-bought"):
            await house.person_releases(hold, "go on")
        await house.operations.shipments.record_not_bought(
            hold.shipment_id, reason="no label in the account", actor="ada"
        )
        await house.job()
        assert (tmp_path / "runs").read_text().count("run") == 2
        assert (await house.states(order))[0] == "cancelled"

    in_house(story, tmp_path, settings={"provider": "command"}, providers=_blind(tmp_path / "runs"))
