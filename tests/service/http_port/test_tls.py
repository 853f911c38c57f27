"""HTTPS: a certificate is trusted if the system does, for the name in the address, at a given address too."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from packhouse import connections as module
from packhouse.http import Connections, httpx
from tests.service.http_port.raw_server import OK, opened

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="there is no openssl to make a certificate"
)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the certificate of label.test, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    made = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=label.test",
    ]
    made += ["-addext", "subjectAltName=DNS:label.test", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(made, cwd=folder, check=True, capture_output=True, timeout=60)
    return folder


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
    module._tls.cache_clear()
    yield
    module._tls.cache_clear()


class Names:
    """`asked` are the names that clients asked for in the handshake, `requests` the heads that came."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []
        self.requests: list[str] = []
        self.port = 0


@asynccontextmanager
async def tls_server(certificate: Path) -> AsyncIterator[Names]:
    names = Names()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    context.sni_callback = lambda _socket, name, _context: names.asked.append(name)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                names.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
                writer.write(OK)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    names.port = server.sockets[0].getsockname()[1]
    try:
        yield names
    finally:
        server.close()


async def asked(connections: Connections, url: str, times: int = 1) -> list[bytes]:
    async with asyncio.timeout(30):
        try:
            return [
                (await connections.exchange("GET", url, [], address="127.0.0.1")).body for _ in range(times)
            ]
        finally:
            await connections.aclose()


async def test_the_name_in_the_address_is_asked_for_and_the_connection_is_kept(
    certificate: Path, trusted: None
) -> None:
    async with tls_server(certificate) as server:
        assert await asked(opened(), f"https://label.test:{server.port}/", 3) == [b"ok"] * 3
    assert server.asked == ["label.test"]
    assert server.requests == [f"GET / HTTP/1.1\r\nHost: label.test:{server.port}\r\n\r\n"] * 3


async def test_a_certificate_of_another_name_is_refused_before_anything_is_sent(
    certificate: Path, trusted: None
) -> None:
    async with tls_server(certificate) as server:
        with pytest.raises(httpx.ConnectError, match=r"not valid for 'other\.test'"):
            await asked(opened(), f"https://other.test:{server.port}/")
    assert server.requests == []


async def test_a_certificate_that_is_not_trusted_is_refused_before_anything_is_sent(
    certificate: Path,
) -> None:
    async with tls_server(certificate) as server:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await asked(opened(), f"https://label.test:{server.port}/")
    assert server.requests == []
