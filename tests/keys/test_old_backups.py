"""A dump of yesterday with the keys of today: what was purged opens for no one, what lives opens
(threat TH5). It is a real pg_dump by the superuser, and a real restore into another database."""

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from structlog.testing import capture_logs

from api.postgres_binaries import find_binaries
from directory.demo import loader as directory_demo
from directory.importing.parsing import id_of
from permissions.database.db_identity import IDENTIFY
from permissions.database.uuid7 import uuid7
from permissions.errors import NotPossible
from permissions.identity.credentials import hash_secret
from permissions.keys.keystore import key_store
from permissions.recovery import outbox
from referrals.deadlines import purge
from referrals.packet_fields import PACKET_FIELDS
from tests.support.ground.cluster import own_cluster
from tests.support.ground.database import forget_edits, opening
from tests.support.ground.restored import recover, run
from tests.support.ground.restored import restored as restored  # a fixture
from tests.support.people.binding import confirm
from tests.support.people.callers import agency_id
from tests.support.people.stories import PACKET, Story, service_of

NOTE = {"text": "a note of ours"}


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
    outbox.step()  # the background work: from the database into the journal
    shift_clock("25 hours")
    counts = purge.run()
    assert (counts["draft"], counts["packet"]) == (1, 1)
    assert opened(alive, alive.recipient).status_code == 200

    restore(stands=True)
    gone = [
        (draft, draft.sender, "key_gone"),
        (story, story.sender, "key_gone"),
        (revoked, revoked.recipient, "binding"),  # older than the journal
    ]
    for one, who, why in gone:
        answer = opened(one, who)
        assert (answer.status_code, answer.json()["code"]) == (503, why), one.id
    recover("--anyway", "--unwitnessed")
    confirm("police")
    for one, who, why in gone[:2]:
        answer = opened(one, who)
        assert (answer.status_code, answer.json()["code"]) == (503, why), one.id
    assert opened(revoked, revoked.recipient).status_code in (403, 409), "taken away again"
    for who in (alive.sender, alive.recipient):
        assert opened(alive, who).json()["packet"] == PACKET
    notes = opened(alive, alive.recipient, "open_notes").json()["items"]
    assert [one["content"]["text"] for one in notes] == [NOTE["text"]]
    assert opened(revoked, revoked.sender).json()["packet"] == PACKET, "the sender's own lives"


def test_until_what_lives_was_given_back_no_version_of_a_key_is_begun_or_ended(
    story: Story, restored: Callable[[], Any]
) -> None:
    """The folder of keys is the only place that holds what opens it."""
    alive = Story(story.api, service_of("ywca")).accept().release(*PACKET).packet(**PACKET)
    alive.answers("add_note", NOTE)
    story.create().release(*PACKET).packet(**PACKET)
    no = story.api(story.sender).post("/v1/agreement-tally", {"draft_id": story.id})
    assert no.status_code == 200
    restore = restored()
    purge.run()
    call_command("keys", "rotate", of("ywca"), stdout=StringIO())
    call_command("keys", "destroy", of("ywca"), stdout=StringIO())

    restore(stands=True)
    before = every_key()
    with capture_logs() as logged, pytest.raises(NotPossible) as refusal:
        purge.run()
    assert refusal.value.code == "not_restored"
    assert "database recover" in refusal.value.detail
    said = [(one["event"], one.get("agency"), one.get("error")) for one in logged]
    assert ("purge_held_up", str(agency_id("police")), "NotRestored") in said
    with pytest.raises(CommandError, match="database recover"):
        call_command("worker", "purge", stdout=StringIO())
    for key in ("police", "ywca"):
        for what in ("rotate", "destroy"):
            with pytest.raises(CommandError):
                call_command("keys", what, of(key), stdout=StringIO(), stderr=StringIO())
    assert every_key() == before, "nothing begun, ended or carried over"
    assert due() == [(agency_id("police"),)]

    recover("--anyway", "--unwitnessed")
    still_opens(alive)
    purge.run()
    assert due() == []
    assert every_key() != before
    call_command("keys", "rotate", of("ywca"), stdout=StringIO())
    call_command("keys", "destroy", of("ywca"), stdout=StringIO())
    still_opens(alive)


def of(key: str) -> str:
    return f"--agency={agency_id(key)}"


def every_key() -> dict[Path, bytes]:
    folder = Path(key_store().folder)
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path: path.read_bytes() for path in found if path.name != "folder.mark"}


def due() -> list[Any]:
    with connections["jobs"].cursor() as cursor:
        cursor.execute("SELECT agency_id FROM epoch_due")
        return list(cursor.fetchall())


def still_opens(story: Story) -> None:
    for who in (story.sender, story.recipient):
        assert opened(story, who).json()["packet"] == PACKET
    notes = opened(story, story.recipient, "open_notes").json()["items"]
    assert [one["content"]["text"] for one in notes] == [NOTE["text"]]


MARKERS = [f"MARKER{number:05}X" for number in range(500)]


@pytest.fixture
def marked(story: Story, api: Any) -> Iterator[Story]:
    """500 unique values in packet fields, notes, references of theirs and a sealed address; one of
    the referrals, open on both sides."""
    fields = [name for name in PACKET_FIELDS if name not in ("substance_use", "screening")]
    fresh = iter(MARKERS)
    place = f"/v1/directory/locations/{uuid7()}"
    organization = str(id_of(directory_demo.SOURCE, "organization", "shelter"))
    hidden = {"organization_id": organization, "name": "House", "confidential": True}
    assert api("ywca.editor").put(place, hidden).status_code == 201
    address = {"address_1": next(fresh), "address_2": next(fresh), "city": next(fresh)}
    kept = api("ywca.editor").put(f"{place}/confidential_address", address)
    assert kept.status_code == 204, kept.content
    while True:
        one = Story(api, story.service_id).accept().release(*fields)
        if not all(_filled(one, fields, fresh)):
            break
    assert next(fresh, None) is None
    yield story.accept().release(*PACKET).packet(**PACKET)
    forget_edits()


def assert_unmarked(text: bytes) -> None:
    found = re.findall(rb"MARKER\d{5}X|4d41524b4552(?:3\d){5}58", text)
    assert found == []


def test_neither_a_dump_nor_what_a_role_may_copy_holds_one_of_five_hundred_markers(
    marked: Story, api: Any, django_db_setup: str
) -> None:
    for words in (["-Fp"], ["-Fp", "--inserts"]):
        text = run("pg_dump", django_db_setup, *words, django_db_setup).stdout
        assert b"packet_field" in text
        assert_unmarked(text)
    with pytest.raises(AssertionError):
        assert_unmarked(b"x" + MARKERS[7].encode().hex().encode())
    each_role_copies_no_marker(marked, api, django_db_setup)


def _filled(one: Story, fields: list[str], fresh: Iterator[str]) -> Iterator[bool]:
    """The next markers in each field and in a note of either side; False when they ran out."""
    values = dict(zip(fields, fresh, strict=False))
    if values:
        one.packet(**values)
    for act in (one.sends, one.answers):
        if word := next(fresh, None):
            act("add_note", {"text": word})
    if word := next(fresh, None):
        one.answers("set_external_ref", {"ref": word})
    yield len(values) == len(fields)


READABLE = (
    "SELECT c.oid::regclass::text, string_agg(quote_ident(attname), ', ' ORDER BY attnum)"
    " FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped"
    " WHERE relkind IN ('r', 'p', 'v', 'm')"
    " AND relnamespace IN ('public'::regnamespace, 'sec'::regnamespace)"
    " AND has_schema_privilege(relnamespace, 'USAGE')"
    " AND has_column_privilege(c.oid, attnum, 'SELECT') GROUP BY c.oid"
)
ROLES = ("owner", "app", "signin", "editor", "jobs", "auditor", "backup", "sealer")


ASKING = {"app": (None, "police.worker", "ywca.worker"), "editor": (None, "ywca.editor")}
ASKING["auditor"] = (None, "ywca.auditor")


def each_role_copies_no_marker(marked: Story, api: Any, django_db_setup: str) -> None:
    """Every column of every table that the role may read at all; with a live identity, too, and
    with the entries in the log that open whatever is sealed."""
    for role in ROLES:
        for who in ASKING.get(role, (None,)):
            with closing(
                psycopg2.connect(**own_cluster().dsn(role, django_db_setup))
            ) as connection:
                text = _copied(connection, marked, api, role, who)
            assert_unmarked(text)
            assert (marked.id.encode() in text) == (role in SEE_IT or who in SEE_IT), (role, who)


SEE_IT = ("police.worker", "ywca.worker", "jobs", "ywca.auditor", "sealer")


def _copied(connection: Any, marked: Story, api: Any, role: str, who: str | None) -> bytes:
    copied = BytesIO()
    with connection.cursor() as cursor:
        if who is not None:
            cursor.execute(IDENTIFY, [hash_secret(api(who).secret), ""])
        if who in ("police.worker", "ywca.worker"):
            for act in ("open_packet", "open_notes"):
                cursor.execute(*opening(who, marked.id, act))
        cursor.execute(READABLE)
        for table, columns in cursor.fetchall():
            cursor.copy_expert(f"COPY (SELECT {columns} FROM {table}) TO STDOUT", copied)
    return copied.getvalue()


@pytest.mark.parametrize("role", ["owner", "app", "signin", "jobs", "auditor", "backup", "editor"])
def test_no_other_role_can_dump_a_protected_table(
    story: Story, django_db_setup: str, role: str
) -> None:
    story.create()
    dsn = own_cluster().dsn(role, django_db_setup)
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
