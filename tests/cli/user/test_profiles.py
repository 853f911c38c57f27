"""Profiles: who wins, who may read, and that no key is ever shown or sent elsewhere."""

from __future__ import annotations

import io
import stat
import sys
import types
from pathlib import Path

import pytest

from packhouse_cli.exit_codes import Exit, UsageError
from packhouse_cli.user import profiles
from packhouse_cli.user.settings import CliSettings
from tests.cli.runner import Outcome, call, serving

STORE = "/api/storefront/v1"
KEY = "aly_very_secret"


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path)}


def secret_file(home: dict[str, str], text: str = KEY, mode: int = 0o600) -> str:
    file = Path(home["HOME"], "key")
    file.write_text(text + "\n")
    file.chmod(mode)
    return str(file)


def add(home: dict[str, str], *argv: str) -> Outcome:
    return call("profile", "add", *argv, environ=home)


def test_a_profile_is_added_used_shown_and_removed(home: dict[str, str]) -> None:
    file = secret_file(home)
    made = add(home, "acme", "--site-slug", "acme", "--store-url", "http://shop/v1/", "--key-file", file)
    assert made.code == 0, made.err
    assert call("profile", "use", "acme", environ=home).code == 0
    assert call("profile", "list", "--json", environ=home).json == [
        {
            "name": "acme",
            "store_url": "http://shop/v1",
            "site_slug": "acme",
            "daemon_url": None,
            "key": f"file {file}",
            "token": None,
            "in_use": True,
        }
    ]
    assert "acme, in use" in call("profile", "show", environ=home).out
    assert CliSettings(home).api_key == KEY
    assert CliSettings(home).site_slug == "acme"
    assert call("profile", "remove", "acme", environ=home).code == 0
    assert call("profile", "list", "--json", environ=home).json == []
    assert Path(file).exists()


def test_the_file_is_its_owners_alone_and_names_no_key(home: dict[str, str]) -> None:
    add(home, "acme", "--key-file", secret_file(home), "--token-env", "SHIP_TOKEN", "--use")
    file = profiles.place(home)
    assert file is not None
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert KEY not in file.read_text()
    for argv in (["list"], ["list", "--json"], ["show"], ["show", "--json"]):
        shown = call("profile", *argv, environ=home | {"SHIP_TOKEN": "sesame-open"}, tty=True)
        assert KEY not in shown.out + shown.err
        assert "sesame" not in shown.out + shown.err


def test_what_is_written_is_read_back(home: dict[str, str]) -> None:
    odd = profiles.Profile(
        "a.b-c", 'http://shop/"v1"', "té\\a", "", profiles.Secret("KEY"), profiles.Secret(file="/x y/ü")
    )
    profiles.save(profiles.Profiles({"a.b-c": odd}, "a.b-c"), home)
    assert profiles.load(home) == profiles.Profiles({"a.b-c": odd}, "a.b-c")


@pytest.mark.parametrize("which", ["config", "key"])
def test_a_file_open_to_others_is_refused_with_the_fix(home: dict[str, str], which: str) -> None:
    key = secret_file(home)
    add(home, "acme", "--key-file", key, "--use")
    file = profiles.place(home) if which == "config" else Path(key)
    assert file is not None
    file.chmod(0o644)
    shown = call("orders", "list", environ=home)
    assert shown.code == Exit.USAGE
    assert f"chmod 600 {file}" in shown.err
    assert KEY not in shown.err


def test_the_environment_wins_over_the_profile_in_use_and_the_profile_over_the_daemons_file(
    home: dict[str, str], tmp_path: Path
) -> None:
    toml = tmp_path / "packhouse.toml"
    toml.write_text('[store]\nurl = "http://toml/v1"\nsite_slug = "toml"\napi_key = "aly_toml"\n')
    environ = home | {"PACKHOUSE_CONFIG": str(toml)}
    assert CliSettings(environ).site_slug == "toml"
    add(
        home, "acme", "--site-slug", "acme", "--store-url", "http://acme/v1", "--key-env", "ACME_KEY", "--use"
    )
    environ["ACME_KEY"] = "aly_acme"
    assert CliSettings(environ).store_url == "http://acme/v1"
    assert (CliSettings(environ).site_slug, CliSettings(environ).api_key) == ("acme", "aly_acme")
    environ |= {"PACKHOUSE_STORE__SITE_SLUG": "env", "ALY_API_KEY": "aly_env"}
    assert (CliSettings(environ).site_slug, CliSettings(environ).api_key) == ("env", "aly_env")


def test_the_option_wins_over_the_environment(home: dict[str, str]) -> None:
    answers = {f"GET {STORE}/merchant/orders?site_slug=acme&limit=25": (200, {"orders": [{"id": "ord_1"}]})}
    with serving(answers) as store:
        add(home, "acme", "--site-slug", "acme", "--store-url", store.url + STORE, "--key-env", "ACME_KEY")
        add(home, "other", "--site-slug", "other", "--key-env", "OTHER_KEY", "--use")
        environ = home | {
            "ACME_KEY": "aly_acme",
            "ALY_API_KEY": "aly_env",
            "PACKHOUSE_STORE__URL": "http://x/v1",
        }
        lines = (
            ["orders", "list", "--json", "--profile", "acme"],
            ["--profile=acme", "orders", "list", "--json"],
        )
        for line in lines:
            shown = call(*line, environ=environ)
            assert shown.code == 0, shown.err
            assert shown.json == [{"id": "ord_1"}]
        assert {headers["authorization"] for _, headers in store.asked} == {"Bearer aly_acme"}


def test_packhouse_profile_chooses_one(home: dict[str, str]) -> None:
    add(home, "acme", "--site-slug", "acme", "--use")
    add(home, "house", "--site-slug", "house")
    assert CliSettings(home | {"PACKHOUSE_PROFILE": "house"}).site_slug == "house"
    with pytest.raises(UsageError, match="Did you mean house"):
        _ = CliSettings(home | {"PACKHOUSE_PROFILE": "hose"}).site_slug


def test_a_profiles_key_is_sent_to_no_other_address(home: dict[str, str]) -> None:
    add(home, "acme", "--store-url", "https://acme.example/v1", "--key-file", secret_file(home), "--use")
    add(home, "plain", "--key-file", secret_file(home))
    with serving({}) as elsewhere:
        for name in ("acme", "plain"):
            environ = home | {"PACKHOUSE_STORE__URL": elsewhere.url + STORE, "PACKHOUSE_PROFILE": name}
            shown = call("orders", "list", environ=environ)
            assert shown.code == Exit.USAGE
            assert " is for https://" in shown.err
        assert elsewhere.asked == []


def test_a_daemons_token_comes_from_the_profile_too(home: dict[str, str]) -> None:
    with serving({"GET /api/v1/status": (200, {"version": "1"})}) as daemon:
        add(
            home,
            "house",
            "--daemon-url",
            daemon.url,
            "--token-file",
            secret_file(home, "sesame-open"),
            "--use",
        )
        assert call("status", "--json", environ=home).json == {"version": "1"}
        assert daemon.asked[0][1]["authorization"] == "Bearer sesame-open"


def test_a_profile_without_an_address_means_the_usual_daemon_whatever_port_is_set(
    home: dict[str, str],
) -> None:
    add(home, "house", "--token-file", secret_file(home, "sesame-open"), "--use")
    settings = CliSettings(home | {"PACKHOUSE_HTTP__PORT": "9000"})
    assert (settings.daemon_url, settings.token) == ("http://127.0.0.1:8080", "sesame-open")


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["add", "a b"], "letters, digits"),
        (["add", "acme"], "already"),
        (["add", "x", "--store-url", "shop.example"], "begins with https://"),
        (["add", "x", "--daemon-url", "https://ada:pw@house.example"], "contains a user or a password"),
        (["add", "x", "--key-env", KEY + "-1"], "not the key itself"),
        (["add", "x", "--key-env", "A", "--key-file", "b"], "only one of"),
        (["use", "acm"], "Did you mean acme?"),
        (["remove", "zzz"], "profile add"),
        (["show"], "No profile is in use"),
        (["--profile", "acme", "serve"], "no subcommand"),
    ],
)
def test_a_wrong_call_says_what_to_do(home: dict[str, str], argv: list[str], words: str) -> None:
    add(home, "acme")
    shown = call("profile", *argv, environ=home)
    assert shown.code == Exit.USAGE
    assert words in shown.err
    assert KEY not in shown.err


def test_the_daemon_reads_no_profile_and_says_so(home: dict[str, str]) -> None:
    add(home, "acme")
    assert "reads no profile" in call("serve", "--profile", "acme", environ=home).err
    assert "needs the name" in call("orders", "list", "--profile", environ=home).err


@pytest.mark.parametrize(
    "text", ["current = [", "profiles = 3", "[profiles.a]\nkey = 'aly_x'", "[profiles.a]\nkey_keyring = 'x'"]
)
def test_a_broken_file_is_named(home: dict[str, str], text: str) -> None:
    file = profiles.place(home)
    assert file is not None
    file.parent.mkdir(parents=True)
    file.touch(0o600)
    file.write_text(text)
    shown = call("profile", "list", environ=home)
    assert shown.code == Exit.USAGE
    assert str(file) in shown.err


class Ring(types.ModuleType):
    """A keyring that keeps its secrets in a dictionary, under the name of the real one."""

    def __init__(self) -> None:
        super().__init__("keyring")
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, user: str) -> str | None:
        return self.kept.get((service, user))

    def set_password(self, service: str, user: str, secret: str) -> None:
        self.kept[service, user] = secret

    def delete_password(self, service: str, user: str) -> None:
        del self.kept[service, user]


def test_a_key_in_the_keyring_is_asked_for_kept_there_and_forgotten_with_the_profile(
    home: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = Ring()
    monkeypatch.setitem(sys.modules, "keyring", ring)
    monkeypatch.setattr("sys.stdin", io.StringIO(KEY + "\n"))
    assert add(home, "acme", "--key-keyring", "--use").code == 0
    assert ring.kept == {("packhouse", "acme:key"): KEY}
    assert CliSettings(home).api_key == KEY
    assert call("profile", "remove", "acme", environ=home).code == 0
    assert ring.kept == {}


def test_without_the_package_the_keyring_names_the_extra(
    home: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    monkeypatch.setattr("sys.stdin", io.StringIO(KEY + "\n"))
    shown = add(home, "acme", "--key-keyring")
    assert shown.code == Exit.USAGE
    assert "packhouse[keyring]" in shown.err
    assert call("profile", "list", "--json", environ=home).json == []
