"""What single conditions of the database's functions keep off, where no act of ours goes that way:
asked of the functions and triggers themselves."""

from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connections, transaction

from directory import models as m
from permissions.database.aliases import JOBS
from permissions.identity import credentials
from permissions.ledger import sealer
from permissions.models import Client
from tests.support.ground.database import as_one_person, identify
from tests.support.people.callers import WORKING, agency_id, member_id
from tests.support.people.notifications import keep
from tests.support.people.stories import Story, service_of
from tests.support.proofs.sec_functions import alerts, answer, as_auditor


def test_a_partner_system_administers_no_agency_whomever_it_names(api: Any) -> None:
    question = "SELECT sec.administrator_agency_id()"
    assert answer(api("ywca.admin"), question) == agency_id("ywca")
    assert answer(api("ywca.client", "ywca.admin"), question) is None
    assert answer(api("ywca.worker"), question) is None


def test_a_partner_system_without_the_scope_audits_no_one(api: Any, superuser: Any) -> None:
    def auditing(caller: Any) -> Any:
        return as_auditor(caller, "SELECT sec.auditor_agency_id()")[0][0]

    assert auditing(api("ywca.auditor")) == agency_id("ywca")
    assert auditing(api("ywca.worker")) is None
    for scopes, whose in ((["audit:read"], agency_id("ywca")), (["referrals:read"], None)):
        client = api("ywca.client")
        client.secret = f"token-of-a-test-{uuid4().hex}"
        ours = Client.objects.get(agency_id=agency_id("ywca"))
        credentials.open_for_client(ours, client.secret, scopes)
        assert auditing(client) == whose
    client.acting = "ywca.auditor"
    assert auditing(client) is None, "the scope is the system's own, whichever member it names"
    worker = api("ywca.worker")
    with superuser.cursor() as cursor:  # none is ever written so
        cursor.execute(
            "UPDATE credential SET scopes = '{audit:read}' WHERE membership_id = %s",
            [str(member_id("ywca.worker"))],
        )
    assert auditing(worker) is None, "and no member's"


def test_an_auditor_alone_is_shown_a_batch_and_one_that_there_is(api: Any) -> None:
    for _ in range(2):
        Story(api, service_of("ywca")).create()
        sealer.step()
    auditor = api("ywca.auditor")
    seqs = "SELECT seq, size - first FROM log_checkpoint ORDER BY seq DESC LIMIT 2"
    (last, leaves), (before, some) = as_auditor(auditor, seqs)
    assert leaves > 0
    batch = "SELECT size - first, cardinality(sealed), sealed = found FROM sec.recomputed_batch"
    assert as_auditor(auditor, f"{batch}({last}, {leaves})") == [(leaves, leaves, True)]
    assert as_auditor(auditor, f"{batch}({last}, {leaves - 1})") == [(leaves, leaves, None)]
    assert as_auditor(auditor, f"{batch}({before}, {some})") == [(some, some, True)]
    assert as_auditor(auditor, f"{batch}({last + 1}, 1)") == []
    assert as_auditor(api("ywca.worker"), f"{batch}({last}, {leaves})") == []


def test_told_are_the_attempts_since_the_block_of_whom_it_bars_and_no_others(
    story: Story, api: Any, superuser: Any, shift_clock: Any
) -> None:
    """sec.blocked_attempts for the members who answer for it, sec.blocked_attempt_alerts for the
    member who set it."""
    other = Story(api, story.service_id).accept()  # another referral, without a block
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
    asked_and_was_refused(superuser, story, "stale")  # for what he sent, not for what he may see
    asked_and_was_refused(superuser, other, "not_found")
    assert api("ywca.worker").get("/v1/barred-attempts").json()["items"] == []
    assert alerts() == set()
    assert barred.get(path).status_code == 404
    (told,) = api("ywca.worker").get("/v1/barred-attempts").json()["items"]
    asked = (story.id, "referral.read", str(member_id("ywca.worker2")))
    assert (told["referral_id"], told["act"], told["member_id"]) == asked
    by_ywca = (story.id, str(agency_id("ywca")), str(member_id("ywca.worker")))
    assert alerts() == {by_ywca}
    story.sends("block", {"other_agency": True})
    assert outsider.get(path).status_code == 404
    assert api("police.worker").get("/v1/barred-attempts").json()["items"] == []
    assert alerts() == {by_ywca}
    assert api("ywca.worker").get(path).status_code == 404
    (told,) = api("police.worker").get("/v1/barred-attempts").json()["items"]
    assert (told["referral_id"], told["member_id"]) == (story.id, None)
    assert api("police.worker2").get("/v1/barred-attempts").json()["items"] == [], "not hers"
    by_police = (story.id, str(agency_id("police")), str(member_id("police.worker")))
    assert alerts() == {by_ywca, by_police}
    story.sends("unblock", {"other_agency": True})
    story.answers("unblock", {"member_id": str(member_id("ywca.worker2"))})
    asked_and_was_refused(superuser, story, "not_found")
    (told,) = api("ywca.worker").get("/v1/barred-attempts").json()["items"]
    assert told["act"] == "referral.read"
    assert alerts() == {by_ywca, by_police}
    whom = {"member_id": str(member_id("ywca.worker2"))}
    other.answers("block", whom).answers("unblock", whom)
    asked_and_was_refused(superuser, other, "not_found")
    assert alerts() == {by_ywca, by_police}
    shift_clock("2 days 1 minute")
    assert alerts() == set()


def test_a_lead_who_is_refused_under_leads_only_is_so_for_another_reason(
    story: Story, api: Any, superuser: Any
) -> None:
    """sec.blocked_attempts and sec.blocked_attempt_alerts: the reason is the purge on that side,
    which no one on this side learns of (R2)."""
    story.create().sends("leads_only").send()
    by_police = (story.id, str(agency_id("police")), str(member_id("police.worker")))
    for who, told in (("ywca.lead", 0), ("ywca.worker2", 1)):
        asked_and_was_refused(superuser, story, "not_found", who)
        assert len(api("police.worker").get("/v1/barred-attempts").json()["items"]) == told, who
        assert alerts() == ({by_police} if told else set()), who


def test_who_serves_both_sides_is_not_told_of_what_she_asked_for_there(
    story: Story, api: Any, superuser: Any
) -> None:
    """sec.blocked_attempts: that would tell her that she was barred (R12)."""
    story.accept().sends("block", {"other_agency": True})
    assert api("ywca.worker2").get(f"/v1/referrals/{story.id}").status_code == 404
    with as_one_person(superuser, "ywca.worker2", "police.lead"):
        assert api("police.lead").get("/v1/barred-attempts").json()["items"] == []
    assert len(api("police.lead").get("/v1/barred-attempts").json()["items"]) == 1


def asked_and_was_refused(
    superuser: Any, story: Story, rule: str, who: str = "ywca.worker2"
) -> None:
    with superuser.cursor() as cursor:
        cursor.execute(
            "INSERT INTO access_entry (id, agency_id, member_id, act, referral_id, decision, rule)"
            " VALUES (gen_random_uuid(), %s, %s, 'referral.accept', %s, 'refused', %s)",
            [str(agency_id("ywca")), str(member_id(who)), story.id, rule],
        )


def test_a_lead_answers_for_it_unless_it_bars_her(story: Story, api: Any) -> None:
    story.accept()
    question = f"SELECT sec.is_responsible_for('{story.id}')"
    for who, does in (
        (api("ywca.worker"), True),  # she works on it
        (api("ywca.lead"), True),
        (api("ywca.client", "ywca.lead"), True),
        (api("ywca.worker2"), False),
        (api("ywca.client"), False),
    ):
        assert answer(who, question) is does, who.who
    story.answers("block", {"member_id": str(member_id("ywca.lead"))})
    assert answer(api("ywca.lead"), question) is False
    assert answer(api("ywca.worker"), question) is True


def test_no_message_reaches_whom_a_block_bars(story: Story, api: Any) -> None:
    story.accept()
    worker, worker2, lead = (member_id(f"ywca.{one}") for one in WORKING)
    assert reached(story) == {worker, worker2, lead}
    for act, ends, body, left in (
        ("block", "unblock", {"member_id": str(worker2)}, {worker, lead}),
        ("leads_only", "end_leads_only", {}, {lead}),
    ):
        who = api("ywca.worker" if act == "block" else "ywca.lead")
        assert who.act(story.id, act, body).status_code == 200
        assert reached(story) == left
        assert who.act(story.id, ends, body).status_code == 200
    story.sends("block", {"other_agency": True})
    assert reached(story) == set()
    assert reached(story, "police") == {member_id(f"police.{one}") for one in WORKING}


def reached(story: Story, key: str = "ywca") -> set[Any]:
    """The members of one side to notify, by the two ways in which the background work asks."""
    with connections["jobs"].cursor() as cursor:
        cursor.execute(
            "SELECT member_id FROM sec.members_to_notify(%s, %s)", [story.id, agency_id(key)]
        )
        told = {row[0] for row in cursor.fetchall()}
        for member in (member_id(f"{key}.{one}") for one in WORKING):
            cursor.execute("SELECT sec.may_notify_member(%s, %s)", [story.id, member])
            assert cursor.fetchone() == (member in told,)
    return told


def test_a_test_rings_one_channel_of_her_own_once_a_minute(api: Any, superuser: Any) -> None:
    own = keep(api, "ywca.worker", "sms", "406-555-0181")
    other = keep(api, "ywca.worker", "voice", "406-555-0182")
    hers = keep(api, "ywca.admin", "sms", "406-555-0183")
    theirs = keep(api, "police.admin", "sms", "406-555-0184", use="duty")

    def asked(who: str, which: str) -> bool:
        question = "SELECT sec.queue_channel_test(gen_random_uuid(), %s)"
        with transaction.atomic(), connections["default"].cursor() as cursor:
            identify(cursor, api(who))
            cursor.execute(question, [which])
            return bool(cursor.fetchone()[0])

    with superuser.cursor() as cursor:  # another message to it is no test
        cursor.execute(
            "INSERT INTO message (id, cause, agency_id, member_id, channel_id, kind, template,"
            " reference) SELECT gen_random_uuid(), id, agency_id, membership_id, id, kind,"
            " 'sent', 'ABCDEF' FROM channel WHERE id = %s",
            [own],
        )
    assert not asked("ywca.admin", own)  # the administrator keeps the agency's, not her people's
    assert asked("ywca.worker", own)
    assert not asked("ywca.worker", own)
    assert asked("ywca.worker", other)
    assert not asked("ywca.worker", hers)
    assert not asked("ywca.admin", theirs)
    with superuser.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM message WHERE template = 'test'")
        assert cursor.fetchone() == (2,)


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
