"""A database with the schema and the demo network in it, made once and copied for each run.

Each worker's server keeps one template, with the keys that the database needs and the content of
demo.json in `CAIRN_HOME/template`. The template is made again when one of its sources has changed,
and each day, because the hours in the directory look ahead from today.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import connections
from psycopg2.sql import SQL, Identifier

from api.dev import demo
from api.dev.cast import CAST
from api.dev.postgres import Cluster
from permissions.models import MOST_OPENINGS, Client
from permissions.recovery import outbox
from tests.support.ground.repository import REPOSITORY

# The three lower floors whole: rows of the demo go through most of their code on the way in.
MADE_OF = (
    "permissions/**/*",
    "directory/**/*",
    "referrals/**/*",
    "deploy/*.sql",
    "api/*.py",
    "api/dev/*.py",
)
BUILDING, PREFIX = "test_cairn_new_template", "test_cairn_template_"
BESIDE = (
    "keys",
    "keys-copy",
    "witness",
    "journal",
)  # folders of CAIRN_HOME that belong to the database


@cache
def checksum() -> str:
    """A checksum of the day and of all files that decide what is in the template."""
    found = hashlib.sha256(datetime.now(UTC).date().isoformat().encode())
    for path in _sources():
        found.update(f"{path.relative_to(REPOSITORY)}\0".encode())
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


def _sources() -> Iterator[Path]:
    here = Path(__file__).resolve()
    for pattern in MADE_OF:
        for path in sorted(REPOSITORY.glob(pattern)):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path
    yield here


class Template:
    """The template of one cluster. Making this object touches nothing."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.folder = cluster.home / "template"

    def copy(self, name: str) -> dict[str, Any]:
        """Make the database `name`, and the keys that it needs, in place of those that were there.

        Leaves every connection of Django's pointed at it. Returns what demo.json would say.
        """
        template = PREFIX + checksum()
        if not self._is_there(template):
            self._make(template)
        self.cluster.drop_database(name)
        self._create(name, template)
        for beside in BESIDE:
            _replace(self.folder / beside, self.cluster.home / beside)
        point_at(name)
        found: dict[str, Any] = json.loads((self.folder / "demo.json").read_text())
        return found

    def _is_there(self, name: str) -> bool:
        return (self.folder / name).exists() and name in self._databases()

    def _make(self, name: str) -> None:
        """Killed half-way and run again it ends the same: its mark comes last."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for old in (*self._databases(), BUILDING):
            self.cluster.drop_database(old)
        for beside in BESIDE:
            shutil.rmtree(self.cluster.home / beside, ignore_errors=True)
        self.cluster.create_database(BUILDING)
        point_at(BUILDING)
        call_command("migrate", database="owner", verbosity=0)
        content = load_demo()
        outbox.append_waiting()
        point_at("")
        with closing(self.cluster.connect_superuser()) as superuser:
            rename = SQL("ALTER DATABASE {} RENAME TO {}")
            superuser.cursor().execute(rename.format(Identifier(BUILDING), Identifier(name)))
        for beside in BESIDE:
            _replace(self.cluster.home / beside, self.folder / beside)
        (self.folder / "demo.json").write_text(json.dumps(content))
        (self.folder / name).touch()

    def _databases(self) -> list[str]:
        with closing(self.cluster.connect_superuser()) as superuser:
            cursor = superuser.cursor()
            found = "SELECT datname FROM pg_database WHERE starts_with(datname, %s)"
            cursor.execute(found, [PREFIX])
            return [name for (name,) in cursor.fetchall()]

    def _create(self, name: str, template: str) -> None:
        """As the launcher makes one, but not empty. Rights on a database are not copied with it."""
        with closing(self.cluster.connect_superuser()) as superuser:
            command = SQL("CREATE DATABASE {} TEMPLATE {} OWNER owner STRATEGY file_copy")
            superuser.cursor().execute(command.format(Identifier(name), Identifier(template)))
        self.cluster._close_to_public(name)
        with closing(self.cluster.connect_superuser(name)) as superuser:
            # A copy has a number of its own: here it is as true as the template.
            superuser.cursor().execute("UPDATE timeline_state SET timeline = sec.timeline()")


def point_at(name: str) -> None:
    """End every session of Django's; the next ones are on the database `name`."""
    for alias in connections:
        connections[alias].close()
        connections[alias].settings_dict["NAME"] = name


def load_demo() -> dict[str, Any]:
    """The demo network and directory. Its systems open as many packets as can be set, for the log
    of all tests together is one day's."""
    from directory.demo import loader as directory_demo

    content = demo.load()
    for client in Client.objects.all():
        client.openings_a_day = MOST_OPENINGS
        client.save()
    directory_demo.load_demo({unit.key: demo.agency_id(unit.key) for unit in CAST})
    return content


def _replace(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    if source.exists():
        shutil.copytree(source, target)
