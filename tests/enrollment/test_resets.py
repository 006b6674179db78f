"""A lost sign-in is set up again by its owner; two others of the agency have a part in it."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from allauth.mfa.models import Authenticator

from permissions.enrollment import resets
from permissions.errors import NotPossible
from permissions.identity import credentials
from permissions.models import Invitation, Membership, Person
from referrals.bulk.exports import confirm
from tests.enrollment.links import (
    NEW,
    PASSWORD,
    add_app,
    at_the_desk_of,
    invite,
    joined,
    opened,
    path_in,
    sent,
)
from tests.enrollment.links import no_one_new_stays as no_one_new_stays  # a fixture
from tests.support.ground.stored_rows import rows
from tests.support.people import exports
from tests.support.people.callers import Caller, member_id, principal
from tests.support.people.desk_pages import Pages, at_the_desk, sign_in, text_of
from tests.support.people.left import by_an_administrator
from tests.support.people.notifications import keep
from tests.support.people.stories import PACKET, Story, service_of

OPENS = {"purpose": "intake"}
NUMBER = "+14065550177"


@pytest.fixture
def nia(network: Any, superuser: Any) -> Membership:
    """A worker of ywca with a number of their own that they proved four days ago."""
    joined(invite())
    found = Membership.objects.using("signin").get(person__username=NEW)
    with superuser.cursor() as cursor:
        cursor.execute(
            "INSERT INTO channel (id, agency_id, membership_id, use, kind, address, proven_at)"
            " VALUES (gen_random_uuid(), %s, %s, 'own', 'sms', %s, now() - interval '96 hours')",
            [str(found.agency_id), str(found.id), NUMBER],
        )
    superuser.commit()
    return found


def ask(member: Membership, who: str = "ywca.lead") -> Any:
    return at_the_desk(who).submit(f"/desk/members/{member.id}/reset", {})


def link_of(member: Membership, who: str = "ywca.lead") -> str:
    answer = ask(member, who)
    assert answer.request["PATH_INFO"] == "/desk/resets", text_of(answer.content)
    message = next(one for one in sent() if "/join/" in one["text"])
    assert message["to"] == NUMBER
    return path_in(message)


def taken(path: str) -> dict[str, str]:
    """The member follows the link; return what they sign in with from now on."""
    pages = opened(path)
    pages.submit("/join", {"password": "quite another phrase"})
    secret = add_app()
    assert pages.get("/join")["Location"] == "/desk/agency"
    return {"username": NEW, "password": "quite another phrase", "totp_secret": secret}


def test_a_member_sets_up_anew_what_they_sign_in_with_and_nothing_of_before_works(
    nia: Membership,
) -> None:
    before = Authenticator.objects.get(user_id=nia.person_id)
    session = credentials.open_for_member(nia)
    said = taken(link_of(nia))
    person = Person.objects.get(username=NEW)
    assert not person.check_password(PASSWORD)
    assert Authenticator.objects.get(user=person).id != before.id
    assert credentials.resolve_credential(session) is None
    assert sign_in(Pages(), said).request["PATH_INFO"] == "/desk/"


def test_nothing_opens_until_another_confirms_it(nia: Membership, api: Any) -> None:
    story = Story(api, service_of("ywca")).accept().release(*PACKET).packet(**PACKET)
    story.answers("assign", {"member_id": str(nia.id)})
    worker = Caller("nia", credentials.open_for_member(nia))
    assert worker.act(story.id, "open_packet", OPENS).status_code == 200
    taken(link_of(nia))
    worker = Caller("nia", credentials.open_for_member(nia))
    for act in ("open_packet", "open_notes"):
        refused = worker.act(story.id, act, OPENS)
        assert (refused.status_code, refused.json()["code"]) == (409, "reset_waits"), act
    asker = at_the_desk("ywca.lead", csrf=False)
    which = {"which": str(nia.id)}
    assert asker.http.post("/desk/resets", which).status_code == 403
    assert at_the_desk_of(NEW).get("/desk/resets").status_code == 403, "a worker"
    assert worker.act(story.id, "open_packet", OPENS).status_code == 409
    admin = at_the_desk("ywca.admin")
    assert "Nia Newcomer" in text_of(admin.get("/desk/resets").content)
    admin.submit("/desk/resets", which)
    assert worker.act(story.id, "open_packet", OPENS).status_code == 200
    assert worker.act(story.id, "open_notes", OPENS).status_code == 200


def test_no_export_is_asked_for_or_confirmed_meanwhile(nia: Membership, api: Any) -> None:
    by_an_administrator(nia, roles=["lead", "worker"])
    taken(link_of(nia))
    again = Membership.objects.using("signin").get(id=nia.id)
    lead = Caller("nia", credentials.open_for_member(again))
    refused = lead.post("/v1/exports", exports.ASKED)
    assert (refused.status_code, refused.json()["code"]) == (409, "reset_waits")
    waits = UUID(exports.ask(api("ywca.lead")))
    with pytest.raises(NotPossible) as told:
        confirm(principal(lead), waits)
    assert told.value.code == "reset_waits"


def test_a_confidential_address_waits_as_well(nia: Membership) -> None:
    path = f"/desk/places/{uuid4()}/address"
    before = at_the_desk_of(NEW)
    assert before.submit(path, {}).status_code == 404
    taken(link_of(nia))
    assert at_the_desk_of(NEW).submit(path, {}).status_code == 409


def test_a_writer_of_the_database_does_not_confirm_it(nia: Membership, superuser: Any) -> None:
    """Whatever they write: the wait is not in the database."""
    taken(link_of(nia))
    with superuser.cursor() as cursor:
        cursor.execute("DELETE FROM permissions_invitation")
    superuser.commit()
    assert resets.waits(nia.id)


@pytest.mark.parametrize(
    ("who", "path", "given"),
    [
        ("ywca.admin", "/desk/members/invite", {"name": "N", "roles": ["worker"], "how": "screen"}),
        ("ywca.admin", "/desk/members/list", {"people": "N,worker,n@n.invalid", "what": "invite"}),
        ("ywca.admin", f"/desk/members/{member_id('ywca.worker')}/roles", {"roles": ["lead"]}),
        ("ywca.admin", f"/desk/members/{member_id('ywca.worker')}/return", {}),
        ("ywca.lead", f"/desk/members/{member_id('ywca.worker')}/reset", {}),
        ("ywca.lead", "/desk/resets", {"which": str(member_id("ywca.worker"))}),
        ("ywca.lead", "/desk/number", {"what": "propose", "address": "406-555-0192"}),
        ("ywca.lead", "/desk/numbers", {"which": str(member_id("ywca.worker")), "number": "x"}),
    ],
)
def test_an_unlocked_screen_alone_lets_no_one_in(
    network: Any, who: str, path: str, given: dict[str, Any]
) -> None:
    """The member proved who they are more than 15 minutes ago: they are asked first."""
    pages = at_the_desk(who, csrf=False, code_age_s=16 * 60)
    answer = pages.http.post(path, given)
    assert answer.status_code == 302, answer.content
    assert answer["Location"].startswith("/accounts/confirm?next=%2Fdesk%2F")
    assert not Invitation.objects.exists()


def test_who_asks_never_sees_the_link(nia: Membership) -> None:
    answer = ask(nia)
    assert "/join/" not in answer.content.decode()
    assert "1 contact of theirs" in text_of(answer.content)


@pytest.mark.parametrize("who", ["ywca.worker", "ywca.auditor", "ywca.editor"])
def test_only_an_administrator_or_lead_asks(nia: Membership, who: str) -> None:
    pages = at_the_desk(who, csrf=False)
    path = f"/desk/members/{nia.id}/reset"
    assert pages.http.post(path).status_code == 403
    assert pages.get(path).status_code == 403
    assert not Invitation.objects.filter(kind="reset").exists()


def test_another_agencys_lead_asks_for_no_one(nia: Membership) -> None:
    pages = at_the_desk("police.lead", csrf=False)
    assert pages.http.post(f"/desk/members/{nia.id}/reset").status_code == 404
    assert pages.http.post("/desk/resets", {"which": str(nia.id)}).status_code == 404


def test_no_one_asks_for_themselves(network: Any) -> None:
    pages = at_the_desk("ywca.lead", csrf=False)
    answer = pages.http.post(f"/desk/members/{member_id('ywca.lead')}/reset")
    assert answer.status_code == 404


def test_a_contact_of_yesterday_gets_no_link(nia: Membership, superuser: Any) -> None:
    with superuser.cursor() as cursor:
        cursor.execute(
            "UPDATE channel SET proven_at = now() - %s WHERE membership_id = %s",
            [timedelta(hours=71), str(nia.id)],
        )
    superuser.commit()
    answer = ask(nia)
    assert answer.status_code == 409
    assert not Invitation.objects.filter(kind="reset").exists()


def test_a_newer_link_ends_the_older_one(nia: Membership) -> None:
    first = link_of(nia)
    second = link_of(nia)
    assert Pages().get(first).status_code == 404
    taken(second)


def test_a_link_is_used_up_once_there_is_a_new_factor_and_not_before(nia: Membership) -> None:
    path = link_of(nia)
    opened(path).submit("/join", {"password": "quite another phrase"})
    said = taken(path)
    assert Pages().get(path).status_code == 404
    assert sign_in(Pages(), said).request["PATH_INFO"] == "/desk/"


def test_the_outside_reviewer_asks_for_an_agency_of_one(
    network: Any, api: Any, superuser: Any
) -> None:
    """Sol works alone; ywca.lead reviews from outside, and does not confirm what they asked for."""
    keep(api, "solo.all", "sms", NUMBER)
    pages = at_the_desk("ywca.lead")
    sol = member_id("solo.all")
    assert "Sol Example" in text_of(pages.get("/desk/resets").content)
    assert pages.submit(f"/desk/members/{sol}/reset", {}).status_code == 409, "proven today"
    assert at_the_desk("ywca.admin").get(f"/desk/members/{sol}/reset").status_code == 404


def test_the_member_and_the_leads_are_notified(nia: Membership, api: Any, superuser: Any) -> None:
    keep(api, "ywca.lead", "sms", "+14065550178")
    ask(nia, "ywca.admin")
    told = rows(superuser, "SELECT member_id FROM message WHERE template = 'sign_in_reset'")
    assert {str(one) for (one,) in told} == {str(nia.id), str(member_id("ywca.lead"))}
