"""Versions of agencies' keys, the rows that name them, and processes that wrap with them."""

import os
import subprocess
import sys
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from permissions.keys import wrapped_keys
from tests.support.ground.cluster import HOME
from tests.support.people.callers import agency_id
from tests.support.people.stories import PACKET, Story, service_of

NOTE = {"text": "a note of ours"}


def keys(*words: str) -> str:
    out = StringIO()
    call_command("keys", *words, stdout=out, stderr=StringIO())
    return out.getvalue()


def of(key: str) -> str:
    return f"--agency={agency_id(key)}"


def versions_named(superuser: Any, key: str) -> set[int]:
    """The versions that any row of this agency names, read past every policy."""
    found = set()
    with superuser.cursor() as cursor:
        for table in wrapped_keys.WRAPPED_TABLES:
            cursor.execute(
                f"SELECT DISTINCT kek_version FROM {table}"
                " WHERE agency_id = %s AND key_bundle IS NOT NULL",
                [str(agency_id(key))],
            )
            found |= {version for (version,) in cursor.fetchall()}
    return found


@pytest.fixture
def told(story: Story) -> Story:
    """Accepted, with a packet and a note on either side."""
    story.accept().release(*PACKET).packet(**PACKET)
    return story.answers("add_note", NOTE).sends("add_note", NOTE)


def opens(story: Story) -> None:
    for who in (story.sender, story.recipient):
        packet = story.api(who).act(story.id, "open_packet", {"purpose": "intake"})
        assert packet.status_code == 200, packet.content
        assert packet.json()["packet"] == PACKET
        notes = story.api(who).act(story.id, "open_notes", {"purpose": "review"})
        assert [one["content"]["text"] for one in notes.json()["items"]] == [NOTE["text"]]


def running(*words: str) -> "subprocess.Popen[bytes]":
    env = os.environ | {"CAIRN_HOME": str(HOME), "CAIRN_DATABASE": connection.settings_dict["NAME"]}
    return subprocess.Popen(
        [sys.executable, "manage.py", "keys", *words],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


@pytest.fixture
def many(story: Story) -> list[Story]:
    """Several referrals, so that a rotation has a middle."""
    return [
        Story(story.api, service_of("ywca")).accept().release("name").packet(name="Invented")
        for _ in range(4)
    ]


def connection_that_wraps(superuser: Any) -> Any:
    """A transaction that has wrapped for the police and has not ended: a rotation waits for it."""
    from permissions.database.advisory_locks import WRAPPING, lock_number
    from tests.support.ground.cluster import own_cluster

    holder = own_cluster().connect_superuser(superuser.info.dbname)
    holder.autocommit = False
    with holder.cursor() as cursor:
        number = lock_number(agency_id("police"))
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s, %s)", [WRAPPING, number])
    return holder


def wait_for_advisory_wait(superuser: Any, count: int = 1) -> None:
    """Until so many sessions wait for an advisory lock."""
    while True:
        with superuser.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            )
            if cursor.fetchone()[0] >= count:
                return


def wait_for_a_lock(superuser: Any) -> None:
    """Until a session waits for a lock of any kind."""
    with superuser.cursor() as cursor:
        while True:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
