"""What a purge takes, and what it leaves."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections

from permissions.keys.keystore import key_store
from referrals.deadlines import purge as purge_run
from tests.support.ground.database import belonging_to_a_referral
from tests.support.people.callers import agency_id
from tests.support.people.stories import PACKET, Story

NOTE = {"text": "a note of ours"}


def purge() -> dict[str, int]:
    return purge_run.run()


def count(superuser: Any, table: str) -> int:
    with superuser.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        number: int = cursor.fetchone()[0]
        return number


def left(superuser: Any) -> set[str]:
    with superuser.cursor() as cursor:
        tables = belonging_to_a_referral(cursor)
    return {table for table in tables if count(superuser, table)}


def told(story: Story) -> Story:
    story.accept().release(*PACKET).packet(**PACKET)
    return story.answers("add_note", NOTE).sends("add_note", NOTE)


def status_of(story: Story, who: str) -> int:
    code: int = story.api(who).get(f"/v1/referrals/{story.id}").status_code
    return code


@contextmanager
def keeps(key: str, days: int) -> Iterator[None]:
    """An agency keeps for a time of its own."""
    change = "UPDATE permissions_agency SET retention_days = %s WHERE id = %s"
    with connections["jobs"].cursor() as cursor:
        cursor.execute(change, [days, agency_id(key)])
        try:
            yield
        finally:
            cursor.execute(change, [30, agency_id(key)])


def versions(key: str) -> list[int]:
    return key_store().versions(agency_id(key))


def opens(story: Story, who: str) -> int:
    code: int = story.api(who).act(story.id, "open_packet", {"purpose": "intake"}).status_code
    return code
