"""The database of compose.yaml, as its image makes it: what the runbook does to it by `exec`."""

import io
import os
import re
import shlex
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.dev.postgres_server import SUPERUSER, Server
from tests.support.ground.repository import DEPLOY

PASSWORD = "of-the-superuser"

pytestmark = pytest.mark.no_database


@dataclass
class Container:
    """What runs in it has its environment, and comes in by its socket."""

    binaries: Path
    environment: dict[str, str]

    def runs(self, command: str) -> "subprocess.CompletedProcess[bytes]":
        program, *words = shlex.split(command)
        return subprocess.run(
            [self.binaries / program, *words],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )


@pytest.fixture(scope="module")
def service() -> Any:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["database"]


@pytest.fixture(scope="module")
def container(service: Any) -> Iterator[Container]:
    """initdb with the arguments of compose.yaml and the superuser's password, as the image does."""
    folder = Path(tempfile.mkdtemp(prefix="cairn-test-"))
    folder.chmod(0o755)
    for name, text in (("password", PASSWORD), ("conf", (DEPLOY / "postgresql.conf").read_text())):
        (folder / name).write_text(text)
    server = Server(folder, None)
    binaries = server._usable_binaries()
    for made in (server.data, folder / "run"):
        made.mkdir(mode=0o700)
        server._give(made)
    asked = shlex.split(service["environment"]["POSTGRES_INITDB_ARGS"])
    who = (f"--pgdata={server.data}", f"--username={SUPERUSER}", f"--pwfile={folder}/password")
    done = server._run(binaries / "initdb", *who, *asked)
    assert done.returncode == 0, done.stderr
    settings = f"-c config_file={folder}/conf -c listen_addresses= -k {folder}/run"
    ctl = (binaries / "pg_ctl", "-D", server.data, "-w", "-l", server.log)
    assert server._run(*ctl, "-o", settings, "start").returncode == 0
    # As secrets.sh writes the file, which only the server's user may read.
    given = {"PGPASSFILE": str(folder / service["environment"]["PGPASSFILE"].split("/")[-1])}
    Path(given["PGPASSFILE"]).write_text(f"*:*:*:postgres:{PASSWORD}\n")
    Path(given["PGPASSFILE"]).chmod(0o400)
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    yield Container(binaries, kept | given | {"PGHOST": f"{folder}/run"})
    server._run(*ctl, "-m", "immediate", "stop")
    shutil.rmtree(folder)


def commands(program: str) -> list[str]:
    """What RUNBOOK.md runs in the container with this program; no terminal asks for a password."""
    text = (DEPLOY / "RUNBOOK.md").read_text()
    in_container = r"compose exec (?:-T )?database "
    if program == "pg_basebackup":  # of a server of one's own: in the container it is the same
        in_container = r"^ {4}"
    found = re.findall(rf"{in_container}({program} [^|`]*)", text, re.MULTILINE)
    assert found, program
    return [one.strip() for one in found]


def test_the_base_backup_of_the_runbook_is_one(container: Container) -> None:
    for command in commands("pg_basebackup"):
        done = container.runs(command)
        assert done.returncode == 0, done.stderr
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as backup:
            names = backup.getnames()
        assert {"PG_VERSION", "backup_label"} <= set(names)
        assert any(re.fullmatch(r"pg_wal/[0-9A-F]{24}", name) for name in names), "and its WAL"


def test_roles_are_renewed_as_the_runbook_says(container: Container) -> None:
    for command in commands("psql"):
        done = container.runs(command.replace("/etc/cairn/", f"{DEPLOY}/"))
        assert (done.returncode, b"ERROR" in done.stderr) == (0, False), done.stderr


def test_no_one_comes_in_without_a_password(container: Container) -> None:
    stranger = {k: v for k, v in container.environment.items() if k != "PGPASSFILE"}
    done = Container(container.binaries, stranger).runs("psql -w -U postgres -c 'SELECT 1'")
    assert done.returncode != 0
    assert b"no password supplied" in done.stderr
