"""The numbers: the names that dashboards rely on, bounded series, and states that fall back to zero."""

from __future__ import annotations

from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from packhouse.model.hold import KINDS
from packhouse.model.money import Money
from packhouse.telemetry.metrics import LedgerCounts, Metrics


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_everything_is_counted_under_its_name() -> None:
    metrics = Metrics(CollectorRegistry(), "1.2.3")
    metrics.event("order.created", "accepted")
    metrics.purchase("easypost", "bought")
    metrics.spent(Money(512, "USD"))
    metrics.spent(Money(88, "USD"))
    metrics.step("buy", 0.2, "done")
    metrics.call("store", "orders.get", "200", 0.05)
    assert value(metrics, "packhouse_events_total", type="order", outcome="accepted") == 1
    assert value(metrics, "packhouse_purchases_total", provider="easypost", outcome="bought") == 1
    assert value(metrics, "packhouse_label_spend_minor_total", currency="USD") == 600
    assert value(metrics, "packhouse_step_seconds_count", step="buy", outcome="done") == 1
    assert (
        value(metrics, "packhouse_upstream_calls_total", upstream="store", call="orders.get", outcome="200")
        == 1
    )
    assert (
        value(metrics, "packhouse_upstream_request_duration_seconds_sum", upstream="store", call="orders.get")
        == 0.05
    )
    assert value(metrics, "packhouse_build_info", version="1.2.3") == 1


def test_unknown_event_types_cannot_increase_the_number_of_series() -> None:
    metrics = Metrics(CollectorRegistry())
    for number in range(50):
        metrics.event(f"family{number}.created", "ignored")
    assert value(metrics, "packhouse_events_total", type="other", outcome="ignored") == 50


def test_each_kind_of_hold_has_a_series_before_its_first_hold() -> None:
    metrics = Metrics(CollectorRegistry())
    metrics.set_counts(LedgerCounts({}, {}, {"no_rate": 2}))
    shown = {code.value: value(metrics, "packhouse_holds", code=code.value) for code in KINDS}
    assert shown == {code.value: 2 if code.value == "no_rate" else 0 for code in KINDS}


def test_a_state_without_orders_is_zero() -> None:
    metrics = Metrics(CollectorRegistry())
    metrics.set_counts(LedgerCounts({"open": 4}, {"buying": 1}, {"no_rate": 2}, 3, 12.5, 1))
    metrics.set_counts(LedgerCounts({"shipped": 4}))
    assert value(metrics, "packhouse_orders", phase="open") == 0
    assert value(metrics, "packhouse_orders", phase="shipped") == 4
    assert value(metrics, "packhouse_shipments", state="buying") == 0
    assert value(metrics, "packhouse_holds", code="no_rate") == 0
    assert value(metrics, "packhouse_queue_age_seconds") == 0
    assert value(metrics, "packhouse_orders_due") == 0


def test_a_scrape_without_the_ledger_keeps_the_last_counts_and_reports_it() -> None:
    metrics = Metrics(CollectorRegistry())
    metrics.set_counts(LedgerCounts({"open": 4}))
    metrics.ledger_is_down()
    assert value(metrics, "packhouse_ledger_up") == 0
    assert value(metrics, "packhouse_orders", phase="open") == 4


def test_the_text_is_what_prometheus_reads() -> None:
    metrics = Metrics(CollectorRegistry(), "1.2.3")
    metrics.event("order.created", "accepted")
    families = {family.name: family for family in text_string_to_metric_families(metrics.render().decode())}
    assert families["packhouse_events"].samples[0].value == 1
    assert families["packhouse_build_info"].samples[0].labels == {"version": "1.2.3"}
    assert "process_resident_memory_bytes" in families


def test_two_daemons_of_one_process_count_apart() -> None:
    one, other = Metrics(CollectorRegistry()), Metrics(CollectorRegistry())
    one.purchase("offline", "bought")
    assert value(other, "packhouse_purchases_total", provider="offline", outcome="bought") is None


def test_no_answer_of_a_provider_can_add_a_series_or_a_line() -> None:
    metrics = Metrics(CollectorRegistry(), accounts=["easypost"])
    forged = 'X"} 1\npackhouse_up{a="\x1b[2J\u202e'
    for number in range(50):
        metrics.spent(Money(100, f"Q{number}{forged}"))
        metrics.spent(Money(100, f"Q{chr(65 + number % 26)}X"))
        metrics.purchase(f"account-{number}{forged}", "bought")
        metrics.parcel(f"account-{number}", "delivered")
        metrics.call("easypost", f"call {number}{forged}", str(600 + number), 0.1)
        metrics.set_counts(LedgerCounts({f"phase{number}": 1}, {f"state{number}": 1}, {f"hold{number}": 2}))
    assert value(metrics, "packhouse_label_spend_minor_total", currency="other") == 10_000
    assert value(metrics, "packhouse_purchases_total", provider="other", outcome="bought") == 50
    assert value(metrics, "packhouse_parcel_outcomes_total", provider="other", outcome="delivered") == 50
    assert (
        value(metrics, "packhouse_upstream_calls_total", upstream="easypost", call="other", outcome="other")
        == 50
    )
    assert value(metrics, "packhouse_orders", phase="other") == 1
    assert value(metrics, "packhouse_holds", code="other") == 2
    text = metrics.render().decode()
    assert "\x1b" not in text
    assert "forged" not in text
    assert len(text.splitlines()) < 250


def test_an_adapter_that_gives_each_call_a_new_name_is_bounded_too() -> None:
    metrics = Metrics(CollectorRegistry())
    for number in range(3000):
        metrics.call("own", f"call{number}", "200", 0.1)
    shown = [line for line in metrics.render().decode().splitlines() if "upstream_calls_total{" in line]
    assert len(shown) == 1001
    assert (
        value(metrics, "packhouse_upstream_calls_total", upstream="other", call="other", outcome="other")
        == 2000
    )
