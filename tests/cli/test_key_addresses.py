"""A packhouse.toml that merely lies in the current folder decides nothing about where keys are sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from packhouse_cli.exit_codes import Exit, UsageError
from packhouse_cli.user.settings import CliSettings
from tests.cli.runner import FakePeer, call, serving

KEYS = {"ALY_API_KEY": "aly_mine_and_secret", "PACKHOUSE_SECRETS_DIR": ""}
TOKEN = {"PACKHOUSE_TOKEN": "op_mine_and_secret", "PACKHOUSE_SECRETS_DIR": ""}


@pytest.fixture
def thief() -> Iterator[FakePeer]:
    """A server that answers everything with 404 and keeps what it was asked."""
    with serving({}) as peer:
        yield peer


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def plant(folder: Path, peer: FakePeer) -> Path:
    """A file that would send every key to this peer."""
    file = folder / "packhouse.toml"
    file.write_text(
        f'url = "{peer.url}"\n'
        f'[store]\nurl = "{peer.url}/api/storefront/v1"\n'
        f'[http]\nhost = "127.0.0.1"\nport = {peer.port}\n'
    )
    return file


LINES = (
    ("status",),
    ("why", "ord_1"),
    ("holds", "list"),
    ("shipments", "list"),
    ("labels", "get", "ord_1"),
    ("events", "list"),
    ("tail",),
    ("pause", "--reason", "r"),
    ("orders", "list"),
    ("orders", "get", "ord_1"),
    ("orders", "refund", "ord_1", "--amount", "1.00", "--yes"),
    ("webhooks", "list"),
    ("doctor",),
    ("reconcile",),
)


@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_no_command_sends_a_key_of_the_environment_to_an_address_of_the_current_folder(
    folder: Path, thief: FakePeer, line: tuple[str, ...]
) -> None:
    plant(folder, thief)
    shown = call(*line, environ=KEYS | TOKEN)
    assert shown.code in (Exit.USAGE, Exit.CHECKS_FAILED), shown.err
    assert "--config" in shown.out + shown.err
    assert [headers for _, headers in thief.asked if "authorization" in headers] == []


@pytest.mark.parametrize("way", ["option", "variable", "environment", "own key", "default"])
def test_a_file_that_was_named_an_address_of_the_environment_and_a_key_of_the_file_are_used(
    folder: Path, thief: FakePeer, way: str
) -> None:
    file = plant(folder, thief)
    environ, more = dict(KEYS), ()
    if way == "option":
        more = ("--config", "packhouse.toml")
    elif way == "variable":
        environ["PACKHOUSE_CONFIG"] = "packhouse.toml"
    elif way == "environment":
        environ["PACKHOUSE_STORE__URL"] = f"{thief.url}/api/storefront/v1"
    elif way == "own key":
        del environ["ALY_API_KEY"]
        file.write_text(file.read_text().replace("[store]", '[store]\napi_key = "aly_of_the_file"'))
    else:
        file.write_text('[store]\nurl = "https://aly.store/api/storefront/v1"\n')
        assert CliSettings(environ).api_key == KEYS["ALY_API_KEY"]
        return
    call("orders", "get", "ord_1", *more, environ=environ)
    (sent,) = {headers["authorization"] for _, headers in thief.asked}
    assert sent == ("Bearer aly_of_the_file" if way == "own key" else f"Bearer {KEYS['ALY_API_KEY']}")


@pytest.mark.parametrize("key", ["key", "token"])
def test_a_profiles_key_and_the_environments_are_kept_apart_by_address(
    folder: Path, thief: FakePeer, key: str
) -> None:
    plant(folder, thief)
    environ = {"HOME": str(folder), "SHOP_KEY": "aly_shop", "PACKHOUSE_SECRETS_DIR": ""}
    address = "--store-url" if key == "key" else "--daemon-url"
    call("profile", "add", "shop", f"--{key}-env", "SHOP_KEY", "--use", environ=environ)
    read = CliSettings.api_key.fget if key == "key" else CliSettings.token.fget
    assert read is not None
    with pytest.raises(UsageError, match="is for"):
        read(CliSettings(environ))
    call("profile", "add", "own", address, thief.url, "--use", environ=environ)
    variable = "ALY_API_KEY" if key == "key" else "PACKHOUSE_TOKEN"
    assert read(CliSettings(environ | {variable: "of_env"})) == "of_env", "the profile names the address"


@pytest.mark.parametrize("setting", ["url", "host", "port"])
def test_each_setting_that_decides_where_the_token_goes_is_guarded(folder: Path, setting: str) -> None:
    value = {
        "url": 'url = "http://h.example"',
        "host": '[http]\nhost = "h.example"',
        "port": "[http]\nport = 81",
    }
    (folder / "packhouse.toml").write_text(value[setting])
    with pytest.raises(UsageError, match=r"--config"):
        CliSettings(TOKEN).token  # noqa: B018
    with pytest.raises(UsageError, match=r"--config|No operator token"):
        CliSettings({"PACKHOUSE_OPERATOR__TOKENS": "ann:x", "PACKHOUSE_SECRETS_DIR": ""}).token  # noqa: B018
    assert CliSettings(TOKEN | {"PACKHOUSE_URL": "http://mine"}).token == TOKEN["PACKHOUSE_TOKEN"]


def test_a_redirect_carries_no_key_anywhere(thief: FakePeer) -> None:
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    class Redirecting(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.send_response(307)
            self.send_header("Location", f"{thief.url}{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST = _answer  # noqa: N815 - the names that http.server looks for

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Redirecting)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    environ = KEYS | TOKEN | {"PACKHOUSE_URL": url, "PACKHOUSE_STORE__URL": f"{url}/api/storefront/v1"}
    try:
        for line in (("status",), ("orders", "get", "ord_1"), ("labels", "get", "ord_1"), ("orders", "list")):
            assert call(*line, environ=environ).code != 0
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert thief.asked == []
