"""The HTTP routes of a real daemon: webhooks, health, metrics and the operator API."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import stripe

from tests.e2e.processes import SECRET, Services, call_json, free_port, running_services

pytestmark = pytest.mark.e2e

# The event that the store's documentation shows, with its elided ids filled in.
EVENT = {
    "id": "evt_documented",
    "type": "order.created",
    "created_at": "2026-05-19T08:35:14.000Z",
    "site_slug": "acme",
    "data": {
        "order": {
            "id": "ord_72documented4b",
            "currency": "USD",
            "totals": {"subtotal": 4200, "shipping": 500, "tax": 376, "discount": 0, "total": 5076},
            "buyer": {"email": "buyer@example.com"},
            "items": [
                {
                    "id": "li_1",
                    "product_id": "prod_1",
                    "variant_id": "var_1",
                    "name": "Tee",
                    "quantity": 1,
                    "unit_price": 4200,
                    "subtotal": 4200,
                }
            ],
            "shipping_address": {"country": "US", "state": "CA", "postcode": "94110"},
            "payment": {"provider": "stripe", "intent_id": "pi_1"},
        }
    },
}


def _signed(body: str, at: float, secret: str = SECRET) -> str:
    """Sign as an independent implementation of the same scheme does."""
    t = int(at)
    return f"t={t},v1={stripe.WebhookSignature._compute_signature(f'{t}.{body}', secret)}"


def _post(services: Services, body: str, signature: str | None) -> tuple[int, str]:
    headers = {"content-type": "application/json"} | ({"x-aly-signature": signature} if signature else {})
    request = urllib.request.Request(f"{services.daemon_url}/webhooks/aly", body.encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=180) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_the_documented_event_is_accepted_once_and_forgeries_are_refused(tmp_path: Path) -> None:
    body = json.dumps(EVENT)
    now = time.time()
    good = _signed(body, now)
    with running_services(tmp_path) as services:
        services.start()
        refused = {
            "unsigned": (_post(services, body, None), 400),
            "malformed": (_post(services, body, "v1=abc"), 400),
            "truncated": (_post(services, body, good[:-8]), 400),
            "stale": (_post(services, body, _signed(body, now - 301)), 400),
            "future": (_post(services, body, _signed(body, now + 3600)), 400),
            "other secret": (_post(services, body, _signed(body, now, "whsec_other")), 401),
            "other body": (_post(services, body.replace("4200", "1"), good), 401),
        }
        for name, ((status, output), expected) in refused.items():
            assert status in (400, 401) if name == "truncated" else status == expected, name
            assert len(output) < 100
            assert "ord_" not in output
        assert services.query("SELECT count(*) FROM events") == 0
        assert _post(services, body, good)[0] == 200
        assert _post(services, body, good)[0] == 200
        assert _post(services, body, f"{good},v1={'0' * 64}")[0] == 200
        assert services.query("SELECT count(*) FROM events") == 1
        assert services.query("SELECT wakes FROM orders") == 1


def test_a_signed_body_that_is_no_event_is_stored_as_a_dead_letter(tmp_path: Path) -> None:
    with running_services(tmp_path) as services:
        services.start()
        assert _post(services, "{not json", _signed("{not json", time.time()))[0] == 400
        assert services.query("SELECT count(*) FROM dead_letters") == 1


def test_without_a_secret_the_webhook_route_is_closed_and_the_rest_works(tmp_path: Path) -> None:
    with running_services(tmp_path, PACKHOUSE_WEBHOOK__SECRETS="") as services:
        services.start()
        body = json.dumps(EVENT)
        assert _post(services, body, _signed(body, time.time(), ""))[0] == 503
        checks = call_json(f"{services.daemon_url}/readyz")["checks"]
        assert checks["webhook"][0]["status"] == "warn"


def test_health_metrics_and_the_operator_api_respond(tmp_path: Path) -> None:
    with running_services(tmp_path) as services:
        services.start()
        services.place_orders(10)
        services.wait_until_processed(10)
        assert call_json(f"{services.daemon_url}/livez")["status"] == "pass"
        with urllib.request.urlopen(f"{services.daemon_url}/metrics") as answer:
            metrics = answer.read().decode()
        assert 'packhouse_purchases_total{outcome="bought",provider="easypost"}' in metrics
        with pytest.raises(urllib.error.HTTPError) as refused:
            call_json(f"{services.daemon_url}/api/v1/status")
        assert refused.value.code == 401
        shipped = next(o for o in services.api("/api/v1/orders?phase=shipped")["orders"])
        entries = [e["action"] for e in services.api(f"/api/v1/orders/{shipped['id']}/journal")["entries"]]
        # A poll may be faster than the webhook.
        assert [act for act in entries if act != "event_received"][:4] == [
            "planned",
            "buying",
            "bought",
            "fulfilled",
        ]


def test_the_log_contains_no_secret_and_no_buyer(tmp_path: Path) -> None:
    with running_services(tmp_path) as services:
        daemon = services.start()
        services.place_orders(40)
        services.wait_until_processed(40)
        daemon.end()
        output = daemon.output()
        assert "EZTK_sandbox" not in output
        assert SECRET not in output
        assert "aly_sandbox" not in output
        assert "@example" not in output
        lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
        entries = [line for line in lines if line.get("action") == "bought"]
        assert entries
        assert all(line["order_id"] and line["shipment_id"] for line in entries)


@pytest.mark.parametrize(
    ("setting", "word"),
    [
        ({"PACKHOUSE_POLL__INTERVAL_S": "soon"}, "PACKHOUSE_POLL__INTERVAL_S"),
        ({"PACKHOUSE_PROVIDR": "easypost"}, "PACKHOUSE_PROVIDER"),
        ({"PACKHOUSE_PROVIDER": "pigeon"}, "pigeon"),
        ({"ALY_API_KEY": ""}, "API_KEY"),
        ({"PACKHOUSE_LEDGER__URL": "mysql://x/y"}, "PACKHOUSE_LEDGER__URL"),
        ({"PACKHOUSE_DATA_DIR": "/dev/null/data"}, "PACKHOUSE_DATA_DIR"),
    ],
)
def test_a_wrong_setting_is_named_and_nothing_starts(
    tmp_path: Path, setting: dict[str, str], word: str
) -> None:
    environ = {
        "PATH": "/usr/bin:/bin",
        "ALY_API_KEY": "aly_x",
        "PACKHOUSE_DATA_DIR": str(tmp_path / "data"),
        "PACKHOUSE_HTTP__PORT": str(free_port()),
    } | setting
    ran = subprocess.run(
        [sys.executable, "-m", "packhouse_cli", "serve"],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert ran.returncode == 2, ran.stdout + ran.stderr
    assert word in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (tmp_path / "data" / "packhouse.db").exists()
