"""Who leaves: session, token, passkey and links are dead at once, and what they worked on is handed
on. An open transaction: tests/identity/test_db_identity.py; the return: tests/referrals."""

from typing import Any

import pytest
from django.core.cache import cache

from api.http.authentication import SESSION_KEY
from permissions.identity import credentials
from permissions.models import Credential, Invitation, Membership
from tests.desk.own_people import Own, at_own_desk, has_contact, messages_to
from tests.desk.own_people import make_own as make_own  # a fixture
from tests.enrollment.links import no_one_new_stays as no_one_new_stays  # a fixture
from tests.support.people.callers import Caller, member_id
from tests.support.people.desk_pages import Pages, at_the_desk, idle, sign_in, text_of
from tests.support.people.notifications import work
from tests.support.people.passkeys import Passkey, add, sign_in_by
from tests.support.people.stories import Story, service_of

NOTICE = {"agreement": "agrees", "urgency": "urgent", "callback": "406-555-0123"}
SHIFT = "/desk/shift"


@pytest.fixture
def leaver(make_own: Any) -> Own:
    """A worker and administrator of the women's center, among others of each."""
    return dict(make_own("ywca", ("agency_admin", "worker")))


def membership(own: Own) -> Membership:
    return Membership.objects.using("signin").select_related("person").get(id=own["member_id"])


def end(own: Own, superuser: Any) -> None:
    at_the_desk("ywca.admin").submit(f"/desk/members/{own['member_id']}/end", {})
    assert not membership(own).active


def test_every_way_in_is_dead_at_once(leaver: Own, superuser: Any) -> None:
    passkey, pages = Passkey(), at_own_desk(leaver)
    add(pages, passkey)
    cache.clear()
    token = Caller("leaver", credentials.open_for_member(membership(leaver)))
    locked = at_own_desk(leaver)
    idle(locked)
    assert pages.get("/desk/").status_code == token.get("/v1/referrals").status_code == 200

    end(leaver, superuser)

    answer = pages.get("/desk/", follow=True)
    assert answer.request["PATH_INFO"] == "/accounts/login", "the open session"
    assert token.get("/v1/referrals").status_code == 401, "the token"
    answer = locked.get("/desk/locked?next=/desk/", follow=True)
    assert answer.request["PATH_INFO"] == "/accounts/login", "the locked desk is no way back"
    cache.clear()
    fresh = Pages()
    answer = sign_in(fresh, leaver)
    assert answer.status_code == 403
    assert SESSION_KEY not in fresh.http.session, "password and code"
    fresh = Pages()
    answer = sign_in_by(fresh, passkey)
    assert answer.status_code == 403
    assert SESSION_KEY not in fresh.http.session, "the passkey"
    live = Credential.objects.using("signin").filter(
        membership_id=leaver["member_id"], ended_at=None
    )
    assert not live.exists()


def test_their_invitations_end_and_what_they_typed_is_read_by_no_one(
    leaver: Own, superuser: Any
) -> None:
    theirs = at_own_desk(leaver)
    path = f"/desk/referrals/new?service={service_of('sarc')}"
    typed = theirs.hidden(path, "/desk/referrals/new") | NOTICE | {"for": path}
    assert theirs.http.post("/desk/unfinished", typed).status_code == 204
    answer = theirs.submit(
        "/desk/members/invite",
        {"name": "Nia", "roles": ["worker"], "how": "screen", "language": "en"},
    )
    assert answer.status_code == 200
    assert Invitation.objects.filter(invited_by_id=leaver["member_id"], ended_at=None).exists()
    end(leaver, superuser)
    assert not Invitation.objects.filter(invited_by_id=leaver["member_id"], ended_at=None).exists()
    answer = theirs.get(path, follow=True)
    assert answer.request["PATH_INFO"] == "/accounts/login"
    with superuser.cursor() as cursor:
        cursor.execute("DELETE FROM permissions_invitation")
    superuser.commit()


def test_drafts_and_holdings_are_handed_on_by_one_list(
    leaver: Own, api: Any, superuser: Any
) -> None:
    """A draft that they began and a referral that they accepted: a lead gives both to a coworker,
    and what others hold is not on the list."""
    caller = Caller("leaver", credentials.open_for_member(membership(leaver)))
    draft = Story(api, service_of("sarc"), sender="ywca.worker2").create()
    held = Story(api, service_of("ywca"), sender="police.worker").create().send()
    others = Story(api, service_of("ywca"), sender="police.worker").create().send()
    others.answers("accept")
    for act in ("acknowledge", "accept"):
        assert caller.act(held.id, act, {}).status_code == 200
    to_leaver = {"member_id": str(leaver["member_id"])}
    draft.sends("hand_over", to_leaver)

    end(leaver, superuser)

    lead = at_the_desk("ywca.lead")
    page = lead.get(SHIFT).content.decode()
    assert page.count("no one has it") >= 2
    for story, there in ((draft, True), (held, True), (others, False)):
        assert (f'value="{story.id}"' in page) is there
    assert f'value="{leaver["member_id"]}"' not in page, "no one hands anything to who left"
    to = str(member_id("ywca.worker2"))
    chosen = {"member_id": to, "referrals": [draft.id, held.id]}
    assert "2 referrals are handed over." in text_of(lead.submit(SHIFT, chosen).content)
    for story in (draft, held):
        shown = api("ywca.worker2").get(f"/v1/referrals/{story.id}").json()
        assert shown["holder"]["id"] == to
        assert str(leaver["member_id"]) not in [one["id"] for one in shown["assigned"]]
    assert "no one has it" not in lead.get(SHIFT).content.decode()


def test_a_worker_hands_on_nothing_of_who_left(leaver: Own, api: Any, superuser: Any) -> None:
    caller = Caller("leaver", credentials.open_for_member(membership(leaver)))
    held = Story(api, service_of("ywca"), sender="police.worker").create().send()
    for act in ("acknowledge", "accept"):
        assert caller.act(held.id, act, {}).status_code == 200
    end(leaver, superuser)
    worker = at_the_desk("ywca.worker", csrf=False)
    assert "no one has it" not in worker.get(SHIFT).content.decode()
    to = str(member_id("ywca.worker2"))
    worker.http.post(SHIFT, {"member_id": to, "referrals": [held.id]})
    assert api("ywca.lead").get(f"/v1/referrals/{held.id}").json()["holder"] is None


def test_messages_reach_them_no_more(leaver: Own, api: Any, superuser: Any) -> None:
    has_contact(superuser, leaver, "mail", "leaver@own.invalid")
    end(leaver, superuser)
    Story(api, service_of("ywca"), sender="police.worker").create().send()
    work()
    assert "notice" not in {what for _, what in messages_to(superuser, leaver["member_id"])}
