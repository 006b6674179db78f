"""compose.yaml against the compose specification's schema, and our own rules of every service.

The schema is the one that the package check-jsonschema carries.
"""

import copy
import importlib.resources
import json
import os
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.deploy.deployment import compose as compose  # a fixture
from tests.support.ground.repository import DEPLOY

pytestmark = pytest.mark.static

ENDS = {"migrate", "tools"}  # one command, and no more
USERS = {"database": 999, "pgbouncer": 10002, "nginx": 101}  # else Cairn's, 10001


@pytest.fixture(scope="module")
def schema() -> Any:
    vendored = importlib.resources.files("check_jsonschema.builtin_schemas.vendor")
    return json.loads((vendored / "compose-spec.json").read_text())


def wrong(schema: Any, said: Any) -> list[str]:
    validator = jsonschema.validators.validator_for(schema)(schema)
    return [error.json_path for error in validator.iter_errors(said)]


@pytest.mark.parametrize("name", ["compose.yaml", "compose.messages.yaml"])
def test_it_is_what_the_specification_says(schema: Any, name: str) -> None:
    assert wrong(schema, yaml.safe_load((DEPLOY / name).read_text())) == []


def test_what_messages_add_is_what_they_read(compose: Any) -> None:
    more = yaml.safe_load((DEPLOY / "compose.messages.yaml").read_text())
    for name, one in more["services"].items():
        assert set(one) == {"environment", "secrets"}
        files = {value.removeprefix("/run/secrets/") for value in one["environment"].values()}
        assert files == set(one["secrets"]) <= set(more["secrets"]), name
        assert name in compose["services"]


@pytest.mark.parametrize(
    "change", [{"read_onyl": True}, {"cap_drop": "ALL"}, {"healthcheck": {"test": 1}}]
)
def test_what_the_specification_does_not_know_is_noticed(
    schema: Any, compose: Any, change: dict[str, Any]
) -> None:
    changed = copy.deepcopy(compose)
    changed["services"]["web"] |= change
    assert wrong(schema, changed)


def test_every_service_is_hardened_bounded_and_rotates_its_log(compose: Any) -> None:
    for name, one in compose["services"].items():
        assert one["read_only"] is True, name
        assert one["cap_drop"] == ["ALL"], name
        assert one["security_opt"] == ["no-new-privileges:true"], name
        assert not {"cap_add", "privileged", "network_mode", "pid", "ipc", "devices"} & set(one)
        assert {"mem_limit", "cpus", "pids_limit"} <= set(one), name
        options = one["logging"]["options"]
        assert {"max-size", "max-file"} <= set(options), name
        if name in USERS.keys() - {"pgbouncer"}:  # else by the image, as by its Dockerfile
            assert one["user"] == f"{USERS[name]}:{USERS[name]}", name
    for path, user in (("Dockerfile", 10001), ("pgbouncer/Dockerfile", 10002)):
        assert re.search(rf"^USER {user}:{user}$", (DEPLOY / path).read_text(), re.MULTILINE)


def test_every_service_that_stays_is_asked_how_it_is(compose: Any) -> None:
    for name, one in compose["services"].items():
        check = one["healthcheck"]
        assert (check == {"disable": True}) == (name in ENDS), name
        assert (one.get("restart") == "unless-stopped") == (name not in ENDS), name


def test_nothing_is_written_but_memory_and_the_named_folders(compose: Any) -> None:
    written = {
        name: {
            volume.split(":")[-2] if volume.endswith(":ro") else volume.split(":")[-1]
            for volume in one.get("volumes", [])
            if not volume.endswith(":ro")
        }
        for name, one in compose["services"].items()
    }
    home = "/var/lib/cairn"
    shared = {f"{home}/keys", f"{home}/journal"}
    assert written == {
        "database": {"/var/lib/postgresql/data"},
        "pgbouncer": set(),
        "migrate": shared,
        "web": shared,
        "worker": shared | {f"{home}/keys-copy", f"{home}/witness"},
        "tools": shared | {f"{home}/keys-copy", f"{home}/witness", f"{home}/scratch"},
        "nginx": set(),
    }
    for name, one in compose["services"].items():
        for place in one["tmpfs"]:
            at, _, options = place.partition(":")
            assert "size=" in options, (name, at)
        assert any(place.startswith("/tmp:") for place in one["tmpfs"]), name


def test_web_goes_through_the_pooler_and_the_others_do_not(compose: Any) -> None:
    for name in ("migrate", "web", "worker", "tools"):
        one = compose["services"][name]
        urls = {
            value
            for variable, value in one["environment"].items()
            if variable.startswith("DATABASE_URL")
        }
        way = "pooled" if name == "web" else "direct"
        assert urls, name
        assert all(re.fullmatch(rf"/run/secrets/{way}_\w+", value) for value in urls), name
        assert (one["environment"]["CAIRN_PREPARE"] == "0") == (name == "web"), name
        assert one["depends_on" if name != "tools" else "networks"]
    needs = compose["services"]["web"]["depends_on"]
    assert needs["pgbouncer"] == {"condition": "service_healthy"}
    assert needs["migrate"] == {"condition": "service_completed_successfully"}


# -- Secrets


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("secrets") / "secrets"
    run(folder)
    return folder


def run(folder: Path, **given: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["sh", str(DEPLOY / "secrets.sh"), str(folder)],
        env=os.environ | given,
        check=False,
        capture_output=True,
        text=True,
    )


def test_every_secret_is_made_and_each_container_mounts_those_it_reads(
    compose: Any, secrets: Path
) -> None:
    declared = compose["secrets"]
    assert {name: one["file"] for name, one in declared.items()} == {
        path.name: f"./secrets/{path.name}" for path in secrets.iterdir()
    }
    for name, one in compose["services"].items():
        read = {
            found
            for value in (*one.get("environment", {}).values(), *map(str, one.get("command", [])))
            for found in re.findall(r"^/run/secrets/([\w.]+)$", str(value))
        }
        if name == "database":
            read |= set(re.findall(r"/run/secrets/(\w+)", (DEPLOY / "init.sql").read_text()))
        if name == "pgbouncer":
            read = set(re.findall(r"/run/secrets/([\w.]+)", POOLER))
        assert read == set(one.get("secrets", [])), name
    assert "PASSWORD" not in json.dumps(compose).replace("POSTGRES_PASSWORD_FILE", "")


POOLER = (DEPLOY / "pgbouncer" / "container.ini").read_text()


def test_each_secret_belongs_to_the_one_user_that_reads_it(compose: Any, secrets: Path) -> None:
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    for path in secrets.iterdir():
        seen = path.stat()
        assert stat.S_IMODE(seen.st_mode) == 0o400, path.name
        readers = {
            USERS.get(name, 10001)
            for name, one in compose["services"].items()
            if path.name in one.get("secrets", [])
        }
        assert len(readers) == 1, path.name
        if os.geteuid() == 0:
            assert {seen.st_uid} == readers == {seen.st_gid}, path.name


def test_secrets_are_long_random_and_agree(secrets: Path) -> None:
    held = {path.name: path.read_text() for path in secrets.iterdir()}
    passwords = {name: text for name, text in held.items() if name.startswith("password_")}
    assert all(re.fullmatch("[0-9a-f]{48}", text) for text in passwords.values())
    assert len(set(passwords.values())) == len(passwords)
    for name, text in held.items():
        if found := re.match(r"(direct|pooled)_(\w+)$", name):
            host = "database:5432" if found[1] == "direct" else "pgbouncer:6432"
            word = passwords[f"password_{found[2]}"]
            assert text == f"postgresql://{found[2]}:{word}@{host}/cairn"
    users = dict(re.findall(r'^"(\w+)" "(\w+)"$', held["userlist.txt"], re.MULTILINE))
    assert users == {
        role: passwords[f"password_{role}"] for role in ("app", "signin", "editor", "auditor")
    }
    assert len(held["secret_key"]) >= 32
    assert len(held["metrics_token"]) >= 20
    assert all(held.values())


def test_making_them_twice_changes_nothing_and_fills_what_is_missing(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    assert run(folder).returncode == 0
    before = {path.name: path.read_text() for path in folder.iterdir()}
    (folder / "pooled_app").unlink()
    (folder / "userlist.txt").unlink()
    assert run(folder).returncode == 0
    assert {path.name: path.read_text() for path in folder.iterdir()} == before


def test_a_lost_password_is_not_made_up(tmp_path: Path) -> None:
    """The database has another one by then."""
    folder = tmp_path / "secrets"
    run(folder)
    (folder / "password_app").unlink()
    done = run(folder)
    assert done.returncode == 1
    assert "password_app is gone" in done.stderr
    assert not (folder / "password_app").exists()
