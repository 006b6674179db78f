"""deploy/backup against deploy/: the containers, pgBackRest's configuration, the units."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.deployment import compose as compose  # a fixture
from tests.support.ground.repository import DEPLOY, REPOSITORY

BACKUP = DEPLOY / "backup"

pytestmark = pytest.mark.static


@pytest.fixture(scope="module")
def added() -> Any:
    return yaml.safe_load((BACKUP / "compose.yaml").read_text())


def settings(text: str) -> dict[str, str]:
    return dict(re.findall(r"^(\w+) = '?(.*?)'?$", text, re.MULTILINE))


def test_the_database_keeps_its_own_options_and_archives(added: Any, compose: Any) -> None:
    own, more = compose["services"]["database"]["command"], added["services"]["database"]["command"]
    assert more[: len(own)] == own
    given = dict(one.split("=", 1) for one in more[len(own) :] if one != "-c")
    assert given == settings((BACKUP / "postgresql.conf").read_text())


def test_what_is_mounted_and_built_is_there(added: Any, compose: Any) -> None:
    known = {*added["volumes"], *compose["volumes"], "journal"}
    for name, service in added["services"].items():
        for line in service.get("volumes", ()):
            source = line.split(":/")[0]
            if source.startswith("./") and not source.startswith("./secrets/"):
                assert (DEPLOY / source).exists(), (name, source)
            elif not source.startswith(("./", "${")):
                assert source in known, (name, source)
    assert (DEPLOY / added["services"]["drill"]["build"]["dockerfile"]).exists()
    assert (DEPLOY / added["services"]["database"]["build"] / "Dockerfile").exists()


def test_a_drill_writes_nothing_live_and_leads_nowhere(added: Any, compose: Any) -> None:
    drill = added["services"]["drill"]
    live = [one for one in drill["volumes"] if not one.endswith(":ro")]
    assert live == ["drill:/var/lib/cairn/drill"]
    assert drill["networks"] == ["inside"]
    assert compose["networks"]["inside"]["internal"] is True
    assert not any(
        "SMTP" in one or "TWILIO" in one or "MAIL" in one for one in drill["environment"]
    )


def test_the_configuration_holds_no_secret_and_its_days_fit_the_journals() -> None:
    read = configparser.ConfigParser()
    read.read(BACKUP / "pgbackrest.conf")
    found = read["global"]
    assert found["repo1-cipher-type"] == "aes-256-cbc"
    assert "cipher-pass" not in (BACKUP / "pgbackrest.conf").read_text()
    assert found["repo1-retention-full-type"] == "time"
    source = (REPOSITORY / "api" / "settings.py").read_text()
    days = re.search(r'"CAIRN_BACKUP_DAYS", (\d+)', source)
    assert days
    # A full backup a week; each goes when another one is as old; expiry runs once a day.
    assert int(found["repo1-retention-full"]) + 7 + 1 <= int(days[1])


@pytest.mark.skipif(not shutil.which("pgbackrest"), reason="there is no pgBackRest here")
def test_pgbackrest_takes_its_configuration(tmp_path: Path) -> None:
    """Each of its options is one that this version knows: it warns of others."""
    config = tmp_path / "pgbackrest.conf"
    text = (BACKUP / "pgbackrest.conf").read_text()
    config.write_text(text.replace("/var/lib/pgbackrest", str(tmp_path)))
    secret = tmp_path / "conf.d"
    secret.mkdir()
    (secret / "passphrase.conf").write_text("[global]\nrepo1-cipher-pass=invented\n")
    said = subprocess.run(
        ["pgbackrest", "--stanza=cairn", "info", "--log-level-console=warn"],
        env={"PGBACKREST_CONFIG": str(config), "PGBACKREST_CONFIG_INCLUDE_PATH": str(secret)}
        | {"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "WARN" not in said.stdout + said.stderr
    assert "missing stanza path" in said.stdout


def test_the_script_is_one_that_a_shell_reads() -> None:
    subprocess.run(["sh", "-n", str(BACKUP / "backup.sh")], check=True)
    assert "--stanza=cairn" in (BACKUP / "backup.sh").read_text()


@pytest.mark.parametrize("name", ["cairn-backup", "cairn-backup-record"])
def test_each_unit_is_hardened_and_runs_what_is_there(name: str) -> None:
    unit = (BACKUP / f"{name}.service").read_text()
    assert (BACKUP / f"{name}.timer").exists()
    for line in ("User=postgres", "NoNewPrivileges=yes", "ProtectSystem=strict", "Type=oneshot"):
        assert f"\n{line}\n" in unit
    for path in re.findall(r"/srv/cairn/(deploy/\S+)", unit):
        assert (REPOSITORY / path).exists()
