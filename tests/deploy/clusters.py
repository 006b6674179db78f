"""Clusters of the embedded PostgreSQL, made and started for a test."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import psycopg2
import pytest
from django.core.management import call_command

from api.dev.postgres import Cluster, PostgresError
from api.postgres_binaries import find_binaries

AS_ROOT = os.geteuid() == 0
only_root = pytest.mark.skipif(not AS_ROOT, reason="this is about being root")


def binaries_found(kind: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CAIRN_POSTGRES", kind)
    try:
        return find_binaries()
    except PostgresError:
        pytest.skip(f"no {kind} PostgreSQL is installed here")


@pytest.fixture(params=["embedded", pytest.param("system", marks=pytest.mark.whole)])
def binaries(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    return binaries_found(request.param, monkeypatch)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder everybody may enter: above pytest's own there is one that only we may."""
    folder = Path(tempfile.mkdtemp(prefix="cairn-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def make(open_folder: Path, binaries: Path) -> Iterator[Callable[..., Cluster]]:
    """Make clusters; whatever they started is stopped and deleted afterwards."""
    made = []

    def cluster(home: Path | None = None) -> Cluster:
        made.append(Cluster(home or open_folder / "var", binaries))
        return made[-1]

    yield cluster
    for one in made:
        one.erase()


@pytest.fixture(scope="module")
def first_made() -> Iterator[dict[Path, Path]]:
    """Binaries → a home whose cluster was started once and stopped: to be copied."""
    homes: dict[Path, Path] = {}
    yield homes
    for home in homes.values():
        shutil.rmtree(home)


@pytest.fixture
def kept(
    make: Callable[..., Cluster], first_made: dict[Path, Path], open_folder: Path, binaries: Path
) -> Cluster:
    """A cluster of an earlier start, stopped: for tests of what comes later. Made once a kind."""
    if binaries not in first_made:
        home = Path(tempfile.mkdtemp(prefix="cairn-test-"))
        home.chmod(0o755)
        first = Cluster(home, binaries)
        first.start()
        first.stop()
        first_made[binaries] = home
    subprocess.run(["cp", "-a", first_made[binaries], open_folder / "var"], check=True)
    return make()


@pytest.fixture(scope="module")
def started() -> Iterator[dict[Path, Cluster]]:
    """One running cluster of each kind, for the tests that only ask it something."""
    clusters: dict[Path, Cluster] = {}
    yield clusters
    for cluster in clusters.values():
        cluster.erase()
        shutil.rmtree(cluster.home)


@pytest.fixture
def running(started: dict[Path, Cluster], binaries: Path) -> Cluster:
    if binaries not in started:
        home = Path(tempfile.mkdtemp(prefix="cairn-test-"))
        home.chmod(0o755)
        started[binaries] = Cluster(home, binaries)
        started[binaries].start()
    return started[binaries]


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """`manage.py database …` with this environment; returns what it says."""

    def run(*words: str, **environment: str) -> str:
        monkeypatch.delenv("DATABASE_URL", raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        said = StringIO()
        call_command("database", *words, stdout=said)
        return said.getvalue().strip()

    return run


def poll(session: psycopg2.extensions.connection) -> None:
    while session.poll() != psycopg2.extensions.POLL_OK:
        time.sleep(0.01)
