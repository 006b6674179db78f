"""A person joins by a one-time link, on their own device, with what no one else sees."""

import re
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connections

from permissions.enrollment import invitations
from permissions.errors import NotPossible, NotVisible
from permissions.identity import credentials
from permissions.models import Invitation, Membership, Person, SealedMessage
from tests.enrollment.links import (
    ADDRESS,
    INVITED,
    NEW,
    PASSWORD,
    add_app,
    at_the_desk_of,
    chosen,
    invite,
    joined,
    opened,
    sent,
    ywca,
)
from tests.enrollment.links import no_one_new_stays as no_one_new_stays  # a fixture
from tests.support.ground.stored_rows import rows
from tests.support.people.access_log import the_log_is_full
from tests.support.people.callers import member_id
from tests.support.people.desk_pages import Pages, at_the_desk, sign_in, text_of

ENTRIES = (
    "SELECT act, member_id = %s, fields FROM access_entry WHERE act LIKE 'staff.%%'"
    " AND decision = 'allowed' ORDER BY xact DESC, id DESC LIMIT 2"
)


def person() -> Membership:
    return Membership.objects.using("signin").get(person__username=NEW)


def test_an_invited_person_joins_and_signs_in_with_what_only_they_know(
    network: Any, superuser: Any
) -> None:
    said = joined(invite())
    made = person()
    assert (made.name, made.roles, made.agency_id) == ("Nia Newcomer", ["worker"], ywca())
    assert sign_in(Pages(), said).request["PATH_INFO"] == "/desk/"
    (join, theirs, codes), (did, _, invited) = rows(superuser, ENTRIES, [str(made.id)])
    assert (join, theirs, did) == ("staff.join", True, "staff.invite")
    assert codes == invited == [f"invitation:{Invitation.objects.get().id.hex}", "worker"]


def test_the_link_is_in_the_message_alone_and_erased_when_it_has_left(
    network: Any, superuser: Any
) -> None:
    given = INVITED | {"address": ADDRESS}
    page = at_the_desk("ywca.admin").submit("/desk/members/invite", given)
    assert "/join/" not in page.content.decode()
    assert bytes(SealedMessage.objects.get().sealed or b"").find(b"join") == -1
    link = sent()[0]["text"]
    kept = SealedMessage.objects.get()
    assert (kept.sealed, kept.outcome) == (None, "handed_over")
    secret = re.findall(r"/join/(\S+)", link)[0]
    for table in ("permissions_invitation", "permissions_sealedmessage", "access_entry"):
        assert secret not in str(rows(superuser, f"TABLE {table}")), table
    assert "The link was sent." in text_of(at_the_desk("ywca.admin").get("/desk/members").content)


def test_a_picture_is_shown_once_and_holds_the_link(network: Any) -> None:
    page = at_the_desk("ywca.admin").submit("/desk/members/invite", INVITED | {"how": "screen"})
    text = page.content.decode()
    assert "<svg" in text
    assert "/join/" not in text, "as a picture alone"
    assert "<svg" not in at_the_desk("ywca.admin").get("/desk/members").content.decode()


def test_a_link_that_was_only_read_is_not_used_up(network: Any) -> None:
    path = invite()
    for _ in range(3):
        assert "You are invited" in text_of(Pages().get(path, follow=True).content)
    joined(path)
    assert person().roles == ["worker"]


def test_a_link_works_once(network: Any) -> None:
    path = invite()
    joined(path)
    again = Pages().get(path, follow=True)
    assert again.status_code == 404
    assert "This link does not work" in text_of(again.content)


@pytest.mark.parametrize("secret", ["x", "x" * 43, "%00", "ü" * 43])
def test_any_other_link_opens_nothing(network: Any, secret: str) -> None:
    answer = Pages().get(f"/join/{secret}")
    assert answer.status_code == 404
    assert Pages().get("/join").status_code == 404


def test_who_has_no_second_factor_yet_does_not_join(network: Any) -> None:
    pages = chosen(invite())
    assert "Add your second step" in text_of(pages.get("/join").content)
    pages.http.post("/join", {}, follow=True)
    assert not Membership.objects.using("signin").filter(person__username=NEW).exists()
    with pytest.raises(NotPossible, match="no_second_factor"):
        invitations.join("x", Person.objects.get(username=NEW))


def test_who_lost_their_way_goes_on_with_the_link(network: Any) -> None:
    path = invite()
    chosen(path)
    secret = add_app()
    pages = opened(path)
    said = {"username": NEW, "password": PASSWORD, "totp_secret": secret}
    answer = sign_in(pages, said)
    assert answer.request["PATH_INFO"] == "/join"
    assert "You sign in as new.nia" in text_of(answer.content)
    pages.submit("/join", {})
    assert person().active


def test_one_link_makes_a_few_people_at_most(network: Any) -> None:
    path = invite()
    for number in range(5):
        chosen(path, f"new.{number}")
    answer = opened(path).submit("/join", {"username": NEW, "password": PASSWORD})
    assert answer.status_code == 429
    assert not Person.objects.filter(username=NEW).exists()


def test_a_member_of_another_agency_joins_with_what_they_have(network: Any) -> None:
    cast = next(one for one in network["members"] if one["username"] == "hospital.worker2")
    pages = opened(invite())
    answer = sign_in(pages, cast, "/desk/")
    assert answer.request["PATH_INFO"] == "/join"
    pages.submit("/join", {})
    found = Membership.objects.using("signin").filter(person__username="hospital.worker2")
    assert {one.agency_id for one in found} >= {ywca()}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"username": "ywca.worker"}, "Someone has this user name"),
        ({"username": "YWCA.Worker"}, "Someone has this user name"),
        ({"username": "a b"}, "begins with a letter or digit"),
        ({"password": "short"}, "at least 12 characters"),
        ({"password": ""}, "Please fill this in"),
    ],
)
def test_a_name_or_password_that_cannot_be_is_said_at_its_field(
    network: Any, changed: dict[str, str], says: str
) -> None:
    pages = opened(invite())
    answer = pages.submit("/join", {"username": NEW, "password": PASSWORD} | changed)
    assert says in text_of(answer.content)
    assert not Person.objects.filter(username=NEW).exists()


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"address": ""}, "Please fill this in"),
        ({"address": "nia"}, "Enter an email address"),
        ({"how": "sms", "address": "900-555-0100"}, "does not call this number"),
        ({"roles": ["auditor", "worker"]}, "excludes every other role"),
        ({"roles": []}, "Choose at least one"),
        ({"name": ""}, "Please fill this in"),
    ],
)
def test_a_bad_invitation_is_refused_at_its_field_and_nothing_is_made(
    network: Any, changed: dict[str, Any], says: str
) -> None:
    given = INVITED | {"address": ADDRESS} | changed
    answer = at_the_desk("ywca.admin").submit("/desk/members/invite", given)
    assert says in text_of(answer.content)
    assert not Invitation.objects.exists()
    assert not SealedMessage.objects.exists()


@pytest.mark.parametrize("who", ["ywca.worker", "ywca.lead", "ywca.auditor", "ywca.editor"])
def test_only_an_administrator_sees_members_and_invites(network: Any, who: str) -> None:
    pages = at_the_desk(who, csrf=False)
    for path in ("/desk/members", "/desk/members/invite"):
        assert pages.get(path).status_code == 403, path
    given = INVITED | {"address": ADDRESS}
    assert pages.http.post("/desk/members/invite", given).status_code == 403
    assert not Invitation.objects.exists()


def test_an_invitation_that_ends_opens_nothing(network: Any) -> None:
    path = invite()
    pages = chosen(path)
    add_app()
    which = {"which": str(Invitation.objects.get().id)}
    admin = at_the_desk("ywca.admin", csrf=False)
    assert admin.http.post("/desk/members", which).status_code == 302
    assert admin.http.post("/desk/members", which).status_code == 404
    assert pages.http.post("/join", {}).status_code in (403, 404)
    assert pages.get("/join").status_code == 404


def test_another_agencys_invitation_is_as_a_random_one(network: Any) -> None:
    invite()
    other = at_the_desk("police.admin", csrf=False)
    for which in (str(Invitation.objects.get().id), str(uuid4()), "x"):
        assert other.http.post("/desk/members", {"which": which}).status_code == 404
    assert Invitation.objects.get().ended_at is None


def test_an_inviter_who_leaves_takes_their_invitations_along(network: Any, superuser: Any) -> None:
    """Two administrators; the one who invited is made a worker by the other."""
    joined(invite(roles=["agency_admin"]))
    theirs = person()
    pages = at_the_desk_of(NEW)
    given = INVITED | {"address": "second@newcomer.invalid", "name": "Second"}
    pages.submit("/desk/members/invite", given)
    link = sent()[0]["text"]
    path = re.findall(r"(/join/\S+)", link)[0]
    assert Pages().get(path).status_code == 302
    at_the_desk("ywca.admin").submit(f"/desk/members/{theirs.id}/roles", {"roles": ["worker"]})
    assert Pages().get(path).status_code == 404


def test_of_two_who_use_a_link_at_once_one_joins(network: Any) -> None:
    path = invite()
    chosen(path)
    chosen(path, "new.other")
    add_app()
    add_app("new.other")
    secret = path.rpartition("/")[2]

    def join(username: str) -> str:
        try:
            invitations.join(secret, Person.objects.get(username=username))
        except NotVisible:
            return "refused"
        finally:
            connections.close_all()
        return "joined"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(join, [NEW, "new.other"])) == ["joined", "refused"]


def test_what_cannot_be_logged_is_not_done(network: Any) -> None:
    path = invite()
    pages = chosen(path)
    add_app()
    admin = at_the_desk("ywca.admin")
    given = INVITED | {"address": "second@newcomer.invalid"} | admin.hidden("/desk/members/invite")
    joins = pages.hidden("/join")
    with the_log_is_full():
        assert admin.http.post("/desk/members/invite", given).status_code == 503
        assert pages.http.post("/join", joins).status_code == 503
    assert Invitation.objects.count() == 1
    assert not Membership.objects.using("signin").filter(person__username=NEW).exists()
    assert Invitation.objects.get().used_at is None


# -- A writer of the database ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        "roles = '{lead,agency_admin}'",
        "agency_id = (SELECT id FROM permissions_agency WHERE name = 'Demo City Police')",
        "expires_at = expires_at + interval '1 year'",
        "name = 'Another Name'",
        "mac = '\\x00'",
    ],
)
def test_a_writer_of_the_database_changes_an_invitation_and_it_is_refused_loudly(
    network: Any, superuser: Any, change: str
) -> None:
    path = invite()
    with superuser.cursor() as cursor:
        cursor.execute(f"UPDATE permissions_invitation SET {change}")
    superuser.commit()
    assert Pages().get(path).status_code == 503


def test_a_writer_of_the_database_makes_a_used_link_new_and_it_opens_nothing(
    network: Any, superuser: Any
) -> None:
    path = invite()
    joined(path)
    with superuser.cursor() as cursor:
        cursor.execute("UPDATE permissions_invitation SET used_at = NULL, member_id = NULL")
    superuser.commit()
    assert Pages().get(path).status_code == 404


# -- Members ---------------------------------------------------------------------------------------


def test_who_leaves_is_out_at_once_and_comes_back_by_their_administrator(network: Any) -> None:
    joined(invite())
    one = person()
    secret = credentials.open_for_member(one)
    admin = at_the_desk("ywca.admin")
    assert "signed out at once" in text_of(admin.get(f"/desk/members/{one.id}/end").content)
    admin.submit(f"/desk/members/{one.id}/end", {})
    assert credentials.resolve_credential(secret) is None
    assert "Left" in text_of(admin.get("/desk/members").content)
    admin.submit(f"/desk/members/{one.id}/return", {})
    assert credentials.resolve_credential(secret) is None, "what ended stays ended"
    assert person().active


def test_an_agency_keeps_one_administrator(network: Any) -> None:
    admin = at_the_desk("ywca.admin")
    own = member_id("ywca.admin")
    for path, given in ((f"/desk/members/{own}/end", {}), (f"/desk/members/{own}/roles", WORKER)):
        answer = admin.submit(path, given)
        assert "no administrator" in text_of(answer.content), path
    assert "agency_admin" in Membership.objects.using("signin").get(id=own).roles


WORKER = {"roles": ["worker"]}


def test_another_agencys_member_is_as_a_random_one(network: Any) -> None:
    pages = at_the_desk("police.admin", csrf=False)
    for one in (member_id("ywca.worker"), uuid4()):
        for what in ("roles", "end", "return", "reset"):
            path = f"/desk/members/{one}/{what}"
            assert pages.get(path).status_code == 404, path
            assert pages.http.post(path, WORKER).status_code == 404, path
    assert Membership.objects.using("signin").get(id=member_id("ywca.worker")).active


def test_a_link_ends_when_the_binding_key_is_renewed(network: Any) -> None:
    """A thief of the old key could have made one."""
    path = invite()
    said = StringIO()
    call_command("keys", "rebind", stdout=said)
    assert re.search(r"and [1-9]\d* open links", said.getvalue())
    assert Pages().get(path, follow=True).status_code == 404
    joined(invite(address="nia2@newcomer.invalid"))
