"""All kinds of bulk change, by the name that a plan uses for them."""

from __future__ import annotations

from packhouse_cli.bulk.action import Action
from packhouse_cli.bulk.fulfillments import Fulfillments
from packhouse_cli.bulk.refunds import Refunds
from packhouse_cli.bulk.returns import Returns

ACTIONS: dict[str, Action] = {action.name: action for action in (Fulfillments(), Refunds(), Returns())}
