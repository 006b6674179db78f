"""Single conditions of the functions behind releases and grants: each is called by itself, and a
second referral of the same two agencies must stay as it is."""

from typing import Any
from uuid import uuid4

from tests.support.ground.database import as_app, past_triggers
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import agency_id, member_id
from tests.support.people.stories import Story, begun, return_body, service_of
from tests.support.proofs.sec_functions import call, change, refused, release_of

FIELDS = ["name", "phone"]
PUT = "SELECT sec.store_grant(gen_random_uuid(), %s, %s, %s, 1, 'a bundle')"
GRANTS = (
    "SELECT referral_id::text, release_id::text, fields, opened_at IS NOT NULL FROM packet_grant"
    " WHERE key_bundle = 'a bundle'"
)


def test_a_grant_is_of_this_referrals_release_and_of_its_fields(api: Any, superuser: Any) -> None:
    """sec.store_grant, by the sender's assignee alone."""
    one, other = begun(api), begun(api)
    other.answers("put_return_release", return_body())
    one.answers("put_return_release", return_body())
    ours, theirs = release_of(superuser, one), release_of(superuser, other)
    returns = release_of(superuser, one, "return")
    sender = "police.worker"
    for who, values in (
        (sender, [one.id, theirs, FIELDS]),
        (sender, [one.id, str(uuid4()), FIELDS]),
        (sender, [one.id, returns, ["connected"]]),
        (sender, [one.id, ours, [*FIELDS, "health"]]),
        ("police.worker2", [one.id, ours, FIELDS]),
        ("ywca.worker", [one.id, ours, FIELDS]),
        ("police.client", [one.id, ours, FIELDS]),
    ):
        assert refused(api(who), PUT, *values), (who, values)
    call(api(sender), "store_grant", uuid4(), one.id, ours, FIELDS, 1, b"a bundle")
    assert rows(superuser, GRANTS) == [(one.id, ours, FIELDS, True)]


def test_no_grant_of_a_release_that_is_over_or_came_before_she_could_agree(
    story: Story, api: Any, superuser: Any
) -> None:
    """sec.store_grant, sec.has_agreed."""
    story.create().release(*FIELDS).packet(name="a name").send()
    ours, sender = release_of(superuser, story), api("police.worker")
    values = [story.id, ours, FIELDS]

    def granted() -> bool:
        return not refused(sender, PUT, *values)

    def agreed() -> Any:
        return call(sender, "has_agreed", story.id)

    call(sender, "store_grant", uuid4(), story.id, ours, FIELDS, 1, b"a bundle")
    assert rows(superuser, GRANTS) == [(story.id, ours, FIELDS, False)], "closed until the accept"
    for over, again in (
        ("ended = true", "ended = false"),
        ("expires_at = now()", "expires_at = now() + interval '1 day'"),
    ):
        change(superuser, f"release SET {over} WHERE id = %s", ours)
        assert not granted(), over
        change(superuser, f"release SET {again} WHERE id = %s", ours)
        assert granted(), again
    assert agreed() is True
    change(superuser, "referral SET agreement = 'cannot_say' WHERE id = %s", story.id)
    assert not granted(), "it came before it was sent"
    assert agreed() is False
    other = Story(api, service_of("ywca")).accept().release(*FIELDS)
    assert agreed() is False, "another's release says nothing"
    change(superuser, "release SET direction = 'return', created_at = now() WHERE id = %s", ours)
    assert agreed() is False, "nor does what goes back"
    change(superuser, "release SET direction = 'outbound' WHERE id = %s", ours)
    assert granted()
    assert agreed() is True
    assert call(sender, "has_agreed", other.id) is True
    assert call(sender, "has_agreed", uuid4()) is False


def test_nothing_is_granted_to_the_side_that_has_stopped(api: Any, superuser: Any) -> None:
    """sec.store_grant: and the sender is answered as ever (R2)."""
    one, other = begun(api), begun(api)
    sender, state = api("police.worker"), "referral_side SET state = 'stopped'"
    where = "WHERE referral_id = %s AND agency_id = %s"
    ours = release_of(superuser, one)
    change(superuser, f"{state} {where}", one.id, agency_id("ywca"))
    call(sender, "store_grant", uuid4(), one.id, ours, FIELDS, 1, b"a bundle")
    assert rows(superuser, GRANTS) == []
    with past_triggers(superuser):  # one keeps the end; the test takes it back
        again = state.replace("stopped", "accepted")
        change(superuser, f"{again} {where}", one.id, agency_id("ywca"))
    change(superuser, f"{state} {where}", other.id, agency_id("ywca"))
    change(superuser, f"{state} {where}", one.id, agency_id("police"))
    call(sender, "store_grant", uuid4(), one.id, ours, FIELDS, 1, b"a bundle")
    assert rows(superuser, GRANTS) == [(one.id, ours, FIELDS, True)]


def test_nothing_is_granted_to_the_side_whose_part_was_purged(api: Any, superuser: Any) -> None:
    """sec.store_grant: and the sender is answered as ever (R2)."""
    one, _ = begun(api), begun(api)
    sender, ours = api("police.worker"), release_of(superuser, one)
    before = rows(superuser, GRANTS)
    change(superuser, "referral SET to_purged = true WHERE id = %s", one.id)
    call(sender, "store_grant", uuid4(), one.id, ours, FIELDS, 1, b"a bundle")
    assert rows(superuser, GRANTS) == before
    change(superuser, "referral SET to_purged = false WHERE id = %s", one.id)
    call(sender, "store_grant", uuid4(), one.id, ours, FIELDS, 1, b"a bundle")
    assert rows(superuser, GRANTS) != before


def test_a_grant_opens_by_the_accept_of_this_referral(api: Any, superuser: Any) -> None:
    """sec.activate_grant."""
    one, other = begun(api), begun(api)
    change(superuser, "packet_grant SET opened_at = NULL WHERE release_id IS NOT NULL")
    opened = "SELECT referral_id::text FROM packet_grant WHERE opened_at IS NOT NULL"
    for who in ("police.worker", "ywca.worker2", "ywca.client", "hospital.lead"):
        call(api(who), "activate_grant", one.id)
        assert rows(superuser, opened) == [], who
    recipient = api("ywca.worker")
    change(superuser, "referral SET status = 'sent' WHERE id = %s", one.id)
    call(recipient, "activate_grant", one.id)
    assert rows(superuser, opened) == [], "the other is accepted, this one is not"
    change(superuser, "referral SET status = 'accepted' WHERE id = %s", one.id)
    change(superuser, "packet_grant SET closed = true WHERE referral_id = %s", one.id)
    call(recipient, "activate_grant", one.id)
    assert rows(superuser, opened) == []
    change(superuser, "packet_grant SET closed = false WHERE referral_id = %s", one.id)
    call(recipient, "activate_grant", one.id)
    assert rows(superuser, opened) == [(one.id,)], "its own, not the sender's, nor another's"
    change(superuser, "packet_grant SET opened_at = '2026-01-01' WHERE opened_at IS NOT NULL")
    call(recipient, "activate_grant", one.id)
    call(recipient, "activate_grant", other.id)
    first = "SELECT referral_id::text FROM packet_grant WHERE opened_at = '2026-01-01'"
    assert rows(superuser, first) == [(one.id,)], "it stays as it was opened first"
    assert len(rows(superuser, opened)) == 2


def test_what_lies_ready_ends_by_the_recipient_before_its_accept(api: Any, superuser: Any) -> None:
    """sec.revoke_before_accept: by those who answer for it there, of this referral, and it tells
    nothing."""
    one, other, none, draft = (Story(api, service_of("ywca")) for _ in range(4))
    for story in (one, other, draft):
        story.create().release(*FIELDS).packet(name="a name")
    for story in (one, other, none):
        story.send().answers("acknowledge")
    end = "SELECT sec.revoke_before_accept(%s, 'oral')"
    live = "SELECT referral_id::text FROM release WHERE NOT ended AND NOT never_open"
    ready = "SELECT referral_id::text FROM packet_grant WHERE release_id IS NOT NULL AND NOT closed"
    shown = "SELECT id::text, release_ended, version FROM referral"
    before = {id_: version for id_, _, version in rows(superuser, shown)}
    left = {(story.id,) for story in (one, other, draft)}
    for who, story in (
        ("police.worker", one),
        ("police.lead", one),
        ("ywca.worker2", one),
        ("ywca.client", one),
        ("ywca.admin", one),
        ("hospital.lead", one),
        ("ywca.lead", draft),
    ):
        assert refused(api(who), end, story.id), who
    assert refused(api("ywca.lead"), end, str(uuid4()))
    assert set(rows(superuser, live)) == left
    for who in ("ywca.worker", "ywca.lead"):
        told = {
            repr(call(api(who), "revoke_before_accept", story.id, "oral")) for story in (one, none)
        }
        assert told == {"''"}, "void, whatever there was"
    assert set(rows(superuser, live)) == left - {(one.id,)}
    assert rows(superuser, ready) == [(other.id,)]
    assert rows(superuser, "SELECT count(*) FROM packet_grant WHERE key_bundle IS NOT NULL") == [
        (4,)
    ], "the senders' own, and the other's"
    by = "SELECT release_id::text, agency_id::text, revoked_via, revoked_by::text FROM release_end"
    ours = release_of(superuser, one)
    recorded = (ours, str(agency_id("ywca")), "oral", str(member_id("ywca.worker")))
    assert rows(superuser, by) == [recorded], "once, by the side that recorded it first"
    now = {id_: (ended, version) for id_, ended, version in rows(superuser, shown)}
    assert now == {id_: (id_ == one.id, n + (id_ == one.id)) for id_, n in before.items()}
    change(superuser, "release SET ended = false WHERE id = %s", ours)
    change(superuser, "release SET direction = 'return' WHERE id = %s", ours)
    call(api("ywca.lead"), "revoke_before_accept", one.id, "oral")
    assert rows(superuser, by) == [recorded], "what goes back is ended by sec.end_return_release"
    other.answers("accept")
    assert refused(api("ywca.worker"), end, other.id), "from the accept on it is shown"
    assert rows(superuser, "SELECT 1 FROM release WHERE never_open") == [(1,)]


def test_who_read_both_is_asked_of_the_caller_herself(api: Any, superuser: Any) -> None:
    """sec.has_opened_packet"""
    one, other = begun(api), begun(api)
    other.answers("open_packet", {"purpose": "intake"})

    def opened(caller: str, story: Story = one) -> Any:
        return call(api(caller), "has_opened_packet", story.id)

    recipient = "ywca.worker"
    assert opened(recipient) is False, "the other she did"
    refusal = api("ywca.worker2").act(one.id, "open_packet", {"purpose": "intake"})
    assert refusal.status_code == 403
    assert opened("ywca.worker2") is False, "refused"
    assert api(recipient).get(f"/v1/referrals/{one.id}").status_code == 200
    assert opened(recipient) is False, "another act"
    one.answers("open_packet", {"purpose": "intake"})
    assert opened(recipient) is True
    for caller in ("ywca.worker2", "ywca.lead", "police.worker", "ywca.client"):
        assert opened(caller) is False, caller
    with superuser.cursor() as cursor:  # as if she had opened it for another agency
        cursor.execute(
            "INSERT INTO access_entry"
            " (id, agency_id, member_id, act, referral_id, decision, purpose, fields)"
            " VALUES (gen_random_uuid(), %s, %s, 'referral.open_packet', %s, 'allowed', 'intake',"
            " '{name}')",
            [str(agency_id("hospital")), str(member_id("ywca.lead")), one.id],
        )
    assert opened("ywca.lead") is False
    api("ywca.lead").act(one.id, "leads_only")
    assert opened(recipient) is False, "whom it bars it tells nothing"


def test_openings_are_told_of_a_packet_that_was_misdirected(api: Any, superuser: Any) -> None:
    """sec.packet_opening_counts: to those who answer for it at the sender, how many people and
    when."""
    one, other = begun(api), begun(api)
    for story in (one, other):
        for _ in range(2):
            story.answers("open_packet", {"purpose": "intake"})
    one.sends("open_packet", {"purpose": "review"})  # the sender's own are none of them
    assert api("ywca.worker2").act(one.id, "open_packet", {"purpose": "intake"}).status_code == 403
    assert api("ywca.worker").get(f"/v1/referrals/{one.id}").status_code == 200

    def told(caller: str, story: Story = one) -> Any:
        with as_app(api(caller)) as cursor:
            cursor.execute(
                "SELECT people, cardinality(times) FROM sec.packet_opening_counts(%s)", [story.id]
            )
            return cursor.fetchone()

    assert told("police.worker") == (None, None), "it is no error yet"
    one.sends("mark_error", {"code": "wrong_recipient"})
    for caller, known in (
        ("police.worker", True),
        ("police.lead", True),
        ("police.worker2", False),
        ("ywca.worker", False),
        ("hospital.lead", False),
        ("police.client", False),
    ):
        assert told(caller) == ((1, 2) if known else (None, None)), caller
    assert told("police.worker", other) == (None, None)
    change(superuser, "referral SET from_purged = true WHERE id = %s", one.id)
    assert told("police.lead") == (None, None)
