"""Whole drills of whole repositories, and each way in which one is broken: `make backup-drill`.

A cluster of its own archives as in production: by pgBackRest, where there is one and a PostgreSQL
that it knows (17 or older), and by PostgreSQL's own programs with age.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from api.dev.postgres import Cluster
from api.dev.postgres_server import Server
from api.postgres_binaries import PostgresError, binaries_of, find_binaries
from tests.support.ground.cluster import GROUND
from tests.support.ground.repository import DEPLOY, REPOSITORY
from tests.support.ground.waiting import until

pytestmark = pytest.mark.no_database

PLACE = GROUND / "backup-drill"
LOADED = """
import django; django.setup()
from django.core.management import call_command
from permissions.keys import second_copy
from permissions.ledger import sealer, witness
from referrals.drill.standing import make_drill
from tests.support.ground.template import load_demo
call_command("migrate", database="owner", verbosity=0)
load_demo()
make_drill()
while sealer.step():
    pass
witness.step()
second_copy.mirror()
"""
LATER = """
import django; django.setup()
from permissions.audit.writer import log_operator_change
from permissions.ledger import sealer, witness
for _ in range(3):
    log_operator_change("access_log.export", None)
sealer.step()
witness.step()
"""


class Site:
    """A server of Cairn with a cluster that archives: `kind` is `pgbackrest` or `plain`."""

    def __init__(self, kind: str) -> None:
        self.kind, self.home = kind, PLACE / kind
        binaries = binaries_of(17) if kind == "pgbackrest" else find_binaries()
        self.cluster = Cluster(self.home, binaries)
        self.repository, self.wal = self.home / "repository", self.home / "repository" / "wal"
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("DATABASE_URL", "CAIRN_", "PGBACKREST_"))
        } | {
            "CAIRN_HOME": str(self.home),
            "CAIRN_POSTGRES": str(binaries),
            "CAIRN_LOG_LEVEL": "WARNING",
            "DJANGO_SETTINGS_MODULE": "api.settings",
            "PGBACKREST_CONFIG": str(self.home / "pgbackrest.conf"),
            "PGBACKREST_REPO1_CIPHER_PASS": "an invented passphrase",
            "PGBACKREST_LOCK_PATH": str(self.home / "lock"),
            "PGPASSFILE": str(self.home / "passwords"),
        }

    def open(self) -> None:
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(parents=True)
        self.cluster.start()
        self._owned(self.repository, self.wal, self.home / "lock")
        self._configure()
        self.run_code(LOADED)
        self.back_up()
        self.later()

    def close(self) -> None:
        self.cluster.erase()
        shutil.rmtree(self.home, ignore_errors=True)

    def run_code(self, code: str) -> None:
        words = [sys.executable, "-c", code]
        subprocess.run(words, env=self.environment, cwd=REPOSITORY, check=True)

    def manage(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "manage.py", *words]
        env = self.environment | more
        return subprocess.run(
            command, env=env, cwd=REPOSITORY, check=False, capture_output=True, text=True
        )

    def drill(self, *more: str, **changed: str) -> subprocess.CompletedProcess[str]:
        found = self.manage("backup", "drill", *self.named(), *more, **changed)
        print(found.stdout, found.stderr)
        return found

    def named(self) -> list[str]:
        if self.kind == "pgbackrest":
            return ["--stanza", "cairn"]
        places = ["--base", str(self.repository / "base"), "--wal", str(self.wal)]
        return [*places, "--identity", str(self.home / "age.key")]

    def later(self) -> None:
        """Something happens after the backup, in three segments, and is archived."""
        for _ in range(3):
            self.run_code(LATER)
            self.asked("SELECT pg_switch_wal()")
        newest = self.asked("SELECT pg_walfile_name(pg_current_wal_insert_lsn())")
        for _ in range(4):  # the archiver waits a minute after a try that failed
            with suppress(AssertionError):
                until(lambda: self.archived() >= before(newest))
                return
        raise AssertionError("the WAL was not archived")

    def archived(self) -> str:
        return str(self.asked("SELECT coalesce(last_archived_wal, '') FROM pg_stat_archiver"))

    def asked(self, question: str) -> Any:
        with closing(self.cluster.connect_superuser()) as session, session.cursor() as cursor:
            cursor.execute(question)
            return cursor.fetchone()[0]

    def as_user(self, words: list[str]) -> subprocess.CompletedProcess[str]:
        """Run a program as the cluster's user."""
        user = self._user()
        return subprocess.run(
            words,
            env=self.environment,
            cwd="/",
            user=user and user[0],
            group=user and user[1],
            extra_groups=user and [],
            check=True,
            capture_output=True,
            text=True,
        )

    def back_up(self) -> None:
        if self.kind == "pgbackrest":
            for verb in (["stanza-create"], ["check"], ["--type=full", "backup"]):
                self.as_user(["pgbackrest", "--stanza=cairn", *verb])
            return
        dsn = self.cluster.dsn("postgres")
        binary = Path(self.environment["CAIRN_POSTGRES"]) / "pg_basebackup"
        base = self.repository / "base"
        base.mkdir(exist_ok=True)
        line = (
            f"PGPASSWORD='{dsn['password']}' '{binary}' -h '{dsn['host']}' -U postgres -D - -Ft"
            f" -X fetch -z -c fast | age -r {self.recipient} > '{base}/base.tar.gz.age'"
        )
        subprocess.run(["bash", "-o", "pipefail", "-c", line], check=True, capture_output=True)

    def _configure(self) -> None:
        dsn = self.cluster.dsn("postgres")
        (self.home / "passwords").write_text(f"*:*:*:postgres:{dsn['password']}\n")
        (self.home / "passwords").chmod(0o600)
        if self.kind == "pgbackrest":
            text = (DEPLOY / "backup" / "pgbackrest.conf").read_text()
            text = text.replace("/var/lib/pgbackrest", str(self.repository))
            text = text.replace("/var/lib/postgresql/17/main", self._data())
            text += f"pg1-socket-path={dsn['host']}\npg1-user=postgres\n"
            (self.home / "pgbackrest.conf").write_text(text)
            push = "pgbackrest --stanza=cairn archive-push %p"
            for name in ("CONFIG", "REPO1_CIPHER_PASS", "LOCK_PATH"):
                value = self.environment[f"PGBACKREST_{name}"]
                push = f"PGBACKREST_{name}='{value}' {push}"
        else:
            made = subprocess.run(
                ["age-keygen", "-o", str(self.home / "age.key")],
                check=True,
                capture_output=True,
                text=True,
            )
            self.recipient = (made.stderr + made.stdout).split()[-1]
            draft = f"{self.wal}/.%f"
            push = (
                f'test ! -e "{self.wal}/%f.age" && age -r {self.recipient} -o "{draft}" %p'
                f' && mv "{draft}" "{self.wal}/%f.age"'
            )
        self._own(self.home / "passwords")
        with closing(self.cluster.connect_superuser()) as session, session.cursor() as cursor:
            cursor.execute("ALTER SYSTEM SET archive_mode = on")
            cursor.execute("ALTER SYSTEM SET archive_command = %s", [push])
        self.cluster.stop()
        self.cluster.start()
        hba = Path(self._data()) / "pg_hba.conf"
        hba.write_text(hba.read_text() + "local replication postgres scram-sha-256\n")
        self.asked("SELECT pg_reload_conf()")

    def _data(self) -> str:
        return str(self.asked("SHOW data_directory"))

    def _user(self) -> tuple[int, int] | None:
        return Server(self.cluster.folder, None)._user()

    def _owned(self, *folders: Path) -> None:
        for one in folders:
            one.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._own(one)

    def _own(self, path: Path) -> None:
        if user := self._user():
            os.chown(path, *user)


def before(segment: str) -> str:
    """The name of the segment before this one, in the same file number."""
    return f"{segment[:16]}{int(segment[16:], 16) - 1:08X}"


@pytest.fixture(scope="module", params=["pgbackrest", "plain"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    needs = {"pgbackrest": "pgbackrest", "plain": "age"}[request.param]
    if not shutil.which(needs):
        pytest.skip(f"there is no {needs} on this machine")
    try:
        made = Site(request.param)
    except PostgresError as error:
        pytest.skip(str(error))
    made.open()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def nothing_left(site: Site) -> Iterator[None]:
    yield
    assert list(Path("/dev/shm").glob("cairn-drill-*")) == []
    assert not (site.home / "drill" / "cairn-drill").exists()
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert f"{site.home}/drill" not in running.stdout


def test_a_whole_backup_restores_and_is_recorded(site: Site) -> None:
    found = site.drill()
    assert found.returncode == 0, found.stdout + found.stderr
    assert "Opened the drill's packet" in found.stdout
    assert "left out" not in found.stdout
    assert site.manage("backup", "record", *site.named()).returncode == 0
    status = site.manage("backup", "status")
    assert (status.returncode, status.stderr) == (0, "")


@pytest.fixture
def kept(site: Site) -> Iterator[Path]:
    """The repository, which is put back afterwards."""
    copy = site.home / "repository-kept"
    subprocess.run(["cp", "-a", str(site.repository), str(copy)], check=True)
    yield site.repository
    shutil.rmtree(site.repository)
    copy.rename(site.repository)


def segments(repository: Path) -> list[Path]:
    """The archived segments, oldest first."""
    return sorted(
        one
        for one in repository.rglob("*")
        if one.is_file() and len(one.name.split("-")[0].split(".")[0]) == 24
    )


def damaged(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for place in range(200, len(content), 7):
        content[place] ^= 0xFF
    path.write_bytes(content)


def cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


@pytest.mark.parametrize("how", [Path.unlink, cut, damaged], ids=["gone", "cut", "damaged"])
def test_a_gap_in_the_archive_is_named(how: Callable[[Path], Any], site: Site, kept: Path) -> None:
    how(segments(kept)[-2])
    found = site.drill()
    assert found.returncode == 1
    assert "wal        FAULT" in found.stdout
    assert "is missing or damaged" in found.stdout


def test_without_the_wal_in_which_it_begins_it_does_not_start(site: Site, kept: Path) -> None:
    for one in segments(kept):
        one.unlink()
    found = site.drill()
    assert found.returncode == 1
    if site.kind == "pgbackrest":
        assert "The backup does not start." in found.stderr
    else:  # a base backup of pg_basebackup has the WAL that it needs in it
        assert "No WAL was archived" in found.stdout


def test_a_base_backup_that_is_cut_short_or_damaged_is_told(site: Site, kept: Path) -> None:
    pattern = "*/bundle/*" if site.kind == "pgbackrest" else "base/*.age"  # no segment of WAL
    largest = max(kept.rglob(pattern), key=lambda one: one.stat().st_size)
    for how in (damaged, cut):
        how(largest)
        found = site.drill()
        assert found.returncode == 1
        assert any(word in found.stderr for word in ("could not restore", "does not unpack"))


def test_a_wrong_passphrase_or_key_opens_nothing(site: Site, tmp_path: Path) -> None:
    if site.kind == "pgbackrest":
        found = site.drill(PGBACKREST_REPO1_CIPHER_PASS="another")
        assert "pgBackRest" in found.stderr
    else:
        other = tmp_path / "other"
        subprocess.run(["age-keygen", "-o", other], check=True, capture_output=True)
        found = site.drill("--identity", str(other))
        assert "no identity matched" in found.stderr
    assert found.returncode == 1


def test_keys_that_are_older_than_the_backup_are_told(site: Site, tmp_path: Path) -> None:
    """A copy from before the keys of an agency were made: what it wrapped does not open."""
    old = tmp_path / "keys"
    shutil.copytree(site.home / "keys-copy", old)
    for one in old.glob("c0ffee00-*"):
        shutil.rmtree(one)
    found = site.drill("--keys", str(old))
    assert found.returncode == 1
    assert "it is older than the backup, or of another database" in found.stdout
    assert "packet     FAULT" in found.stdout


def test_killed_at_any_point_the_next_one_is_whole(site: Site) -> None:
    """SIGKILL after each line that it says, until one ends by itself."""
    kills = 0
    for line in range(1, 40, 3):
        command = [sys.executable, "manage.py", "backup", "drill", *site.named()]
        with subprocess.Popen(
            command, env=site.environment, cwd=REPOSITORY, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            read = [process.stdout.readline() for _ in range(line)]
            if not read[-1]:
                break
            process.send_signal(signal.SIGKILL)
            kills += 1
    assert kills >= 3
    assert site.drill().returncode == 0


def test_what_would_be_lost_is_within_a_minute_and_what_archiving_takes(site: Site) -> None:
    """Under load: a transaction every half second, archive_timeout a minute. It prints the
    recovery point, which is measured against the end of the recovery."""
    began = time.monotonic()
    with closing(site.cluster.connect_superuser()) as session, session.cursor() as cursor:
        cursor.execute("ALTER SYSTEM SET archive_timeout = 60")
        cursor.execute("SELECT pg_reload_conf()")
        while time.monotonic() - began < 150:
            cursor.execute("SELECT txid_current()")
            time.sleep(0.5)
    found = site.drill()
    assert found.returncode == 0
    assert "Recovery point: " in found.stdout
    print(f"Under load for {time.monotonic() - began:.0f} s")
