"""Answers that lie, met by a real daemon: a proxy before the store, a label's link, an operator's hold."""

from __future__ import annotations

import http.client
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from packhouse_cli.exit_codes import Exit
from tests.cli.runner import call
from tests.e2e.processes import TOKEN, Services, call_json, wait_for

pytestmark = pytest.mark.e2e

NUMBER = "1Z999AA10123456784"
INSIDE = "http://169.254.169.254/latest/meta-data"
PROGRAM = f"""
import json, pathlib, sys, time
sys.stdin.read()
folder = pathlib.Path(sys.argv[1])
with (folder / "runs").open("a") as runs:
    runs.write("run\\n")
while not (folder / "may-end").exists():
    time.sleep(0.02)
print(json.dumps({{"tracking": "{NUMBER}", "carrier": "UPS", "cost": "5.49", "label_url": "{INSIDE}"}}))
"""


class Proxy(ThreadingHTTPServer):
    """Passes calls on to the sandbox. It answers the first `lies` posts with a page in the store's place."""

    daemon_threads = True

    def __init__(self, sandbox_url: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.sandbox = urlsplit(sandbox_url).netloc
        self.lies = 0
        self.posts: list[tuple[str, bytes]] = []


class _Handler(BaseHTTPRequestHandler):
    server: Proxy

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.command == "POST":
            self.server.posts.append((self.headers["idempotency-key"], body))
            if self.server.lies:
                self.server.lies -= 1
                self._answer(200, "text/html", b"<html><body>Log in to this network</body></html>")
                return
        sandbox = http.client.HTTPConnection(self.server.sandbox, timeout=180)
        sandbox.request(self.command, self.path, body, dict(self.headers))
        answer = sandbox.getresponse()
        self._answer(answer.status, "application/json", answer.read())
        sandbox.close()

    do_GET = do_POST = _pass_on  # noqa: N815 - the names that the base class calls

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def services_behind_a_proxy(folder: Path) -> Iterator[tuple[Services, Proxy]]:
    program = folder / "label.py"
    program.write_text(PROGRAM)
    services = Services(
        folder,
        daemon={
            "PACKHOUSE_PROVIDER": "command",
            "PACKHOUSE_PROVIDERS__COMMAND__ARGV": f"{sys.executable} {program} {folder}",
            "PACKHOUSE_PROVIDER_TIMEOUT_S": "30",
        },
    )
    proxy = Proxy(services.sandbox_url)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        yield services, proxy
    finally:
        services.close()
        proxy.shutdown()
        proxy.server_close()


def test_a_hold_a_page_with_200_and_a_link_to_the_inside_cost_no_label_and_no_false_post(
    tmp_path: Path,
) -> None:
    with services_behind_a_proxy(tmp_path) as (services, proxy):
        proxy.lies = 2
        store = f"http://127.0.0.1:{proxy.server_port}/api/storefront/v1"
        services.start(PACKHOUSE_STORE__URL=store)
        services.place_orders(1, kinds=("plain",))
        wait_for((tmp_path / "runs").exists, "the program to run")
        (order,) = services.api("/api/v1/orders")["orders"]
        environ = {"PACKHOUSE_URL": services.daemon_url, "PACKHOUSE_TOKEN": TOKEN}
        held = call("holds", "place", order["id"], "--reason", "look at it", environ=environ)
        assert held.code == Exit.OK, held.err

        # The operator's hold has revoked the lease; the program's answer is recorded all the same.
        (tmp_path / "may-end").touch()
        wait_for(lambda: services.query("SELECT count(*) FROM labels") == 1, "the label to be recorded")
        why = call("why", order["id"], environ=environ)
        assert NUMBER in why.out, why.err
        assert "It is not known whether the label was bought" not in why.out
        assert proxy.posts == []

        def shown_hold(code: str) -> dict[str, object] | None:
            holds = services.api(f"/api/v1/orders/{order['id']}")["holds"]
            return next((one for one in holds if one["code"] == code and not one["released_at"]), None)

        manual = shown_hold("manual")
        assert manual is not None
        released = call("holds", "release", str(manual["id"]), "--reason", "seen", environ=environ)
        assert released.code == Exit.OK, released.err

        # Two pages with 200 are no post: the same bytes go again under the same key.
        wait_for(
            lambda: services.query("SELECT count(*) FROM shipments WHERE state = 'fulfilled'"), "the post"
        )
        assert len(proxy.posts) == 3
        assert len(set(proxy.posts)) == 1
        own = f"{services.sandbox_url}/api/storefront/v1/merchant/orders/{order['id']}"
        shown = call_json(own, headers={"authorization": "Bearer aly_sandbox"})
        assert {row["tracking_number"] for row in shown["fulfillments"]} == {NUMBER}

        # The link was not opened, the parcel was posted, and the hold names the link's host.
        missing = shown_hold("label_file_missing")
        assert missing is not None
        assert "169.254.169.254, which is not on the public internet" in str(missing["sentence"])
        assert (tmp_path / "runs").read_text() == "run\n"
