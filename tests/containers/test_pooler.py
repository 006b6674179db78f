"""PgBouncer as the containers run it: pgbouncer/container.ini over pgbouncer/pgbouncer.ini."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from tests.support.ground.cluster import own_cluster
from tests.support.ground.ports import free_port
from tests.support.ground.repository import DEPLOY
from tests.support.ground.waiting import until

pytestmark = pytest.mark.no_database

POOLED = ("app", "signin", "editor", "auditor")
PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")


@pytest.fixture(scope="module")
def pooler() -> Iterator[int]:
    """The port of a PgBouncer in front of the tests' own cluster, with the users of secrets.sh."""
    if not PGBOUNCER and os.environ.get("CI"):
        pytest.fail("PgBouncer is not on this machine")
    if not PGBOUNCER:
        pytest.skip("PgBouncer is not on this machine")
    cluster = own_cluster()
    sockets = Path(str(cluster.dsn("app")["host"]))
    port, owner = free_port(), sockets.stat()
    with tempfile.TemporaryDirectory(prefix="cairn-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        shutil.copy(DEPLOY / "pgbouncer" / "pgbouncer.ini", folder)
        text = (DEPLOY / "pgbouncer" / "container.ini").read_text()
        for here, there in (
            ("%include /etc/pgbouncer/", f"%include {folder}/"),
            ("host=database", f"host={sockets}"),
            ("listen_addr = *", "listen_addr = 127.0.0.1"),
            ("listen_port = 6432", f"listen_port = {port}"),
            ("/run/secrets/userlist.txt", f"{folder}/userlist.txt"),
        ):
            assert here in text, here
            text = text.replace(here, there)
        (folder / "container.ini").write_text(text)
        words = [f'"{role}" "{cluster.passwords()[role]}"\n' for role in POOLED]
        (folder / "userlist.txt").write_text("".join(words))
        for path in folder.iterdir():
            os.chown(path, owner.st_uid, owner.st_gid)
            path.chmod(0o400)
        started = subprocess.Popen(
            [PGBOUNCER, folder / "container.ini"],
            user=owner.st_uid,
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            until(lambda: started.poll() is not None or listens(port))
            assert started.poll() is None, "it did not start"
            yield port
        finally:
            started.kill()
            started.wait()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def connect(port: int, role: str, password: str) -> psycopg2.extensions.connection:
    return psycopg2.connect(
        host="127.0.0.1",
        port=port,
        user=role,
        password=password,
        dbname="cairn",
        connect_timeout=10,
    )


@pytest.mark.parametrize("role", POOLED)
def test_the_roles_of_web_come_through_with_their_settings(pooler: int, role: str) -> None:
    password = own_cluster().passwords()[role]
    with closing(connect(pooler, role, password)) as session, session.cursor() as cursor:
        cursor.execute("SELECT current_user, current_setting('search_path')")
        assert cursor.fetchone() == (role, "public")


@pytest.mark.parametrize("role", ["owner", "jobs", "sealer", "postgres"])
def test_no_other_role_comes_through(pooler: int, role: str) -> None:
    password = own_cluster().passwords()[role]
    with pytest.raises(psycopg2.OperationalError, match=r"no such user|authentication failed"):
        connect(pooler, role, password)


def test_a_wrong_password_does_not(pooler: int) -> None:
    with pytest.raises(psycopg2.OperationalError, match="authentication failed"):
        connect(pooler, "app", "wrong")
