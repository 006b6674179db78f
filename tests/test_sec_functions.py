"""What single conditions of the database's functions keep off, where no act of ours goes that way:
asked of the functions and triggers themselves."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connections, transaction

from directory import models as m
from directory.rendering import JOBS
from permissions import credentials
from permissions.models import Client
from tests.conftest import Story, agency_id, member_id
from tests.database import as_app, identify


def answer(caller: Any, question: str) -> Any:
    with as_app(caller) as cursor:
        cursor.execute(question)
        return cursor.fetchone()[0]


def test_a_partner_system_administers_no_agency_whomever_it_names(api: Any) -> None:
    question = "SELECT sec.administering()"
    assert answer(api("ywca.admin"), question) == agency_id("ywca")
    assert answer(api("ywca.client", "ywca.admin"), question) is None
    assert answer(api("ywca.worker"), question) is None


def test_a_partner_system_without_the_scope_audits_nobody(api: Any) -> None:
    def auditing(caller: Any) -> Any:
        with transaction.atomic(using="auditor"), connections["auditor"].cursor() as cursor:
            identify(cursor, caller)
            cursor.execute("SELECT sec.auditing()")
            return cursor.fetchone()[0]

    assert auditing(api("ywca.auditor")) == agency_id("ywca")
    assert auditing(api("ywca.worker")) is None
    for scopes, whose in ((["audit:read"], agency_id("ywca")), (["referrals:read"], None)):
        client = api("ywca.client")
        client.secret = f"token-of-a-test-{uuid4().hex}"
        ours = Client.objects.get(agency_id=agency_id("ywca"))
        credentials.open_for_client(ours, client.secret, scopes)
        assert auditing(client) == whose


def test_told_are_the_attempts_since_the_block_of_whom_it_bars_and_no_others(
    story: Story, api: Any, superuser: Any
) -> None:
    """sec.barred_attempts to those who answer for it, sec.barred_alerts to whoever set it."""
    Story(api, story.service_id).accept()  # another referral, which nobody bars
    story.create()
    barred, outsider = api("ywca.worker2"), api("outsider.worker")
    path = f"/v1/referrals/{story.id}"
    assert barred.get(path).status_code == 404  # a draft yet: no attempt at what bars him
    story.send().answers("accept")
    story.answers("block", {"member_id": str(member_id("ywca.worker2"))})
    assert outsider.get(path).status_code == 404  # of no side of it
    assert api("ywca.admin").get(path).status_code == 404  # sees no referral at all
    assert api("ywca.worker").get("/v1/barred-attempts").json()["items"] == []
    assert alerts() == set()
    with superuser.cursor() as cursor:  # refused for what he sent, not for what he may not see
        cursor.execute(
            "INSERT INTO access_entry (id, agency_id, member_id, act, referral_id, decision, rule)"
            " VALUES (gen_random_uuid(), %s, %s, 'referral.accept', %s, 'refused', 'stale')",
            [str(agency_id("ywca")), str(member_id("ywca.worker2")), story.id],
        )
    assert api("ywca.worker").get("/v1/barred-attempts").json()["items"] == []
    assert alerts() == set()
    assert barred.get(path).status_code == 404
    (told,) = api("ywca.worker").get("/v1/barred-attempts").json()["items"]
    assert (told["referral_id"], told["act"]) == (story.id, "referral.read")
    by_ywca = (story.id, str(agency_id("ywca")), str(member_id("ywca.worker")))
    assert alerts() == {by_ywca}
    story.sends("block", {"other_agency": True})
    assert outsider.get(path).status_code == 404
    assert api("police.worker").get("/v1/barred-attempts").json()["items"] == []
    assert alerts() == {by_ywca}
    assert api("ywca.worker").get(path).status_code == 404
    (told,) = api("police.worker").get("/v1/barred-attempts").json()["items"]
    assert (told["referral_id"], told["member_id"]) == (story.id, None)
    by_police = (story.id, str(agency_id("police")), str(member_id("police.worker")))
    assert alerts() == {by_ywca, by_police}


def alerts() -> set[tuple[str, ...]]:
    """Of which referral, to which agency, to whom."""
    with connections["jobs"].cursor() as cursor:
        cursor.execute("SELECT referral_id, agency_id, set_by FROM sec.barred_alerts()")
        return {tuple(map(str, row)) for row in cursor.fetchall()}


def test_of_a_confidential_place_no_address_is_kept_whoever_writes_it(network: Any) -> None:
    owner = m.Organization(name="Of a test", source="a test")
    owner.save(using=JOBS, force_insert=True)
    try:
        for confidential in (False, True):
            place = m.Location(name="Of a test", part_of_id=owner.id, confidential=confidential)
            place.save(using=JOBS, force_insert=True)
            street = m.Address(location_id=place.id, part_of_id=owner.id, address_1="1 Example")
            with transaction.atomic(using=JOBS):
                if not confidential:
                    street.save(using=JOBS, force_insert=True)
                    transaction.set_rollback(True, using=JOBS)
                    continue
                with pytest.raises(IntegrityError, match="confidential place"):
                    street.save(using=JOBS, force_insert=True)
                transaction.set_rollback(True, using=JOBS)
    finally:
        m.Organization.objects.using(JOBS).filter(id=owner.id).delete()
