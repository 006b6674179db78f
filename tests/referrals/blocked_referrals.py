"""Referrals that bar a person or an agency; for those barred they do not exist."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest

from tests.support.ground.database import as_app, opening, refused
from tests.support.people.callers import member_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.stories import PACKET, Story
from tests.support.proofs.routes import everything

HANGS_ON_IT = (
    *("referral", "referral_side", "referral_assignment", "referral_event", "release"),
    *("release_end", "packet_grant", "private_key", "conflict_block", "self_assignment"),
    *("packet_field", "note"),
)


@pytest.fixture
def opened(story: Story) -> Story:
    """Accepted by ywca.worker, with a packet and notes on both sides."""
    story.accept().release(*PACKET).packet(**PACKET)
    return story.answers("add_note", {"text": "ours"}).sends("add_note", {"text": "theirs"})


def assert_it_does_not_exist(api: Any, who: str, story: Story, acting: str | None = None) -> None:
    """By each route and method, in lists, by raw SQL with an entry for whatever is sealed."""
    caller = api(who, acting)
    assert everything(caller, story.id) == everything(caller, uuid4())
    assert caller.get("/v1/referrals").json()["items"] == []
    assert caller.get("/v1/self-assignments").json()["items"] == []
    assert caller.get("/v1/barred-attempts").json()["items"] == []
    with as_app(caller) as cursor:
        if not who.endswith("client"):
            for act in ("open_packet", "open_notes"):
                cursor.execute(*opening(who, story.id, act))
        for table in HANGS_ON_IT:
            cursor.execute(f"SELECT count(*) FROM {table}")
            assert cursor.fetchone() == (0,), table
        for statement in (
            "UPDATE referral SET version = 99",
            "UPDATE referral_side SET version = 99",
            "UPDATE release SET ended = true",
        ):
            cursor.execute(statement)
            assert cursor.rowcount == 0, statement
        for call in (
            "sec.claim_referral(%s, %s, 'safety', false)",
            "sec.set_block(%s, %s, 'agency', NULL)",
        ):
            assert refused(cursor, f"SELECT {call}", [uuid4(), story.id]), call
    if not who.endswith("client"):
        pages = at_the_desk(who)
        there = pages.get(f"/desk/referrals/{story.id}")
        nowhere = pages.get(f"/desk/referrals/{uuid4()}")
        assert there.status_code == nowhere.status_code == 404
        assert text_of(there.content) == text_of(nowhere.content)


@contextmanager
def made(superuser: Any, story: Story, who: str, what: list[str]) -> Iterator[None]:
    """Make the person assigned, the holder or a lead until the block ends, past all checks."""
    member = str(member_id(who))
    with superuser.cursor() as cursor:
        if "assigned" in what:
            cursor.execute(
                "INSERT INTO referral_assignment (id, content_object_id, membership_id, agency_id,"
                " user_id, permission_id) SELECT gen_random_uuid(), %s, m.id, m.agency_id,"
                " m.person_id, a.permission_id FROM permissions_membership m,"
                " (SELECT permission_id FROM referral_assignment LIMIT 1) a WHERE m.id = %s",
                [story.id, member],
            )
        if "holder" in what:
            cursor.execute(
                "UPDATE referral_side SET holder_id = %s WHERE referral_id = %s AND agency_id ="
                " (SELECT agency_id FROM permissions_membership WHERE id = %s)",
                [member, story.id, member],
            )
        roles = "UPDATE permissions_membership SET roles = %s WHERE id = %s"
        cursor.execute("SELECT roles FROM permissions_membership WHERE id = %s", [member])
        (before,) = cursor.fetchone()
        if "lead" in what:
            cursor.execute(roles, [["lead", "worker"], member])
    try:
        yield
    finally:
        with superuser.cursor() as cursor:
            cursor.execute(roles, [before, member])
