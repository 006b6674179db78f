"""A number that another referral has is refused to those who work on both, and to no one else."""

from typing import Any
from uuid import uuid4

from django.db import connections

from permissions.database.uuid7 import uuid7
from referrals.own_numbers import record_numbers
from tests.support.ground.database import as_app, refused
from tests.support.ground.races import Race
from tests.support.ground.races import race as race  # a fixture
from tests.support.ground.waiting import SOON
from tests.support.people.access_log import everything_stored
from tests.support.people.callers import narrow, principal
from tests.support.people.own_numbers import (
    LIST,
    NUMBER,
    RECIPIENT,
    SENDER,
    found,
    listed,
    numbered,
)
from tests.support.people.stories import Story, notes, to
from tests.support.proofs.sec_functions import call

# -- One number, one referral ----------------------------------------------------------------------


def test_a_number_of_another_referral_that_they_work_on_is_refused(
    story: Story, api: Any, superuser: Any
) -> None:
    numbered(story)
    other = Story(api, story.service_id).create()
    before = everything_stored(superuser)
    answer = api(SENDER).act(other.id, "set_external_ref", {"ref": NUMBER})
    assert (answer.status_code, answer.json()["code"]) == (409, "external_ref_taken")
    assert answer.json()["pointer"] == "/ref"
    assert NUMBER not in answer.content.decode()
    assert everything_stored(superuser) == before
    story.sends("set_external_ref", {"ref": NUMBER})  # its own, once more
    story.sends("set_external_ref", {"ref": "another"})
    other.sends("set_external_ref", {"ref": NUMBER})
    assert found(api(SENDER)) == [other.id]


def test_it_is_refused_in_one_request_too_and_nothing_is_there(
    story: Story, api: Any, superuser: Any
) -> None:
    numbered(story)
    body = {
        "service_id": story.service_id,
        "urgency": "urgent",
        "needs": ["shelter"],
        "callback": "406-555-0111",
        "external_ref": NUMBER,
    }
    answer = api(SENDER).post(LIST, body)
    assert (answer.status_code, answer.json()["code"]) == (409, "external_ref_taken")
    assert answer.json()["pointer"] == "/external_ref"
    assert listed(api(SENDER)) == {story.id: NUMBER}
    made = api(SENDER).post(LIST, body | {"external_ref": "another"})
    assert (made.status_code, made.json()["external_ref"]) == (201, "another")


def test_no_one_learns_by_a_refusal_of_a_referral_that_they_do_not_work_on(
    story: Story, api: Any
) -> None:
    """A colleague's, one that bars them, and another agency's: as if there were none (R3)."""
    numbered(story).send().accept()
    story.sends("block", to("police.lead"))
    for who, service in (("police.worker2", "ywca"), ("police.lead", "ywca")):
        own = Story(api, story.service_id, sender=who).create()
        answer = api(who).act(own.id, "set_external_ref", {"ref": NUMBER})
        assert answer.status_code == 201, (who, service)
        assert found(api(who)) == [own.id]
    story.answers("set_external_ref", {"ref": NUMBER})
    assert found(api(SENDER)) == [story.id]
    assert found(api(RECIPIENT)) == [story.id]


def test_two_at_once_give_one_number_to_one_referral(race: Race, story: Story, api: Any) -> None:
    one, other = story.create(), Story(api, story.service_id).create()
    callers = [api(SENDER), api(SENDER)]
    with race.held("LOCK TABLE record_number IN SHARE MODE"):  # an insert waits, a read does not
        first = race.start_and_wait(
            lambda: callers[0].act(one.id, "set_external_ref", {"ref": NUMBER})
        )
        second = race.start_and_wait(
            lambda: callers[1].act(other.id, "set_external_ref", {"ref": NUMBER})
        )
    assert (first.result(SOON).status_code, second.result(SOON).status_code) == (201, 409)
    assert second.result(SOON).json()["code"] == "external_ref_taken"


def test_the_same_request_twice_is_one_record(story: Story, api: Any, superuser: Any) -> None:
    story.create()
    made = [
        api(SENDER).act(story.id, "set_external_ref", {"ref": NUMBER}, Idempotency_Key="one")
        for _ in range(2)
    ]
    assert [one.status_code for one in made] == [201, 201]
    assert made[0].json() == made[1].json()
    assert len(notes(api, SENDER, story, "external_ref")) == 1


def test_in_practice_all_have_the_same_invented_number(story: Story, api: Any) -> None:
    """sec.store_record_number compares nothing where it is not asked to."""
    numbered(story)
    other = Story(api, story.service_id).create()
    hashed = record_numbers.keyed_hash(principal(api(SENDER)), NUMBER)
    for once, stored in ((True, False), (False, True)):
        values = (str(uuid7()), other.id, hashed, 1, b"x", once)
        assert call(api(SENDER), "store_record_number", *values) is stored


# -- The database's own walls ----------------------------------------------------------------------


def test_the_functions_ask_who_works_on_it(story: Story, api: Any, superuser: Any) -> None:
    """sec.own_record_numbers, sec.referral_ids_by_number, sec.store_record_number."""
    numbered(story).send().accept()
    hashed = record_numbers.keyed_hash(principal(api(SENDER)), NUMBER)
    for who, acting, sees in (
        (SENDER, None, True),
        ("police.client", SENDER, True),
        ("police.client", "police.worker2", False),
        ("police.client", None, False),
        ("police.worker2", None, False),
        ("police.lead", None, False),
        ("police.auditor", None, False),
        (RECIPIENT, None, False),
    ):
        caller = api(who, acting)
        with as_app(caller) as cursor:
            for asked in ([story.id], None):
                cursor.execute("SELECT referral_id FROM sec.own_record_numbers(%s::uuid[])",
                               [asked])  # fmt: skip
                assert len(cursor.fetchall()) == sees, (who, acting)
            cursor.execute("SELECT FROM sec.own_record_numbers(%s::uuid[])", [[str(uuid4())]])
            assert cursor.fetchall() == []
            cursor.execute("SELECT sec.referral_ids_by_number(%s)", [hashed])
            assert len(cursor.fetchone()[0]) == sees, (who, acting)
            wants = "SELECT sec.store_record_number(%s, %s, %s, 1, 'x', true)"
            stores = [str(uuid7()), story.id, b"other"]
            works = sees or who == RECIPIENT  # on its own side, whose number this is not
            assert refused(cursor, wants, stores) != works, (who, acting)


def test_a_system_without_the_right_to_write_stores_none(story: Story, api: Any) -> None:
    numbered(story)
    reader = narrow(api, "police", SENDER, "referrals:read")
    writer = narrow(api, "police", SENDER, "referrals:write")
    values = [str(uuid7()), story.id, b"other"]
    for caller, may in ((reader, False), (writer, True)):
        with as_app(caller) as cursor:
            wants = "SELECT sec.store_record_number(%s, %s, %s, 1, 'x', true)"
            assert refused(cursor, wants, values) != may
    with as_app(writer) as cursor:
        cursor.execute("SELECT FROM sec.own_record_numbers(NULL)")
        assert cursor.fetchall() == [], "it reads no referral"
    connections.close_all()
