"""A real dump of this test's database, and a real restore of it into another one."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections

from api.postgres_binaries import find_binaries
from tests.support.ground.cluster import own_cluster


def run(
    program: str, database: str, *words: str, **more: Any
) -> "subprocess.CompletedProcess[bytes]":
    """One of PostgreSQL's own programs, as the cluster's superuser."""
    dsn = own_cluster().dsn("postgres", database)
    env = os.environ | {"PGPASSWORD": dsn["password"]}
    command = [
        str(find_binaries() / program),
        *("-h", dsn["host"], "-p", str(dsn["port"]), "-U", dsn["user"], *words),
    ]
    return subprocess.run(command, env=env, check=True, capture_output=True, **more)


@pytest.fixture
def restored(django_db_setup: str, tmp_path: Path) -> Iterator[Callable[[], Any]]:
    """`dump()` takes a copy; calling what it returns restores it and points every alias there."""
    cluster, copy = own_cluster(), f"{django_db_setup}_restored"

    def point(name: str) -> None:
        for alias in connections:
            connections[alias].close()
            connections[alias].settings_dict["NAME"] = name

    def dump() -> Callable[[], None]:
        file = tmp_path / "cairn.dump"
        run("pg_dump", django_db_setup, "-Fc", "-f", str(file), django_db_setup)

        def restore(*, stands: bool = False) -> None:
            """`stands`: as if the server did not notice that it was restored."""
            cluster.drop_database(copy)
            cluster.create_database(copy)
            words = ("--exit-on-error", "--clean", "--if-exists", "-d", copy, str(file))
            run("pg_restore", copy, *words)
            point(copy)
            if stands:
                with closing(cluster.connect_superuser(copy)) as superuser:
                    superuser.cursor().execute(
                        "UPDATE timeline_state SET timeline = sec.timeline()"
                    )

        return restore

    yield dump
    point(django_db_setup)
    cluster.drop_database(copy)


def recover(*words: str) -> str:
    """`manage.py database recover`, in this process; what it says."""
    said = StringIO()
    call_command("database", "recover", "--yes", *words, stdout=said)
    return said.getvalue()
