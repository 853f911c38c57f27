"""What an operator copies agrees with the program: versions, settings, routes, and room to stop in."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from packhouse import __version__
from packhouse.api.hooks import PATHS
from packhouse.configuration import load
from packhouse.settings import Settings

ROOT = Path(__file__).parent.parent
GRACE_S = Settings().worker.grace_s


def compose(name: str) -> dict[str, Any]:
    class Loader(yaml.SafeLoader):
        """Reads compose's own tags as what they hold."""

    Loader.add_constructor("!override", lambda loader, node: loader.construct_sequence(node))
    return dict(yaml.load((ROOT / name).read_text(), Loader))


def manifests() -> dict[str, dict[str, Any]]:
    rows = yaml.safe_load_all((ROOT / "deploy/kubernetes.yaml").read_text())
    return {row["kind"]: row for row in rows}


def test_every_place_names_the_same_version() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pod = manifests()["Deployment"]["spec"]["template"]["spec"]
    assert re.findall(r'image\.version="([^"]+)"', dockerfile) == [__version__]
    assert project["version"] == __version__
    assert compose("docker-compose.yml")["services"]["packhouse"]["image"] == f"packhouse:{__version__}"
    assert compose("deploy/compose.trial.yaml")["services"]["sandbox"]["image"] == f"packhouse:{__version__}"
    assert pod["containers"][0]["image"] == f"packhouse:{__version__}"
    assert f"packhouse:{__version__}" in (ROOT / "deploy/check-image.sh").read_text()


@pytest.mark.parametrize(
    ("file", "service"),
    [
        ("docker-compose.yml", "packhouse"),
        ("deploy/compose.trial.yaml", "sandbox"),
    ],
)
def test_containers_have_no_rights_they_do_not_need(file: str, service: str) -> None:
    told = compose(file)["services"][service]
    assert told["read_only"] is True
    assert told["cap_drop"] == ["ALL"]
    assert told["security_opt"] == ["no-new-privileges:true"]


def test_the_image_runs_as_nobody_in_particular_and_asks_for_its_health() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    last_stage = lines[max(number for number, line in enumerate(lines) if line.startswith("FROM")) :]
    assert "USER 10001:10001" in last_stage
    assert 'ENTRYPOINT ["packhouse"]' in last_stage
    assert any(
        line.startswith("HEALTHCHECK") and '["packhouse", "healthcheck"]' in line for line in last_stage
    )


def test_everything_waits_longer_for_the_end_than_the_work_may_take() -> None:
    service = compose("docker-compose.yml")["services"]["packhouse"]
    pod = manifests()["Deployment"]["spec"]["template"]["spec"]
    unit = (ROOT / "deploy/packhouse.service").read_text()
    assert int(service["stop_grace_period"].removesuffix("s")) > GRACE_S
    assert pod["terminationGracePeriodSeconds"] > GRACE_S
    assert int(re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)[0]) > GRACE_S


def variables(text: str, *, offered: bool = False) -> dict[str, str]:
    """The variables of an env file; `offered`: those in comments too."""
    pattern = r"^#?(PACKHOUSE_\w+)=(.*)$" if offered else r"^(PACKHOUSE_\w+)=(.*)$"
    return dict(re.findall(pattern, text, re.MULTILINE))


def test_the_example_settings_leave_three_values_to_fill_in() -> None:
    given = variables((ROOT / "deploy/packhouse.env.example").read_text())
    assert [name for name, value in given.items() if not value] == [
        "PACKHOUSE_STORE__API_KEY",
        "PACKHOUSE_WEBHOOK__SECRETS",
        "PACKHOUSE_CARRIERS__EASYPOST__API_KEY",
    ]


def test_every_example_setting_is_a_setting() -> None:
    offered = variables((ROOT / "deploy/packhouse.env.example").read_text(), offered=True)
    settings = load(environ={**offered, "PACKHOUSE_CONFIG": "/dev/null", "PACKHOUSE_SECRETS_DIR": ""})
    assert settings.carrier == "easypost"
    assert settings.ship_from.city == "San Francisco"
    assert settings.parcel.weight_g == 400


def test_the_trial_and_the_manifest_use_real_settings(tmp_path: Path) -> None:
    trial = compose("deploy/compose.trial.yaml")["services"]["packhouse"]["environment"]
    secret = manifests()["Secret"]["stringData"]
    file = tmp_path / "packhouse.toml"
    file.write_text(manifests()["ConfigMap"]["data"]["packhouse.toml"])
    assert load(toml_path=file, environ={**secret, "PACKHOUSE_SECRETS_DIR": ""}).parcel.weight_g == 400
    assert load(toml_path=file, environ={**trial, "PACKHOUSE_SECRETS_DIR": ""}).poll.interval_s == 2


def test_the_proxy_lets_the_webhook_through() -> None:
    allowed = re.findall(r"@store path (\S+)", (ROOT / "deploy/Caddyfile").read_text())
    assert allowed
    assert set(allowed) <= PATHS
