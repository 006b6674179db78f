"""Whatever a function of the database is asked about a referral that its caller may not see, it
answers as of an id that never was (R3, R12): one query that was injected asks them all."""

import re
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from django.db.utils import DatabaseError

from tests.support.ground.database import as_app
from tests.support.people.callers import WORKING, agency_id, member_id
from tests.support.people.stories import PACKET, Story
from tests.support.proofs.sec_functions import release_of

# Not about a referral: `of_directory`, channels, entries of the log by their own ids.
ELSEWHERE = {
    "queue_channel_test",
    "remove_channel",
    "own_sealed_entry",
    "event_position",
    "is_oversight_agency",
    "has_bundles",
}


@pytest.fixture
def known(story: Story, superuser: Any) -> Story:
    """Accepted, opened, worked on by both sides; and a draft of the same agency."""
    story.create().release(*PACKET).packet(**PACKET).send().accept()
    story.answers("open_packet", {"purpose": "intake"})
    story.answers("add_note", {"text": "ours"}).sends("add_note", {"text": "theirs"})
    return story


def functions(cursor: Any) -> list[tuple[str, list[tuple[str, str]]]]:
    """Every function that `app` may ask with an id, with its arguments."""
    cursor.execute(
        "SELECT p.proname, p.proargnames[1:p.pronargs],"
        " ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) t)"
        " FROM pg_proc p WHERE p.pronamespace = 'sec'::regnamespace"
        " AND has_function_privilege('app', p.oid, 'EXECUTE')"
        " AND 'uuid'::regtype = ANY (p.proargtypes) ORDER BY p.proname"
    )
    return [(name, list(zip(names, types, strict=True))) for name, names, types in cursor]


def values_of(who: str, about: UUID | str, by_release: Any) -> dict[str, Any]:
    """What each argument is given by its name: all that a caller could know."""
    key = who.split(".")[0]
    colleague = next(one for one in ("worker", "lead", "admin") if f"{key}.{one}" != who)
    return {
        "referral": about, "about": about, "why": "review", "reason": "review", "keep": True,
        "via": "oral", "member": member_id(f"{key}.{colleague}"), "what": "member",
        "by_release": by_release,
        "field_names": ["name"], "until": "2099-01-01T00:00:00Z", "kek": 1, "kek_version": 1,
        "bundle": b"x", "sealed": b"x", "singly": [], "no": True, "agency": agency_id(key),
        "sender": agency_id(key), "recipient": agency_id(key), "sent": None, "has_block": True,
        "stated_purpose": "intake", "prefix": "127.0.0.0/8",
    }  # fmt: skip


def answers(cursor: Any, who: str, about: UUID | str, by_release: Any) -> dict[str, str]:
    found = {}
    given = values_of(who, about, by_release)
    for name, arguments in functions(cursor):
        if name in ELSEWHERE:
            continue
        for agency in (agency_id("police"), agency_id("ywca")):
            given["agency"] = agency
            values = [
                given.get(one, uuid4() if kind == "uuid" else None) for one, kind in arguments
            ]
            marks = ", ".join(f"%s::{kind}" for _, kind in arguments)
            try:
                with transaction.atomic():
                    cursor.execute(f"SELECT * FROM sec.{name}({marks})", values)
                    answer = repr(cursor.fetchall())
                    transaction.set_rollback(True)
            except DatabaseError as error:
                answer = f"{error.__cause__.pgcode} {error}"
            found[f"{name} {agency}"] = re.sub(r"[0-9a-f-]{36}", "an id", answer)
    return found


def differing(who: str, caller: Any, story: Story, by_release: Any) -> dict[str, tuple[str, str]]:
    with as_app(caller) as cursor:
        known, never = (
            answers(cursor, who, about, release)
            for about, release in ((story.id, by_release), (uuid4(), uuid4()))
        )
    return {name: (known[name], never[name]) for name in known if known[name] != never[name]}


def test_nothing_to_whom_a_block_bars(known: Story, api: Any, superuser: Any) -> None:
    """sec.is_not_blocked above all, which sec.has_agreed and sec.has_staff_to_answer ask before
    anything else."""
    by_release = release_of(superuser, known)
    assert differing("police.worker", api("police.worker"), known, by_release) != {}
    known.sends("block", {"member_id": str(member_id("police.lead"))})
    known.answers("block", {"member_id": str(member_id("ywca.worker2"))}).sends("leads_only")
    barred = ("police.lead", "ywca.worker2", "ywca.worker")
    found = {who: differing(who, api(who), known, by_release) for who in barred}
    assert found == {who: {} for who in found}
    known.sends("block", {"other_agency": True})  # nor whom her own side bars with her
    assert differing("police.lead", api("police.lead"), known, by_release) == {}


def test_nothing_to_a_barred_agency(known: Story, api: Any, superuser: Any) -> None:
    by_release = release_of(superuser, known)
    known.sends("block", {"other_agency": True})
    found = {
        f"ywca.{one}": differing(f"ywca.{one}", api(f"ywca.{one}"), known, by_release)
        for one in WORKING
    }
    assert found == {who: {} for who in found}


def test_nothing_of_a_draft_to_the_agency_that_it_is_for(story: Story, api: Any) -> None:
    """sec.is_not_blocked."""
    story.create()
    found = {who: differing(who, api(who), story, uuid4()) for who in ("ywca.lead", "ywca.worker")}
    assert found == {who: {} for who in found}


@pytest.mark.parametrize("side", ["from", "to"])
def test_nothing_to_a_side_whose_part_is_purged(
    known: Story, api: Any, superuser: Any, side: str
) -> None:
    """sec.is_not_blocked."""
    by_release = release_of(superuser, known)
    key = {"from": "police", "to": "ywca"}[side]
    with superuser.cursor() as cursor:
        cursor.execute(f"UPDATE referral SET {side}_purged = true WHERE id = %s", [known.id])
        for table, column in (
            ("referral_assignment", "content_object_id"),
            ("referral_side", "referral_id"),
        ):
            cursor.execute(
                f"DELETE FROM {table} WHERE {column} = %s AND agency_id = %s",
                [known.id, str(agency_id(key))],
            )
    found = {
        who: differing(who, api(who), known, by_release)
        for who in (f"{key}.worker", f"{key}.lead", f"{key}.client")
    }
    assert found == {who: {} for who in found}


def test_nothing_to_an_agency_that_is_no_side(known: Story, api: Any, superuser: Any) -> None:
    by_release = release_of(superuser, known)
    found = {
        who: differing(who, api(who), known, by_release)
        for who in ("hospital.worker", "hospital.lead", "outsider.worker")
    }
    assert found == {who: {} for who in found}
