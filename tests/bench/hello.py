"""A server that only says hello, a separate program: the least that a Python process with uvicorn costs.

`python -m tests.bench.hello FOLDER`: FOLDER/port is its port, any path answers "ok", and it ends at SIGTERM.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

import uvicorn


async def hello(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Read the body and answer "ok"."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"3")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok\n"})


def main(folder: Path) -> None:
    """Serve until SIGTERM."""
    sock = socket.create_server(("127.0.0.1", 0), backlog=512)
    (folder / "port").write_text(str(sock.getsockname()[1]))
    config = uvicorn.Config(hello, lifespan="off", log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[sock])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
