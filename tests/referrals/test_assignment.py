"""Who works on a referral, inside one agency (R7): assign, hand over, take over, who is notified.

By HTTP, and by raw SQL as `app`: the database alone writes assignments and names holders.
"""

import contextlib
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import ProgrammingError, connection, transaction

from referrals import codes
from tests.support.ground.database import as_app, identify, refused
from tests.support.people.callers import agency_id, member_id
from tests.support.people.desk_pages import at_the_desk, text_of
from tests.support.people.stories import PACKET, Story, to
from tests.support.proofs.sender_view import Sender


def seen(api: Any, who: str, story: Story) -> Any:
    return api(who).get(f"/v1/referrals/{story.id}").json()


def working(api: Any, who: str, story: Story) -> tuple[str, set[str]]:
    """The holder and the assigned of her side, as cast names of it."""
    shown = seen(api, who, story)
    key = who.split(".")[0]
    names = {str(member_id(f"{key}.{one}")): one for one in ("worker", "worker2", "lead", "all")}
    return names[shown["holder"]["id"]], {names[one["id"]] for one in shown["assigned"]}


def opens(api: Any, who: str, story: Story) -> int:
    status: int = api(who).act(story.id, "open_packet", {"purpose": "intake"}).status_code
    return status


def acts_in(api: Any, who: str, story: Story) -> list[tuple[str, str | None, str | None]]:
    steps = api(who).get(f"/v1/referrals/{story.id}/history").json()["items"]
    return [(step["act"], step["about"], step["code"]) for step in steps]


@pytest.fixture
def opened(story: Story) -> Story:
    """Accepted by ywca.worker, with a packet open."""
    return story.accept().release(*PACKET).packet(**PACKET)


# -- The acts --------------------------------------------------------------------------------------


def test_a_colleague_put_on_it_opens_the_packet_and_no_one_is_taken_off(
    opened: Story, api: Any
) -> None:
    assert opens(api, "ywca.worker2", opened) == 403
    worker = api("ywca.worker")
    etag = worker.get(f"/v1/referrals/{opened.id}")["ETag"]
    for _ in range(2):  # again, with what is now an old ETag: as before, and no second event
        again = worker.act(opened.id, "assign", to("ywca.worker2"), If_Match=etag)
        assert again.status_code == 200
    assert working(api, "ywca.worker", opened) == ("worker", {"worker", "worker2"})
    assert opens(api, "ywca.worker2", opened) == 200
    done = [one for one in acts_in(api, "ywca.worker", opened) if one[0] == "assign"]
    assert done == [("assign", "Yoko Specimen", None)]


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("who", ["ywca.worker", "ywca.lead"])
def test_who_is_replaced_loses_her_assignment_unless_it_is_kept(
    opened: Story, api: Any, who: str, keep: bool
) -> None:
    for _ in range(2):
        answer = api(who).act(opened.id, "hand_over", to("ywca.worker2", keep=keep))
        # The old holder may not hand over twice; a lead may, and nothing more happens.
        assert answer.status_code == (403 if _ and who == "ywca.worker" else 200)
    kept = {"worker"} if keep else set()
    assert working(api, "ywca.lead", opened) == ("worker2", {"worker2"} | kept)
    assert opens(api, "ywca.worker", opened) == (200 if keep else 403)
    assert opens(api, "ywca.worker2", opened) == 200
    assert opens(api, "ywca.lead", opened) == 403
    acts = [one for one, _, _ in acts_in(api, "ywca.lead", opened)]
    assert acts.count("hand_over") == 1


def test_the_senders_shift_ends_too(opened: Story, api: Any) -> None:
    assert opened.sends("hand_over", to("police.worker2"))
    assert working(api, "police.lead", opened) == ("worker2", {"worker2"})
    assert opens(api, "police.worker", opened) == 403
    assert api("police.worker2").act(opened.id, "withdraw", {"code": "other"}).status_code == 200


def test_until_the_accept_any_worker_takes_over_and_needs_no_reason(story: Story, api: Any) -> None:
    story.send().answers("acknowledge")
    assert api("ywca.worker2").act(story.id, "take_over").status_code == 200
    assert api("ywca.worker2").act(story.id, "take_over").status_code == 200
    assert working(api, "ywca.lead", story) == ("worker2", {"worker2"})
    acts = [one for one, _, _ in acts_in(api, "ywca.lead", story)]
    assert acts.count("take_over") == 1
    assert api("ywca.lead").get("/v1/self-assignments").json()["items"] == []


@pytest.mark.parametrize(
    ("act", "body"),
    [("take_over", {}), ("take_over", {"keep": True}), ("assign", to("ywca.lead"))],
)
def test_after_the_accept_only_a_lead_assigns_themselves_and_gives_a_reason(
    opened: Story, api: Any, act: str, body: Any
) -> None:
    colleague = body if act == "take_over" else to("ywca.worker2")
    refused_ = api("ywca.worker2").act(opened.id, act, colleague | {"reason": "safety"})
    assert (refused_.status_code, refused_.json()["code"]) == (403, "not_assigned")
    lead = api("ywca.lead")
    silent = lead.act(opened.id, act, body)
    assert (silent.status_code, silent.json()["code"]) == (409, "reason_missing")
    wrong = lead.act(opened.id, act, body | {"reason": "curious"})
    assert wrong.status_code == 400
    assert opens(api, "ywca.lead", opened) == 403
    assert lead.act(opened.id, act, body | {"reason": "safety"}).status_code == 200
    assert opens(api, "ywca.lead", opened) == 200
    holder, assigned = working(api, "ywca.lead", opened)
    assert holder == ("lead" if act == "take_over" else "worker")
    assert assigned == ({"lead"} if act == "take_over" and not body else {"lead", "worker"})


def test_no_one_of_another_agency_and_no_other_role_is_put_on_it(opened: Story, api: Any) -> None:
    lead = api("ywca.lead")
    for who in ("police.worker", "outsider.worker", "ywca.auditor", "ywca.admin"):
        for act in ("assign", "hand_over"):
            answer = lead.act(opened.id, act, to(who))
            assert (answer.status_code, answer.json()["code"]) == (409, "member_unknown"), who
    answer = lead.act(opened.id, "hand_over", to("ywca.lead"))
    assert (answer.status_code, answer.json()["code"]) == (409, "take_over_instead")


def test_the_other_side_is_shown_nothing_of_it(opened: Story, api: Any) -> None:
    sender = Sender(api)
    before = sender.view(opened.id)
    for who, act, body in (
        ("ywca.worker", "assign", to("ywca.worker2")),
        ("ywca.worker", "hand_over", to("ywca.worker2")),
        ("ywca.lead", "take_over", {"reason": "review"}),
    ):
        assert api(who).act(opened.id, act, body).status_code == 200
        assert sender.view(opened.id) == before, act


# -- Who is notified -------------------------------------------------------------------------------


def test_another_member_and_the_auditor_are_told_at_once(
    opened: Story, api: Any, superuser: Any
) -> None:
    body = {"reason": "holder_away", "keep": True}
    assert api("ywca.lead").act(opened.id, "take_over", body).status_code == 200
    for who in ("ywca.worker", "ywca.worker2", "ywca.lead", "ywca.auditor"):
        (told,) = api(who).get("/v1/self-assignments").json()["items"]
        assert told["referral_id"] == opened.id
        assert (told["member_name"], told["reason"]) == ("Yara Sample", "holder_away")
    for who in ("police.lead", "police.auditor", "outsider.lead"):
        assert api(who).get("/v1/self-assignments").json() == {"items": [], "to_review": []}
    assert ("take_over", "Yara Sample", "holder_away") in acts_in(api, "ywca.worker2", opened)
    entries = (
        api("ywca.auditor")
        .get("/v1/access-log", {"act": "referral.self_assign", "referral_id": opened.id})
        .json()
    )
    (entry,) = entries["items"]
    assert entry["member_id"] == str(member_id("ywca.lead"))
    assert entry["rule"] == "holder_away"
    page = text_of(at_the_desk("ywca.worker2").get("/desk/told").content.decode())
    assert "Yara Sample : The holder is away" in page


def test_the_outside_reviewer_of_an_agency_of_one_is_told_by_reference_only(
    api: Any, superuser: Any
) -> None:
    story = Story(api, _service_of_solo(), recipient="solo.all").accept()
    with superuser.cursor() as cursor:  # how her assignment was lost does not matter here
        cursor.execute(
            "DELETE FROM referral_assignment WHERE agency_id = %s", [str(agency_id("solo"))]
        )
    answer = api("solo.all").act(story.id, "assign", to("solo.all", reason="nobody_assigned"))
    assert answer.status_code == 200
    told = api("ywca.lead").get("/v1/self-assignments").json()
    assert told["items"] == []
    (one,) = told["to_review"]
    assert set(one) == {"id", "at", "agency_name", "reference"}
    assert one["reference"] == answer.json()["reference"]
    assert one["agency_name"] == "Demo One-Lawyer Office"
    assert api("ywca.lead").get(f"/v1/referrals/{story.id}").status_code == 404
    for who in ("ywca.worker", "sarc.lead", "police.worker"):
        assert api(who).get("/v1/self-assignments").json()["to_review"] == [], who
    page = text_of(at_the_desk("ywca.lead").get("/desk/told").content.decode())
    assert "For you as the outside reviewer" in page


def test_the_reviewer_is_not_told_of_a_referral_of_her_own_agencys(
    api: Any, superuser: Any
) -> None:
    story = Story(api, _service_of_solo(), sender="ywca.worker", recipient="solo.all").accept()
    with superuser.cursor() as cursor:
        cursor.execute(
            "DELETE FROM referral_assignment WHERE agency_id = %s", [str(agency_id("solo"))]
        )
    answer = api("solo.all").act(story.id, "assign", to("solo.all", reason="nobody_assigned"))
    assert answer.status_code == 200
    assert api("ywca.lead").get("/v1/self-assignments").json()["to_review"] == []


def _service_of_solo() -> str:
    from tests.support.people.stories import service_of

    return service_of("solo")


def test_the_table_knows_the_same_reasons_as_the_code_list(superuser: Any) -> None:
    with superuser.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = 'self_assignment'::regclass AND contype = 'c'"
        )
        (text,) = cursor.fetchone()
    assert {one for one in text.split("'") if one in codes.SELF_ASSIGNMENT} == set(
        codes.SELF_ASSIGNMENT
    )
    assert text.count("::text") == len(codes.SELF_ASSIGNMENT)


# -- The second wall -------------------------------------------------------------------------------


def taken(api: Any, who: str, call: str, values: list[Any]) -> bool:
    """Whether the database lets her, by raw SQL as `app`; undone."""
    with as_app(api(who)) as cursor:
        return not refused(cursor, f"SELECT {call}", values)


PEOPLE = ("worker", "worker2", "lead", "admin", "auditor")


@pytest.mark.parametrize(
    ("state", "side", "may_take", "may_take_saying_why", "may_put_on"),
    [
        ("draft", "police", set(), {"lead"}, {"worker", "lead"}),
        ("sent", "police", set(), {"lead"}, {"worker", "lead"}),
        ("sent", "ywca", {"worker", "worker2", "lead"}, {"worker", "worker2", "lead"}, {"lead"}),
        ("accepted", "ywca", set(), {"lead"}, {"worker", "lead"}),
        ("accepted", "outsider", set(), set(), set()),
        ("completed", "ywca", set(), set(), {"worker", "lead"}),
        ("withdrawn", "ywca", set(), set(), {"lead"}),
        ("withdrawn", "police", set(), set(), {"worker", "lead"}),
        ("withdrawn", "outsider", set(), set(), set()),
    ],
)
def test_by_raw_sql_no_one_is_assigned_whom_the_rules_would_not_assign(
    story: Story,
    api: Any,
    state: str,
    side: str,
    may_take: Any,
    may_take_saying_why: Any,
    may_put_on: Any,
) -> None:
    _bring(story, state)
    with contextlib.suppress(Exception):  # where the recipient has no side yet, she begins one
        _begin_side(api(f"{side}.lead"), story, side)
    colleague = str(member_id(f"{side}.worker2"))
    for short in PEOPLE:
        who = f"{side}.{short}"
        call = "sec.claim_referral(%s, %s, %s, false)"
        for why, may in ((None, may_take), ("safety", may_take_saying_why)):
            assert taken(api, who, call, [uuid4(), story.id, why]) == (short in may), (who, why)
        for function, last in (("assign_member", None), ("transfer_referral", False)):
            call = f"sec.{function}(%s, %s, %s, %s)"
            values = [uuid4(), story.id, colleague, last]
            over = function == "transfer_referral" and state in ("completed", "withdrawn")
            allowed = short in may_put_on and colleague != str(member_id(who)) and not over
            assert taken(api, who, call, values) == allowed, (who, function)
            for stranger in ("police.worker", "ywca.auditor", "outsider.lead"):
                values[2] = str(member_id(stranger))
                if stranger.split(".")[0] != side or stranger.endswith("auditor"):
                    assert not taken(api, who, call, values), (who, function, stranger)
        herself = [uuid4(), story.id, str(member_id(who)), None]
        assert not taken(api, who, "sec.assign_member(%s, %s, %s, %s)", herself), who
        assert not taken(api, who, "sec.transfer_referral(%s, %s, %s, false)", herself[:3]), who


def _bring(story: Story, state: str) -> None:
    story.create()
    if state == "draft":
        return
    story.send()
    if state == "withdrawn":
        story.sends("withdraw", {"code": "other"})
    elif state != "sent":
        story.answers("accept")
    if state == "completed":
        story.answers("complete", {"outcome": "connected"})


def _begin_side(caller: Any, story: Story, side: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        identify(cursor, caller)
        cursor.execute(
            "INSERT INTO referral_side (id, referral_id, agency_id, subject, version)"
            " VALUES (%s, %s, %s, %s, 1)",
            [uuid4(), story.id, agency_id(side), uuid4()],
        )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE referral_side SET holder_id = {me}",
        "INSERT INTO referral_assignment (id, content_object_id, membership_id, agency_id, user_id,"
        " permission_id) SELECT gen_random_uuid(), content_object_id, {me}, agency_id, user_id,"
        " permission_id FROM referral_assignment LIMIT 1",
        "DELETE FROM referral_assignment",
        "INSERT INTO self_assignment SELECT gen_random_uuid(), id, to_agency_id, {me}, 'safety',"
        " now() FROM referral",
        # What would bring back the right to answer it
        "UPDATE referral SET accepted_at = NULL, status = 'sent'",
        "UPDATE referral SET sent_at = NULL, status = 'draft'",
    ],
)
def test_the_way_around_the_functions_is_closed(opened: Story, api: Any, statement: str) -> None:
    me = f"'{member_id('ywca.worker2')}'"
    with as_app(api("ywca.worker2")) as cursor:
        assert refused(cursor, statement.format(me=me))
    with as_app(api("ywca.worker2")) as cursor, contextlib.suppress(ProgrammingError):
        cursor.execute("SELECT sec.insert_assignment(%s, %s, %s, %s)", [uuid4()] * 4)
        pytest.fail("a function behind the functions is open")


def test_an_ended_membership_is_put_on_nothing(opened: Story, api: Any) -> None:
    from tests.support.ground.database import turned_off

    worker2 = member_id("ywca.worker2")
    with turned_off("jobs", "permissions_membership", "active", worker2):
        answer = api("ywca.lead").act(opened.id, "assign", to("ywca.worker2"))
        assert (answer.status_code, answer.json()["code"]) == (409, "member_unknown")
        values: list[Any] = [uuid4(), opened.id, UUID(str(worker2)), None]
        assert not taken(api, "ywca.lead", "sec.assign_member(%s, %s, %s, %s)", values)


def test_a_person_who_is_locked_out_is_put_on_nothing(
    opened: Story, api: Any, superuser: Any
) -> None:
    """Her membership stands; it is she who may not sign in."""
    from tests.support.ground.database import turned_off

    worker2 = member_id("ywca.worker2")
    with superuser.cursor() as cursor:
        cursor.execute("SELECT person_id FROM permissions_membership WHERE id = %s", [str(worker2)])
        (person,) = cursor.fetchone()
    values: list[Any] = [uuid4(), opened.id, UUID(str(worker2)), None]
    with turned_off("signin", "permissions_person", "is_active", person):
        assert not taken(api, "ywca.lead", "sec.assign_member(%s, %s, %s, %s)", values)
    assert taken(api, "ywca.lead", "sec.assign_member(%s, %s, %s, %s)", values)


def test_who_is_on_one_referral_can_be_put_on_another(opened: Story, api: Any) -> None:
    for story in (opened, Story(api, opened.service_id).accept()):
        story.answers("assign", to("ywca.worker2"))
        assert working(api, "ywca.worker", story) == ("worker", {"worker", "worker2"})


def test_a_permission_of_the_same_name_elsewhere_is_not_this_one(
    opened: Story, api: Any, superuser: Any
) -> None:
    """Another app of the project may call one of its own so."""
    with superuser.cursor() as cursor:
        cursor.execute(
            "INSERT INTO auth_permission (name, content_type_id, codename)"
            " SELECT 'another', id, 'work_on_referral' FROM django_content_type"
            " WHERE app_label <> 'referrals' ORDER BY id LIMIT 1 RETURNING id"
        )
        (other,) = cursor.fetchone()
        try:
            opened.answers("assign", to("ywca.worker2"))
        finally:
            cursor.execute("DELETE FROM auth_permission WHERE id = %s", [other])
    assert opens(api, "ywca.worker2", opened) == 200
