"""A dump of yesterday beside the keys of today: what was purged opens to nobody, what lives opens
(threat TH5). A real pg_dump by the superuser, a real restore into another database."""

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections

from api.postgres_binaries import find_binaries
from permissions.disclosure import PACKET_FIELDS
from referrals import purging
from tests.conftest import PACKET, Story, _cluster, service_of

NOTE = {"text": "a note of ours"}


def run(
    program: str, database: str, *words: str, **more: Any
) -> "subprocess.CompletedProcess[bytes]":
    """One of PostgreSQL's own programs, as the cluster's superuser."""
    dsn = _cluster().dsn("postgres", database)
    env = os.environ | {"PGPASSWORD": dsn["password"]}
    command = [
        str(find_binaries() / program),
        *("-h", dsn["host"], "-p", str(dsn["port"]), "-U", dsn["user"], *words),
    ]
    return subprocess.run(command, env=env, check=True, capture_output=True, **more)


@pytest.fixture
def restored(django_db_setup: str, tmp_path: Path) -> Iterator[Callable[[], Any]]:
    """`dump()` takes a copy; calling what it returns restores it and points every alias there."""
    cluster, copy = _cluster(), f"{django_db_setup}_restored"

    def point(name: str) -> None:
        for alias in connections:
            connections[alias].close()
            connections[alias].settings_dict["NAME"] = name

    def dump() -> Callable[[], None]:
        file = tmp_path / "cairn.dump"
        run("pg_dump", django_db_setup, "-Fc", "-f", str(file), django_db_setup)

        def restore() -> None:
            cluster.drop_database(copy)
            cluster.create_database(copy)
            run(
                "pg_restore",
                copy,
                "--exit-on-error",
                "--clean",
                "--if-exists",
                "-d",
                copy,
                str(file),
            )
            point(copy)

        return restore

    yield dump
    point(django_db_setup)
    cluster.drop_database(copy)


def opened(story: Story, who: str, act: str = "open_packet") -> Any:
    return story.api(who).act(story.id, act, {"purpose": "review"})


def test_yesterdays_dump_opens_what_lives_and_nothing_that_was_purged(
    story: Story, shift_clock: Any, restored: Callable[[], Any], superuser: Any
) -> None:
    alive = Story(story.api, service_of("ywca")).accept().release(*PACKET).packet(**PACKET)
    alive.answers("add_note", NOTE)
    draft = Story(story.api, story.service_id).create().release(*PACKET).packet(**PACKET)
    story.create().release(*PACKET).packet(**PACKET).send().sends("withdraw", {"code": "other"})
    revoked = Story(story.api, story.service_id).accept().release(*PACKET).packet(**PACKET)
    restore = restored()

    revoked.sends("revoke_release", {"via": "oral"})
    shift_clock("25 hours")
    counts = purging.run()
    assert (counts["draft"], counts["packet"]) == (1, 1)
    assert opened(alive, alive.recipient).status_code == 200

    restore()
    gone = [(draft, draft.sender), (story, story.sender), (revoked, revoked.recipient)]
    for one, who in gone:
        answer = opened(one, who)
        assert (answer.status_code, answer.json()["code"]) == (503, "key_gone"), one.id
    call_command("keys", "restore", stdout=StringIO())
    for one, who in gone:
        answer = opened(one, who)
        assert (answer.status_code, answer.json()["code"]) == (503, "key_gone"), one.id
    for who in (alive.sender, alive.recipient):
        assert opened(alive, who).json()["packet"] == PACKET
    notes = opened(alive, alive.recipient, "open_notes").json()["items"]
    assert [one["content"]["text"] for one in notes] == [NOTE["text"]]
    assert opened(revoked, revoked.sender).json()["packet"] == PACKET, "the sender's own lives"


def test_a_dump_holds_none_of_five_hundred_markers(
    story: Story, api: Any, django_db_setup: str, tmp_path: Path
) -> None:
    fields = [name for name in PACKET_FIELDS if name != "substance_use"]
    markers = [f"MARKER{number:05}X" for number in range(500)]
    fresh = iter(markers)
    while True:
        one = Story(api, story.service_id).accept().release(*fields)
        if not all(_filled(one, fields, fresh)):
            break
    for words in (["-Fp"], ["-Fp", "--inserts"]):
        text = run("pg_dump", django_db_setup, *words, django_db_setup).stdout
        assert b"packet_field" in text
        hexed = [marker.encode().hex().encode() for marker in markers]
        for sought in (*map(str.encode, markers), *hexed):
            assert sought not in text


def _filled(one: Story, fields: list[str], fresh: Iterator[str]) -> Iterator[bool]:
    """The next markers in each field and in a note of either side; False when they ran out."""
    values = dict(zip(fields, fresh, strict=False))
    if values:
        one.packet(**values)
    for act in (one.sends, one.answers):
        if word := next(fresh, None):
            act("add_note", {"text": word})
    yield len(values) == len(fields)


@pytest.mark.parametrize("role", ["owner", "app", "door", "jobs", "auditor", "backup", "editor"])
def test_no_other_role_can_dump_a_protected_table(
    story: Story, django_db_setup: str, role: str
) -> None:
    story.create()
    dsn = _cluster().dsn(role, django_db_setup)
    said = subprocess.run(
        [
            str(find_binaries() / "pg_dump"),
            *("-h", dsn["host"], "-p", str(dsn["port"]), "-U", role, "-t", "packet_field"),
            django_db_setup,
        ],
        env=os.environ | {"PGPASSWORD": dsn["password"]},
        check=False,
        capture_output=True,
    )
    assert said.returncode != 0
    assert re.search(rb"permission denied|row-level security", said.stderr)
