"""The drill's standing referral: made once, opened by the real rules, out of everyone's reach."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connections, transaction

from permissions.database.clock import database_now
from permissions.database.uuid7 import uuid7
from permissions.identity import credentials
from permissions.models import Agency, Membership, Person
from permissions.practice import drill
from permissions.practice.drill import DrillFault
from referrals.deadlines.jobs_sql import query
from referrals.drill import standing
from referrals.drill.standing import make_drill, open_drill_packet
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import agency_id, member_id
from tests.support.people.stories import service_of


def test_it_is_made_once_and_opens_as_its_recipient(superuser: Any) -> None:
    first = make_drill()
    again = make_drill()

    assert (first.made, again.made) == (True, False)
    assert again.referral_id == first.referral_id
    assert dict(open_drill_packet().fields) == standing.PACKET
    entries = rows(
        superuser,
        f"SELECT agency_id FROM access_entry WHERE referral_id = '{first.referral_id}'"
        " AND act = 'referral.open_packet' AND decision = 'allowed'",
    )
    assert entries == [(drill.RECIPIENT_ID,)]


def test_without_one_nothing_is_made_and_it_says_so() -> None:
    with pytest.raises(DrillFault, match="has no drill"):
        open_drill_packet()
    assert not Agency.objects.using("jobs").filter(id=drill.SENDER_ID).exists()


def test_near_its_end_another_takes_its_place() -> None:
    first = make_drill()
    other = make_drill(lasts=standing.KEPT + timedelta(hours=1))

    assert other.made
    assert other.referral_id != first.referral_id
    left = query("SELECT id FROM referral WHERE from_agency_id = %s", [drill.SENDER_ID])
    assert left == [(other.referral_id,)]
    assert dict(open_drill_packet().fields) == standing.PACKET


def test_no_credential_is_opened_for_a_member_of_a_real_agency() -> None:
    real = Membership.objects.using("signin").get(id=member_id("ywca.worker"))
    with pytest.raises(DrillFault):
        drill.open_credential(real)


def test_nobody_signs_in_as_its_members_and_nobody_joins_it(api: Any) -> None:
    pair = drill.ensure_pair()

    for one in pair:
        person = Person.objects.using("signin").get(id=one.person_id)
        assert not person.has_usable_password()
        assert rows_of("mfa_authenticator", "user_id", person.id) == 0
        assert rows_of("channel", "membership_id", one.id) == 0
    assert not set(drill.CODE) & set("BCDFGHJKLMNPQRSTVWXZ")  # of what is typed, these are read


def rows_of(table: str, column: str, value: Any) -> int:
    using = "jobs" if table == "channel" else "signin"
    with connections[using].cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table} WHERE {column} = %s", [value])
        ((number,),) = cursor.fetchall()
    return int(number)


def test_no_real_agency_can_refer_to_it_nor_it_to_a_real_one(api: Any) -> None:
    make_drill()
    body = {"urgency": "urgent", "needs": ["shelter"], "callback": "406-555-0100"}
    there = api("police.worker").post("/v1/referrals", body | {"service_id": str(drill.SERVICE_ID)})
    assert (there.status_code, there.json()["code"]) == (409, "service_unknown")

    secret = drill.open_credential(drill.ensure_pair().sender)
    out = api(None).http.post(
        "/v1/referrals",
        body | {"service_id": service_of("ywca")},
        content_type="application/json",
        headers={"Authorization": f"Bearer {secret}"},
    )
    assert (out.status_code, out.json()["code"]) == (409, "phone_only")


@pytest.mark.parametrize(
    "pair", [("police", None), (None, "ywca")], ids=["to the drill", "from the drill"]
)
def test_the_database_refuses_a_referral_between_the_worlds(
    pair: tuple[str | None, str | None],
) -> None:
    drill.ensure_pair()
    sender = agency_id(pair[0]) if pair[0] else drill.SENDER_ID
    recipient = agency_id(pair[1]) if pair[1] else drill.RECIPIENT_ID
    with (
        pytest.raises(DatabaseError, match="practice"),
        transaction.atomic(using="owner"),
        connections["owner"].cursor() as cursor,
    ):
        cursor.execute(
            "INSERT INTO referral (id, from_agency_id, to_agency_id, service_id, service_name,"
            " reference, reference_day, status, version, created_at, release_ended, urgency, needs,"
            " callback, concern, age_band, household_size, language, interpreter,"
            " interpreter_not_local, access_needs, wanted)"
            " SELECT %s, %s, %s, %s, 'x', 'BCDFGH', current_date, 'draft', 1, now(), false,"
            " 'urgent', '{}', '', '', '', '', '', '', false, '{}', ''",
            [uuid7(), sender, recipient, uuid7()],
        )


def test_a_credential_of_it_ends_within_minutes() -> None:
    secret = drill.open_credential(drill.ensure_pair().sender)
    digest = credentials.hash_secret(secret)
    with connections["signin"].cursor() as cursor:
        cursor.execute("SELECT expires_at FROM credential WHERE hash = decode(%s, 'hex')", [digest])
        ((ends,),) = cursor.fetchall()
    assert ends <= database_now("signin") + drill.LASTS
