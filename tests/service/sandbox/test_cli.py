"""The sandbox as a process: its URL, connections that are reset or hang, a clean shutdown."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from packhouse.http import httpx
from packhouse.sandbox.cli import run

_START = "import sys; from packhouse.sandbox.cli import run; sys.exit(run(sys.argv[1:]))"
STORE = {"authorization": "Bearer aly_sandbox"}


def _start(folder: Path, *more: str) -> tuple[subprocess.Popen[str], str]:
    """A running sandbox and its address."""
    file = folder / "port.txt"
    process = subprocess.Popen(
        [sys.executable, "-c", _START, "--port", "0", "--port-file", str(file), *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + 120
    while not (file.exists() and file.read_text().endswith("\n")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "the sandbox did not start"
        time.sleep(0.02)
    return process, f"http://127.0.0.1:{file.read_text().strip()}"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    process, address = _start(tmp_path_factory.mktemp("sandbox"), "--orders", "5", "--seed", "3")
    yield address
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.fixture
def client(base: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=base, timeout=60) as client:
        yield client
        client.post("/sandbox/faults/clear")


def _trigger(client: httpx.Client, fault: str) -> None:
    assert client.post("/sandbox/faults", json={fault: {"next": 1}}).status_code == 200


def test_the_requested_orders_exist_at_the_start(client: httpx.Client) -> None:
    page = client.get("/api/storefront/v1/merchant/orders?limit=100", headers=STORE).json()
    assert len(page["orders"]) == 5


def test_a_reset_connection_fails_one_call_and_the_next_call_works(client: httpx.Client) -> None:
    for when in ("before", "after"):
        _trigger(client, f"store.reset_{when}_effect")
        with pytest.raises(httpx.ReadError):
            client.get("/api/storefront/v1/merchant/orders", headers=STORE)
        assert client.get("/api/storefront/v1/merchant/orders", headers=STORE).status_code == 200


def test_a_call_without_a_response_times_out_at_the_client(client: httpx.Client) -> None:
    _trigger(client, "store.no_response_after_effect")
    with pytest.raises(httpx.ReadTimeout):
        client.get("/api/storefront/v1/merchant/orders", headers=STORE, timeout=httpx.Timeout(60, read=0.3))
    assert client.get("/api/storefront/v1/merchant/orders", headers=STORE).status_code == 200


def test_a_reference_with_slashes_works_over_http(client: httpx.Client) -> None:
    to = {"name": "A", "street1": "1 Oak", "city": "Austin", "state": "TX", "zip": "78704", "country": "US"}
    parts = {"to_address": to, "from_address": to, "parcel": {"weight": 4}, "reference": "ord_1/1/1"}
    key = {"authorization": "Bearer EZTK_sandbox"}
    made = client.post("/easypost/v2/shipments", json={"shipment": parts}, headers=key).json()
    found = client.get("/easypost/v2/shipments/ord_1%2F1%2F1", headers=key).json()
    assert found["id"] == made["id"]
    rate = {"rate": {"id": made["rates"][0]["id"]}}
    bought = client.post(f"/easypost/v2/shipments/{made['id']}/buy", json=rate, headers=key).json()
    label = httpx.get(bought["postage_label"]["label_url"])
    assert label.content.startswith(b"\x89PNG")


def test_webhooks_reach_a_listener(client: httpx.Client) -> None:
    async def listen() -> list[bytes]:
        got: list[bytes] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            got.append(await reader.readexactly(length))
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
        await asyncio.to_thread(client.post, "/sandbox/webhook", json={"url": url})
        # A tenth of the orders sends no webhooks.
        await asyncio.to_thread(client.post, "/sandbox/orders", json={"count": 20, "kinds": ["plain"]})
        for _ in range(3000):
            await asyncio.sleep(0.02)
            if len(got) >= 12:
                break
        server.close()
        return got

    got = asyncio.run(listen())
    assert len(got) >= 12
    assert all(b'"type":"order.created"' in body for body in got)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_before_it_serves_stops_the_sandbox_too(tmp_path: Path, number: signal.Signals) -> None:
    file = tmp_path / "port"
    os.mkfifo(file)  # the sandbox waits for its reader, just before it serves
    with subprocess.Popen(
        [sys.executable, "-c", _START, "--port", "0", "--port-file", str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline()
            process.send_signal(number)
            assert file.read_text().strip().isdigit()
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, err) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_sandbox_cleanly_even_while_a_call_hangs(
    tmp_path: Path, number: signal.Signals
) -> None:
    process, address = _start(
        tmp_path, "--orders", "3", "--rate", "1", "--fault", "store.no_response_before_effect=1"
    )
    with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2]))) as hanging:
        hanging.sendall(b"GET /api/storefront/v1/merchant/orders HTTP/1.1\r\nhost: x\r\n\r\n")
        time.sleep(0.1)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in err
    assert f"export PACKHOUSE_STORE__URL={address}/api/storefront/v1" in out
    assert f"export PACKHOUSE_PROVIDERS__EASYPOST__URL={address}/easypost/v2" in out


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--fault", "easypost.refused_addresses=1"], "Did you mean 'easypost.refuse'?"),
        (["--fault", "easypost.refuse=2"], "is not a probability"),
        (["--poll-only-share", "3"], "--poll-only-share is a share"),
        (["--orders", "-1"], "--orders must be a number of 0 or more"),
        (["--transit-s", "-1"], "--transit-s must be a number of 0 or more"),
        (["--rate", "nan"], "--rate must be a number of 0 or more"),
        (["--webhook-url", "nowhere"], "--webhook-url is a URL"),
    ],
)
def test_a_wrong_argument_exits_with_2_and_names_the_correction(
    argv: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(argv) == 2
    assert said in capsys.readouterr().err


def test_a_taken_port_exits_with_1_and_names_the_option(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert run(["--port", str(taken.getsockname()[1])]) == 1
    assert "another --port" in capsys.readouterr().err
