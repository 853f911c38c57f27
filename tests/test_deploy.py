"""What an operator copies agrees with the program: versions, settings, routes, and room to stop in."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from packhouse import __version__
from packhouse.api.webhooks import is_webhook_path
from packhouse.config import load
from packhouse.config.settings import Settings
from packhouse_cli.user.settings import CliSettings

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
        ("docker-compose.yml", "replica"),
        ("docker-compose.yml", "postgres"),
        ("docker-compose.yml", "proxy"),
        ("deploy/compose.trial.yaml", "sandbox"),
    ],
)
def test_containers_have_no_permissions_they_do_not_need(file: str, service: str) -> None:
    found = compose(file)["services"][service]
    assert found["read_only"] is True
    assert found["cap_drop"] == ["ALL"]
    assert found["security_opt"] == ["no-new-privileges:true"]


def test_the_image_runs_as_an_unprivileged_user_with_a_health_check() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    last_stage = lines[max(number for number, line in enumerate(lines) if line.startswith("FROM")) :]
    assert "USER 10001:10001" in last_stage
    assert 'ENTRYPOINT ["packhouse"]' in last_stage
    assert any(
        line.startswith("HEALTHCHECK") and '["packhouse", "healthcheck"]' in line for line in last_stage
    )


def test_the_image_is_built_from_all_that_the_wheel_is_made_of() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"}
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    copied = {name for line in lines if line.startswith("COPY ") for name in line.split()[1:-1]}
    for part in (*wheel["packages"], *wheel["shared-data"]):
        for names in (allowed, copied):
            assert any(part == name or part.startswith(f"{name}/") for name in names), f"{part}: {names}"


def test_every_stop_timeout_exceeds_the_grace_period() -> None:
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
        "PACKHOUSE_PROVIDERS__EASYPOST__API_KEY",
    ]


def test_every_example_setting_is_a_setting() -> None:
    offered = variables((ROOT / "deploy/packhouse.env.example").read_text(), offered=True)
    settings = load(environ={**offered, "PACKHOUSE_CONFIG": "/dev/null", "PACKHOUSE_SECRETS_DIR": ""})
    assert settings.provider == ("easypost",)
    assert settings.ship_from.city == "San Francisco"
    assert settings.parcel.weight_g == 400


def test_the_trial_and_the_manifest_use_real_settings(tmp_path: Path) -> None:
    trial = compose("deploy/compose.trial.yaml")["services"]["packhouse"]["environment"]
    secret = manifests()["Secret"]["stringData"]
    file = tmp_path / "packhouse.toml"
    file.write_text(manifests()["ConfigMap"]["data"]["packhouse.toml"])
    assert load(toml_path=file, environ={**secret, "PACKHOUSE_SECRETS_DIR": ""}).parcel.weight_g == 400
    assert load(toml_path=file, environ={**trial, "PACKHOUSE_SECRETS_DIR": ""}).poll.interval_s == 2


def unit(name: str) -> list[str]:
    """Every value of a name in the systemd unit."""
    return re.findall(rf"^{name}=(.*)$", (ROOT / "deploy/packhouse.service").read_text(), re.MULTILINE)


def recipe(section: str) -> str:
    """The commands of a section of the deploy guide, in order."""
    text = (ROOT / "deploy/README.md").read_text().split(f"## {section}\n")[1].split("\n## ")[0]
    return "".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))


def test_every_credential_of_the_unit_is_a_secret_setting_read_from_its_folder(tmp_path: Path) -> None:
    assert "PACKHOUSE_SECRETS_DIR=%d" in unit("Environment")
    names = [value.split(":")[0] for value in unit("#?LoadCredential")]
    assert "PACKHOUSE_STORE__API_KEY" in names
    given = {"PACKHOUSE_OPERATOR__TOKENS": "ops:token-of-ops"}
    for name in names:
        (tmp_path / name).write_text(given.get(name, "key-of-this-test") + "\n")
    settings = load(environ={"PACKHOUSE_CONFIG": "/dev/null", "PACKHOUSE_SECRETS_DIR": str(tmp_path)})
    assert settings.store.api_key.get_secret_value() == "key-of-this-test"
    assert set(settings.operator.names_by_token()) == {"token-of-ops"}


def test_the_recipe_makes_what_the_unit_needs_before_it_starts_it() -> None:
    commands = recipe("systemd")
    start = commands.index("systemctl enable --now packhouse")
    needed = [value.split(":")[1] for value in unit("LoadCredential")]
    for path in (
        *needed,
        *unit("WorkingDirectory"),
        "/etc/systemd/system/packhouse.service",
        "daemon-reload",
    ):
        assert path in commands[:start], path
    # The service's user enters the folder of the settings, and only root that of the secrets.
    assert "install -d -m 0755 /etc/packhouse\n" in commands
    assert "install -d -m 0700 /etc/packhouse/secrets" in commands
    assert "umask 077" in commands
    assert (
        f"useradd --system --home-dir /var/lib/packhouse --shell /usr/sbin/nologin {unit('User')[0]}"
        in commands
    )


@pytest.mark.parametrize("tool", ["verify", "security"])
def test_systemd_accepts_the_unit(tool: str, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd is not installed")
    text = (ROOT / "deploy/packhouse.service").read_text()
    file = tmp_path / "packhouse.service"
    file.write_text(text.replace("/opt/packhouse/bin/packhouse", "/bin/true"))
    asked = [analyze, tool, *(["--offline=true", "--threshold=20"] if tool == "security" else []), str(file)]
    done = subprocess.run(asked, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Unknown" not in done.stderr


def test_commands_inside_a_container_find_an_operator_token() -> None:
    secret = manifests()["Secret"]["stringData"]
    assert "PACKHOUSE_OPERATOR__TOKENS" in secret
    assert "kubectl exec deploy/packhouse -- packhouse status" in recipe("Kubernetes")
    commands = recipe("Docker")
    assert 'echo "PACKHOUSE_OPERATOR__TOKENS=ops:' in commands
    assert (
        commands.index("OPERATOR__TOKENS")
        < commands.index("up -d --build")
        < commands.index("packhouse status")
    )
    environ = {**secret, "PACKHOUSE_OPERATOR__TOKENS": "ops:token-of-ops", "PACKHOUSE_HTTP__HOST": "0.0.0.0"}
    inside = CliSettings({**environ, "PACKHOUSE_SECRETS_DIR": ""})
    assert (inside.token, inside.daemon_url) == ("token-of-ops", "http://127.0.0.1:8080")


def test_the_readme_says_how_to_install_from_a_checkout() -> None:
    text = (ROOT / "README.md").read_text()
    for command in ("pipx install .", "uv tool install .", "pip install .", "docker build --tag packhouse:"):
        assert command in text
    assert "pip install packhouse" not in text, "it is on no package index"


def test_the_proxy_lets_the_webhook_through() -> None:
    (line,) = re.findall(r"@store path (.+)", (ROOT / "deploy/Caddyfile").read_text())
    assert {"/webhooks/aly", "/aly/webhooks"} <= set(line.split())
    assert all(is_webhook_path(path) for path in line.split())


def test_the_scale_profile_is_three_replicas_on_postgresql_behind_a_proxy() -> None:
    found = compose("docker-compose.yml")
    services = found["services"]
    alone, replica, server, proxy = (services[n] for n in ("packhouse", "replica", "postgres", "proxy"))
    assert "profiles" not in alone
    assert {name for name, one in services.items() if one.get("profiles") == ["scale"]} == {
        "replica",
        "postgres",
        "proxy",
    }
    assert replica["deploy"]["replicas"] == 3
    assert replica["image"] == alone["image"]
    assert replica["stop_grace_period"] == alone["stop_grace_period"]
    # Nothing but the proxy is reached from outside, and that from this machine only.
    assert not replica["ports"]
    assert "ports" not in server
    assert all(port.startswith("127.0.0.1:") for port in proxy["ports"])
    assert replica["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert proxy["depends_on"] == {"replica": {"condition": "service_healthy"}}
    volumes = [volume.split(":")[0] for one in services.values() for volume in one["volumes"]]
    assert {volume for volume in volumes if not volume.startswith(".")} == set(found["volumes"])


def test_the_scale_profiles_secrets_are_files_that_are_never_committed(tmp_path: Path) -> None:
    found = compose("docker-compose.yml")
    services, secrets = found["services"], found["secrets"]
    assert {name for one in services.values() for name in one.get("secrets", ())} == set(secrets)
    assert all(secret["file"].startswith("deploy/secrets/") for secret in secrets.values())
    assert "/deploy/secrets/" in (ROOT / ".gitignore").read_text().splitlines()
    assert not any("PASSWORD" in name and "FILE" not in name for name in services["postgres"]["environment"])
    # The daemon reads its own by the name under which it is mounted.
    (name,) = services["replica"]["secrets"]
    (tmp_path / name).write_text("postgresql+psycopg://packhouse:s3cret@postgres/packhouse\n")
    settings = load(environ={"PACKHOUSE_CONFIG": "/dev/null", "PACKHOUSE_SECRETS_DIR": str(tmp_path)})
    assert settings.ledger_url == "postgresql+psycopg://packhouse:s3cret@postgres/packhouse"


def test_the_scale_proxy_finds_the_replicas_by_the_service_and_the_port_of_the_image() -> None:
    proxy = (ROOT / "deploy/Caddyfile.scale").read_text()
    assert re.findall(r"name \{\$\w+:(\w+)\}", proxy) == ["replica"]
    assert re.findall(r"port \{\$\w+:(\d+)\}", proxy) == re.findall(
        r"^EXPOSE (\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE
    )


@pytest.mark.parametrize("file", ["Caddyfile", "Caddyfile.scale"])
def test_caddy_itself_accepts_the_proxys_file(file: str, tmp_path: Path) -> None:
    caddy = shutil.which("caddy")
    if caddy is None:
        pytest.skip("caddy is not installed")
    asked = [caddy, "validate", "--adapter", "caddyfile", "--config", str(ROOT / "deploy" / file)]
    done = subprocess.run(asked, capture_output=True, text=True, env={"HOME": str(tmp_path)})
    assert done.returncode == 0, done.stderr
