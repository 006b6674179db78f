"""Single conditions of the functions behind a conflict block (R12): each is called by itself, and a
second referral of the same two agencies must stay as it is."""

from typing import Any
from uuid import uuid4

from permissions.identity import credentials
from tests.support.ground.database import as_app, identify, rolled_back
from tests.support.ground.stored_rows import rows
from tests.support.people.callers import agency_id, member_id
from tests.support.people.stories import Story, begun, service_of
from tests.support.proofs.sec_functions import call, refused

WORKER2 = {"member_id": str(member_id("ywca.worker2"))}
ADMIN = {"member_id": str(member_id("ywca.admin"))}
SET = "SELECT sec.set_block(gen_random_uuid(), %s, %s, %s)"
KEY = (
    "INSERT INTO idempotency_key (id, agency_id, caller_id, route, key, fingerprint, status,"
    " result_id, referral_id, created_at)"
    " VALUES (gen_random_uuid(), %s, %s, 'a route', %s, '', 200, gen_random_uuid(), %s, now())"
)
KEYS = "SELECT key FROM idempotency_key ORDER BY key"


def keep_keys(cursor: Any, of: Story, *whose: tuple[str, str]) -> None:
    """What their agencies remember of requests about it: agency and member."""
    for key, who in whose:
        cursor.execute(KEY, [str(agency_id(key)), str(member_id(who)), f"{key} {who}", of.id])


def test_a_block_takes_what_is_remembered_of_requests_of_whom_it_bars(
    api: Any, superuser: Any
) -> None:
    """sec.apply_block: what her agency remembers (its system may have named her), and whichever
    else she serves of her own."""
    one, other, worker = begun(api), begun(api), api("ywca.worker")
    with rolled_back(superuser) as cursor:
        cursor.execute(
            "UPDATE permissions_membership SET person_id = (SELECT person_id FROM"
            " permissions_membership WHERE id = %s) WHERE id = %s",
            [str(member_id("ywca.worker2")), str(member_id("sarc.worker"))],
        )
        keep_keys(cursor, one, ("ywca", "ywca.worker2"), ("ywca", "ywca.worker"))
        keep_keys(cursor, one, ("sarc", "sarc.worker"), ("sarc", "sarc.lead"))
        keep_keys(cursor, one, ("police", "police.worker"))
        keep_keys(cursor, other, ("hospital", "ywca.worker2"))
        identify(cursor, worker)
        values = [one.id, "member", WORKER2["member_id"]]
        cursor.execute("SELECT sec.set_block(gen_random_uuid(), %s, %s, %s)", values)
        left = ["hospital ywca.worker2", "police police.worker", "sarc sarc.lead"]
        cursor.execute(KEYS)
        assert [row[0] for row in cursor.fetchall()] == left
        keep_keys(cursor, one, ("ywca", "ywca.worker2"))
        cursor.execute("SELECT sec.lift_block(%s, %s, %s)", values)
        cursor.execute(KEYS)
        assert len(cursor.fetchall()) == 4, "its end takes nothing"


def test_a_block_of_an_agency_takes_all_that_it_remembers_of_it(api: Any, superuser: Any) -> None:
    one, other = begun(api), begun(api)
    with superuser.cursor() as cursor:
        keep_keys(cursor, one, ("ywca", "ywca.worker"), ("police", "police.worker"))
        keep_keys(cursor, other, ("ywca", "ywca.lead"))
    call(api("police.worker"), "set_block", uuid4(), one.id, "agency", None)
    assert rows(superuser, KEYS) == [("police police.worker",), ("ywca ywca.lead",)]


def test_whom_a_block_bars_works_on_it_no_longer_and_does_not_hold_it(
    api: Any, superuser: Any
) -> None:
    """sec.apply_block: the member who set it becomes the holder, if they work on it; otherwise the
    referral has no holder."""
    one, other, leads = begun(api), begun(api), begun(api)
    elsewhere = Story(api, service_of("ywca"), recipient="ywca.lead").accept()
    for story in (one, other, leads):
        story.answers("hand_over", WORKER2 | {"keep": True})
    working = (
        "SELECT s.content_object_id::text, s.membership_id::text FROM referral_assignment s"
        " WHERE s.agency_id = %s"
    )
    holding = "SELECT referral_id::text, holder_id::text FROM referral_side WHERE agency_id = %s"
    ywca, worker = [str(agency_id("ywca"))], str(member_id("ywca.worker"))
    at_work, held = set(rows(superuser, working, ywca)), dict(rows(superuser, holding, ywca))
    theirs = dict.fromkeys((one.id, other.id, leads.id), WORKER2["member_id"])
    assert held == theirs | {elsewhere.id: str(member_id("ywca.lead"))}
    call(api("police.worker"), "set_block", uuid4(), one.id, "leads_only", None)
    held[one.id] = None
    assert dict(rows(superuser, holding, ywca)) == held, "a worker may not know of it any more"
    call(api("police.worker"), "lift_block", one.id, "leads_only", None)
    call(api("ywca.worker"), "set_block", uuid4(), other.id, "member", WORKER2["member_id"])
    at_work -= {(other.id, WORKER2["member_id"])}
    held |= {other.id: worker}
    assert set(rows(superuser, working, ywca)) == at_work
    assert dict(rows(superuser, holding, ywca)) == held
    # a lead who does not work on it: no one holds it until someone takes it over
    call(api("ywca.lead"), "set_block", uuid4(), leads.id, "member", WORKER2["member_id"])
    at_work -= {(leads.id, WORKER2["member_id"])}
    held |= {leads.id: None}
    assert set(rows(superuser, working, ywca)) == at_work
    assert dict(rows(superuser, holding, ywca)) == held
    call(api("ywca.worker"), "set_block", uuid4(), other.id, "member", ADMIN["member_id"])
    assert dict(rows(superuser, holding, ywca)) == held, "she does not hold it"


def test_the_end_of_a_block_takes_no_one_off(api: Any, superuser: Any) -> None:
    """sec.apply_block: members who were assigned since stay assigned."""
    story = begun(api).answers("block", WORKER2)
    put_on = (
        "INSERT INTO referral_assignment (id, content_object_id, membership_id, agency_id, user_id,"
        " permission_id) SELECT gen_random_uuid(), %s, m.id, m.agency_id, m.person_id, p.id"
        " FROM permissions_membership m, auth_permission p"
        " WHERE m.id = %s AND p.codename = 'work_on_referral'"
    )
    with superuser.cursor() as cursor:
        cursor.execute(put_on, [story.id, WORKER2["member_id"]])
    story.answers("unblock", WORKER2)
    left = "SELECT FROM referral_assignment WHERE membership_id = %s"
    assert len(rows(superuser, left, [WORKER2["member_id"]])) == 1


def test_a_block_is_lifted_by_whoever_answers_for_it_on_its_side(api: Any, superuser: Any) -> None:
    one, other = begun(api), begun(api)
    for story in (one, other):
        story.answers("block", ADMIN)
        story.sends("block", {"member_id": str(member_id("police.worker2"))})
    lift, values = "SELECT sec.lift_block(%s, 'member', %s)", [one.id, ADMIN["member_id"]]
    for who in ("ywca.admin", "ywca.worker2", "hospital.worker", "hospital.lead", "ywca.client"):
        assert refused(api(who), lift, *values), who
    left = "SELECT referral_id::text, agency_id::text FROM conflict_block WHERE lifted_at IS NULL"
    before = set(rows(superuser, left))
    call(api("police.worker"), "lift_block", one.id, "member", ADMIN["member_id"])
    assert set(rows(superuser, left)) == before, "whom the other side's bars, it cannot know"
    call(api("ywca.worker"), "lift_block", one.id, "member", ADMIN["member_id"])
    assert set(rows(superuser, left)) == before - {(one.id, str(agency_id("ywca")))}
    assert len(before) == 4


def test_one_block_is_lifted_and_no_other(api: Any, superuser: Any) -> None:
    story = begun(api)
    two = [WORKER2, ADMIN]
    for whom in two:
        story.answers("block", whom)
    story.answers("unblock", two[0]).answers("block", two[0])
    sender, lead = api("police.worker"), api("ywca.lead")
    for who, act in ((sender, "leads_only"), (lead, "leads_only"), (sender, "block")):
        body = {"other_agency": True} if act == "block" else {}
        assert who.act(story.id, act, body).status_code == 200
    standing = (
        "SELECT agency_id::text, kind, bars_member_id::text FROM conflict_block"
        " WHERE lifted_at IS NULL"
    )
    before = set(rows(superuser, standing))
    police, ywca = str(agency_id("police")), str(agency_id("ywca"))
    call(sender, "lift_block", story.id, "agency", None)
    assert before - set(rows(superuser, standing)) == {(police, "agency", None)}
    call(api("police.lead"), "lift_block", story.id, "leads_only", None)
    call(lead, "lift_block", story.id, "member", two[0]["member_id"])
    gone = {
        (police, "agency", None),
        (police, "leads_only", None),
        (ywca, "member", two[0]["member_id"]),
    }
    assert before - set(rows(superuser, standing)) == gone
    lifted = "SELECT lifted_by FROM conflict_block WHERE lifted_at IS NOT NULL ORDER BY lifted_at"
    first = str(rows(superuser, lifted)[0][0])
    assert first == str(member_id("ywca.worker")), "the first of two stays as it was lifted"
    with superuser.cursor() as cursor:  # it has ended
        cursor.execute("UPDATE referral SET ended_at = now() WHERE id = %s", [story.id])
    again = "SELECT sec.lift_block(%s, 'member', %s)"
    assert refused(lead, again, story.id, two[1]["member_id"])


def test_a_referral_is_flagged_while_a_block_of_its_own_stands(api: Any, superuser: Any) -> None:
    """sec.apply_block and, of a side that begins later, sec.flag_blocked_side."""
    one, other, later, last = (Story(api, service_of("ywca")) for _ in range(4))
    one.accept()
    other.accept()
    flags = (
        "SELECT f.id::text, f.has_block, bool_and(s.has_block), bool_or(s.has_block)"
        " FROM referral f JOIN referral_side s ON s.referral_id = f.id"
        " GROUP BY f.id ORDER BY f.created_at"
    )

    def flagged(*stories: Story) -> None:
        assert rows(superuser, flags) == [
            (story.id, *[story in stories] * 3) for story in (one, other, later, last) if story.id
        ]

    flagged()
    one.answers("block", WORKER2)
    later.create()
    flagged(one)
    one.answers("block", ADMIN).answers("unblock", WORKER2)
    flagged(one)
    theirs = {"member_id": str(member_id("police.worker2"))}
    later.sends("block", theirs)
    flagged(one, later)
    one.answers("unblock", ADMIN)
    flagged(later)
    later.sends("unblock", theirs)
    later.send().accept()
    flagged()
    last.create().sends("block", theirs)
    last.send().accept()
    flagged(last)


def test_a_block_is_set_by_whoever_answers_for_it_on_whom_that_side_may_bar(
    api: Any, superuser: Any
) -> None:
    """sec.set_block."""
    Story(api, service_of("sarc"), sender="hospital.worker").send()  # of two others
    one = begun(api)
    theirs, nobody = str(member_id("police.worker2")), str(uuid4())
    for who, kind, whom in (
        ("police.worker2", "agency", None),
        ("ywca.worker2", "member", ADMIN["member_id"]),
        ("hospital.lead", "leads_only", None),
        ("ywca.client", "leads_only", None),
        ("ywca.worker", "member", str(member_id("ywca.worker"))),
        ("ywca.worker", "member", theirs),
        ("ywca.worker", "member", nobody),
        ("ywca.worker", "member", None),
        ("police.worker", "agency", theirs),
        ("ywca.lead", "agency", None),
        ("police.worker", "leads_only", theirs),
        ("ywca.worker", "leads_only", None),
        ("police.worker", "anything", None),
    ):
        assert refused(api(who), SET, one.id, kind, whom), (who, kind, whom)
    for who, kind, whom in (
        ("ywca.worker", "member", ADMIN["member_id"]),
        ("police.worker", "member", theirs),
        ("police.worker", "leads_only", None),
        ("ywca.lead", "leads_only", None),
        ("police.worker", "agency", None),
    ):
        call(api(who), "set_block", uuid4(), one.id, kind, whom)
    standing = "SELECT agency_id::text, kind, bars_agency_id::text FROM conflict_block"
    police, ywca = str(agency_id("police")), str(agency_id("ywca"))
    assert set(rows(superuser, standing)) == {
        (ywca, "member", ywca),
        (police, "member", police),
        (police, "leads_only", ywca),
        (ywca, "leads_only", ywca),
        (police, "agency", ywca),
    }
    with superuser.cursor() as cursor:
        cursor.execute("UPDATE referral SET ended_at = now() WHERE id = %s", [one.id])
    admin = str(member_id("police.admin"))
    assert refused(api("police.worker"), SET, one.id, "member", admin)


def test_where_a_block_exists_a_caller_who_is_signed_out_is_barred(api: Any) -> None:
    """sec.is_not_blocked: a visitor is on no side and always barred. A caller whose session has
    ended is barred where a block exists; without a block it does not look at the session."""
    one, other = begun(api), begun(api)
    one.answers("block", WORKER2)
    assert (barred(None, one.id), barred(None, other.id)) == (True, True)
    left = api("ywca.worker")
    assert not barred(left, one.id)
    credentials.end_credential(left.secret)
    assert (barred(left, one.id), barred(left, other.id)) == (True, False)
    one.answers("unblock", WORKER2)
    assert not barred(api("ywca.worker2"), one.id)


def test_whom_a_referral_bars_asks_as_of_an_id_that_never_was(api: Any) -> None:
    """sec.is_not_blocked, by raw SQL (R12)."""
    one = begun(api)
    one.answers("block", WORKER2)
    assert barred(api("ywca.worker2"), one.id) is barred(api("ywca.worker2"), str(uuid4())) is True
    assert not barred(api("ywca.worker"), one.id)


def barred(caller: Any, referral_id: str) -> bool:
    with as_app(caller) as cursor:
        cursor.execute("SELECT NOT sec.is_not_blocked(%s)", [referral_id])
        return bool(cursor.fetchone()[0])


def test_a_recipient_whose_part_was_purged_is_barred_and_no_one_else(
    api: Any, superuser: Any
) -> None:
    """sec.is_not_blocked and sec.is_person_blocked, where no block stands: as its agency, and by no
    side's block."""
    one, other = begun(api), begun(api)
    with rolled_back(superuser) as cursor:
        cursor.execute("UPDATE referral SET to_purged = true WHERE id = %s", [one.id])
        for caller in (api("ywca.lead"), api("ywca.worker"), api("ywca.client"), None):
            assert not_barred(cursor, caller, one) is False, caller
        for caller in (api("police.lead"), api("police.client")):
            assert not_barred(cursor, caller, one) is True, caller
        assert not_barred(cursor, api("ywca.lead"), other) is True
        for story, key, side, expected in (
            (one, "ywca", None, True),
            (other, "ywca", None, False),
            (one, "ywca", "ywca", False),
            (one, "police", None, False),
        ):
            by = str(agency_id(side)) if side else None
            values = [story.id, str(agency_id(key)), str(member_id("ywca.worker")), True, by]
            cursor.execute("SELECT sec.is_person_blocked(%s, %s, %s, %s, %s)", values)
            assert cursor.fetchall() == [(expected,)], (key, side)


def not_barred(cursor: Any, caller: Any, story: Story) -> bool:
    identify(cursor, caller)
    cursor.execute("SELECT sec.is_not_blocked(%s)", [story.id])
    return bool(cursor.fetchone()[0])


def test_a_block_bars_by_whose_it_is_where_that_is_asked(api: Any, superuser: Any) -> None:
    """sec.is_person_blocked of one side's blocks, or of either's; by a person, all but leads, or
    all there."""
    one, other, whole = begun(api), begun(api), begun(api)
    one.answers("block", WORKER2)
    other.sends("leads_only")
    whole.sends("block", {"other_agency": True})
    person = "SELECT person_id::text FROM permissions_membership WHERE id = %s"
    with rolled_back(superuser) as cursor:
        people = {}
        for who in ("ywca.worker", "ywca.worker2"):
            cursor.execute(person, [str(member_id(who))])
            ((people[who],),) = cursor.fetchall()

        def bars(story: Story, who: str, is_lead: bool, side: str | None) -> bool:
            by = str(agency_id(side)) if side else None
            values = [story.id, str(agency_id("ywca")), people[who], is_lead, by]
            cursor.execute("SELECT sec.is_person_blocked(%s, %s, %s, %s, %s)", values)
            ((found,),) = cursor.fetchall()
            return bool(found)

        for side, expected in ((None, True), ("ywca", True), ("police", False)):
            assert bars(one, "ywca.worker2", True, side) is expected, side
            assert not bars(one, "ywca.worker", False, side)
        for side, expected in ((None, True), ("ywca", False), ("police", True)):
            assert bars(other, "ywca.worker", False, side) is expected, side
            assert not bars(other, "ywca.worker", True, side), "a lead"
            assert bars(whole, "ywca.worker", True, side) is expected, side
