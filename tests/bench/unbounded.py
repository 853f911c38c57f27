"""The overload's baseline: the daemon with uvicorn's own protocol, without Packhouse's limits.

`python -m tests.bench.unbounded` runs like `packhouse serve`.
"""

from __future__ import annotations

import sys
from typing import Any, cast

import uvicorn

from packhouse import __main__ as daemon
from packhouse.api.asgi import ASGIApp
from packhouse.api.protocol import ConnectionPolicy
from packhouse.api.server import BoundedServer


class UnboundedServer(BoundedServer):
    """uvicorn as it comes, but for its one limit, on connections in total."""

    def __init__(self, config: uvicorn.Config, app: ASGIApp, policy: ConnectionPolicy) -> None:
        config.limit_concurrency = 2000
        config.app = cast(Any, app)
        config.load()
        uvicorn.Server.__init__(self, config)
        self.policy = policy

    startup = uvicorn.Server.startup
    on_tick = uvicorn.Server.on_tick


if __name__ == "__main__":
    daemon.BoundedServer = UnboundedServer  # type: ignore[misc]
    sys.exit(daemon.main())
