from __future__ import annotations

import socket
import threading

import pytest

from packhouse_cli.commands import healthcheck
from packhouse_cli.exit_codes import Exit
from tests.cli.runner import call, serving


def check(port: int) -> int:
    return call("healthcheck", environ={"PACKHOUSE_HTTP__PORT": str(port)}).code


def test_a_ready_daemon_is_0_and_an_unready_one_is_1() -> None:
    with serving({"GET /readyz": (200, {"status": "ready"})}) as daemon:
        assert check(daemon.port) == Exit.OK
        daemon.answers["GET /readyz"] = (503, {"status": "not ready"})
        assert check(daemon.port) == Exit.UNKNOWN


def test_no_daemon_is_exit_code_1_with_a_line_that_names_the_port() -> None:
    shown = call("healthcheck", environ={"PACKHOUSE_HTTP__PORT": "9"})
    assert shown.code == Exit.UNKNOWN
    assert "port 9" in shown.err


def test_what_does_not_speak_http_is_no_ready_daemon() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            peer, _ = server.accept()
            with peer:
                peer.recv(1000)
                peer.sendall(b"SSH-2.0-OpenSSH\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        assert check(server.getsockname()[1]) == Exit.UNKNOWN
        thread.join()


def test_a_daemon_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(TimeoutError):
        healthcheck.ask("127.0.0.1", server.getsockname()[1], timeout_s=0.05)
