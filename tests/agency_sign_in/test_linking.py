"""Whose account at a provider is linked to whom, by whom, and how a link ends; and what a writer of
the database makes of it."""

from typing import Any

import pytest
from django.core.cache import cache

from permissions.enrollment import agency_links
from permissions.models import Membership, ProviderSession, SignInLink, SignInProvider
from tests.agency_sign_in.scene import (
    OWN,
    came_back,
    entrance_of,
    is_in,
    linked,
    member_of,
    signed_in_by,
    switched_on,
)
from tests.agency_sign_in.scene import at_agency as at_agency  # a fixture
from tests.agency_sign_in.scene import running as running  # a fixture
from tests.desk.own_people import Own, has_contact, messages_to
from tests.desk.own_people import make_own as make_own  # a fixture
from tests.desk.own_people import own as own  # a fixture
from tests.enrollment.links import NEW, PASSWORD, add_app, invite, opened
from tests.enrollment.links import no_one_new_stays as no_one_new_stays  # a fixture
from tests.support.people.access_log import the_log_is_full
from tests.support.people.callers import agency_id, member_id
from tests.support.people.desk_pages import (
    Pages,
    at_the_desk,
    desk_of,
    proofs_are_older,
    sign_in,
    text_of,
)
from tests.support.servers.oidc_provider import Provider

NAME = "own.sample"


@pytest.fixture
def on(at_agency: Provider) -> SignInProvider:
    for name in (NAME, "nia", "other"):
        at_agency.account(name)
    return switched_on(at_agency)


# -- A member --------------------------------------------------------------------------------------


def test_a_member_links_with_a_fresh_proof_and_their_other_sign_ins_end(
    on: Any, at_agency: Provider, own: Own, superuser: Any
) -> None:
    has_contact(superuser, own, "mail", "own@own.invalid")
    superuser.commit()
    pages, elsewhere = desk_of(member_of(own)), desk_of(member_of(own))
    assert "Link my account" in text_of(pages.get("/desk/account/agency").content)
    linked(at_agency, own, pages, NAME)
    assert (is_in(pages), is_in(elsewhere)) == (True, False)
    assert ("mail", "account_changed") in messages_to(superuser, own["member_id"])
    assert "Linked: you come in by it." in text_of(pages.get("/desk/account").content)


def test_what_was_linked_just_now_ends_with_the_provider_too(
    on: Any, at_agency: Provider, own: Own, shift_clock: Any
) -> None:
    pages = desk_of(member_of(own))
    linked(at_agency, own, pages, NAME)
    at_agency.end(NAME)
    shift_clock("5 minutes")
    assert not is_in(pages)


def test_an_old_proof_links_nothing(on: Any, at_agency: Provider, own: Own) -> None:
    pages = desk_of(member_of(own))
    there = pages.get("/desk/account/agency/start")["Location"]
    back = at_agency.sign_in(there, NAME)
    proofs_are_older(pages)
    assert pages.get("/desk/account/agency/start")["Location"].startswith("/accounts/confirm")
    assert pages.get(back).status_code == 403
    assert not SignInLink.objects.exists()


def test_who_is_not_signed_in_links_nothing(on: Any, at_agency: Provider, own: Own) -> None:
    assert Pages().get("/desk/account/agency/start").status_code == 302
    pages = desk_of(member_of(own))
    there = pages.get("/desk/account/agency/start")["Location"]
    back = at_agency.sign_in(there, NAME)
    pages.submit("/accounts/logout", {})
    assert pages.get(back).status_code in (302, 403)
    assert not SignInLink.objects.exists()


def test_an_account_is_one_persons(on: Any, at_agency: Provider, make_own: Any, own: Own) -> None:
    linked(at_agency, own, desk_of(member_of(own)), NAME)
    second = make_own()
    answer = came_back(desk_of(member_of(second)), at_agency, NAME, "/desk/account/agency/start")
    assert answer.status_code == 403
    assert "did not let you in here" in text_of(answer.content)
    assert SignInLink.objects.get().person_id == own["person"].id
    assert not agency_links.is_linked(second["person"].id, agency_id("ywca"))


def test_another_account_takes_the_place_of_the_first(
    on: Any, at_agency: Provider, own: Own
) -> None:
    pages = desk_of(member_of(own))
    linked(at_agency, own, pages, NAME)
    linked(at_agency, own, pages, "other")
    assert is_in(pages)
    assert came_back(Pages(), at_agency, NAME, entrance_of(on)).status_code == 403
    signed_in_by(at_agency, on, own, "other")


def test_an_agencys_last_own_administrator_is_not_linked(on: Any, at_agency: Provider) -> None:
    pages = at_the_desk("ywca.admin")
    answer = came_back(pages, at_agency, "other", "/desk/account/agency/start")
    assert answer.status_code == 409
    assert "This is the last one." in text_of(answer.content)
    assert not SignInLink.objects.exists()


def test_nor_do_they_leave_while_the_others_are_linked(
    on: Any, at_agency: Provider, make_own: Any
) -> None:
    second = make_own(roles=("agency_admin",))
    linked(at_agency, second, desk_of(member_of(second)), NAME)
    first = member_id("ywca.admin")
    answer = desk_of(member_of(second)).submit(f"/desk/members/{first}/end", {})
    assert "This is the last one." in text_of(answer.content)
    found = Membership.objects.using("signin").get(id=first)
    assert (found.active, "agency_admin" in found.roles) == (True, True)


def test_what_cannot_be_logged_is_not_linked(on: Any, at_agency: Provider, own: Own) -> None:
    pages = desk_of(member_of(own))
    back = at_agency.sign_in(pages.get("/desk/account/agency/start")["Location"], NAME)
    with the_log_is_full():
        assert pages.get(back).status_code == 503
    assert not SignInLink.objects.exists()
    assert not agency_links.is_linked(own["person"].id, agency_id("ywca"))


def test_a_member_of_another_agency_sees_nothing_of_it(on: Any) -> None:
    pages = at_the_desk("police.worker")
    assert pages.get("/desk/account/agency").status_code == 404
    assert pages.get("/desk/account/agency/start").status_code == 404
    assert "agency's sign-in" not in text_of(pages.get("/desk/account").content)


# -- A person who is invited -----------------------------------------------------------------------


def test_an_invited_person_joins_by_the_agencys_sign_in_without_a_password(
    on: Any, at_agency: Provider
) -> None:
    pages = opened(invite())
    assert "Use your agency's sign-in" in text_of(pages.get("/join").content)
    answer = came_back(pages, at_agency, "nia", "/join/agency")
    assert "your agency's sign-in is linked with this" in text_of(answer.content)
    answer = pages.submit("/join", {"username": NEW})
    assert "Add your second step" in text_of(answer.content)
    assert pages.get("/accounts/passkeys/add").status_code == 200
    secret = add_app()
    pages.submit("/join", {}, follow=False)
    member = Membership.objects.using("signin").get(person__username=NEW)
    assert (member.roles, member.person.has_usable_password()) == (["worker"], False)
    signed_in_by(at_agency, on, {"totp_secret": secret}, "nia")
    answer = sign_in(Pages(), {"username": NEW, "password": PASSWORD, "totp_secret": secret})
    assert "The user name or password is wrong" in text_of(answer.content)


def test_the_proof_is_of_the_inviting_agencys_provider_alone(on: Any, at_agency: Provider) -> None:
    pages = opened(invite("police.admin"))
    assert "Use your agency's sign-in" not in text_of(pages.get("/join").content)
    assert pages.get("/join/agency").status_code == 404


def test_who_has_no_link_joins_nothing(on: Any) -> None:
    assert Pages().get("/join/agency").status_code == 302


def test_an_account_that_is_linked_enrolls_no_second_person(
    on: Any, at_agency: Provider, own: Own
) -> None:
    linked(at_agency, own, desk_of(member_of(own)), NAME)
    pages = opened(invite())
    answer = came_back(pages, at_agency, NAME, "/join/agency")
    assert answer.status_code == 403
    assert "Password" in text_of(pages.get("/join").content), "they may choose one"


def test_a_name_that_is_taken_is_said_and_the_proof_goes_on(on: Any, at_agency: Provider) -> None:
    pages = opened(invite())
    came_back(pages, at_agency, "nia", "/join/agency")
    answer = pages.submit("/join", {"username": "ywca.worker"})
    assert "Someone has this user name" in text_of(answer.content)
    assert not SignInLink.objects.exists()
    pages.submit("/join", {"username": NEW})
    assert SignInLink.objects.get().person.username == NEW


# -- The end of a link -----------------------------------------------------------------------------


def test_an_administrator_unlinks_a_member_who_comes_in_by_their_own_again(
    on: Any, at_agency: Provider, own: Own
) -> None:
    pages = desk_of(member_of(own))
    linked(at_agency, own, pages, NAME)
    admin = at_the_desk("ywca.admin")
    assert "Own Sample" in text_of(admin.get(OWN).content)
    admin.submit(f"{OWN}/members/{own['member_id']}/unlink", {})
    assert not is_in(pages)
    assert came_back(Pages(), at_agency, NAME, entrance_of(on)).status_code == 403
    cache.clear()
    assert sign_in(Pages(), own).request["PATH_INFO"] == "/desk/"


@pytest.mark.parametrize("how", ["off", "remove"])
def test_without_it_everyone_comes_in_by_their_own(
    on: Any, at_agency: Provider, own: Own, how: str
) -> None:
    pages = desk_of(member_of(own))
    linked(at_agency, own, pages, NAME)
    at_the_desk("ywca.admin").submit(f"{OWN}/{how}", {})
    assert not is_in(pages)
    assert Pages().get(entrance_of(on)).status_code == 404
    cache.clear()
    assert sign_in(Pages(), own).request["PATH_INFO"] == "/desk/"
    assert SignInLink.objects.exists() == (how == "off")


# -- A writer of the database ----------------------------------------------------------------------


def write(superuser: Any, statement: str, *values: Any) -> None:
    with superuser.cursor() as cursor:
        cursor.execute(statement, values)
    superuser.commit()


def test_a_written_link_lets_no_one_in(
    on: Any, at_agency: Provider, make_own: Any, own: Own, superuser: Any
) -> None:
    linked(at_agency, own, desk_of(member_of(own)), NAME)
    other = make_own()
    write(superuser, "UPDATE permissions_signinlink SET person_id = %s", str(other["person"].id))
    answer = came_back(Pages(), at_agency, NAME, entrance_of(on))
    assert answer.status_code == 503
    write(superuser, "UPDATE permissions_signinlink SET person_id = %s", str(own["person"].id))
    signed_in_by(at_agency, on, own, NAME)


def test_a_link_that_is_written_in_lets_no_one_in(
    on: Any, at_agency: Provider, make_own: Any, own: Own, superuser: Any
) -> None:
    linked(at_agency, own, desk_of(member_of(own)), NAME)
    kept = SignInLink.objects.get()
    write(
        superuser,
        "INSERT INTO permissions_signinlink (id, provider_id, person_id, subject)"
        " SELECT gen_random_uuid(), provider_id, %s, repeat('a', 64) FROM permissions_signinlink",
        str(make_own()["person"].id),
    )
    write(superuser, "UPDATE permissions_signinlink SET subject = 'b' WHERE id = %s", str(kept.id))
    write(
        superuser,
        "UPDATE permissions_signinlink SET subject = %s WHERE id <> %s",
        kept.subject,
        str(kept.id),
    )
    assert came_back(Pages(), at_agency, NAME, entrance_of(on)).status_code == 503


def test_a_link_of_before_lets_no_one_in(
    on: Any, at_agency: Provider, own: Own, superuser: Any
) -> None:
    """An older copy of the rows, MAC and all, after it was unlinked."""
    linked(at_agency, own, desk_of(member_of(own)), NAME)
    kept = SignInLink.objects.get()
    at_the_desk("ywca.admin").submit(f"{OWN}/members/{own['member_id']}/unlink", {})
    write(
        superuser,
        "INSERT INTO permissions_signinlink (id, provider_id, person_id, subject)"
        " VALUES (%s, %s, %s, %s)",
        *(str(one) for one in (kept.id, kept.provider_id, kept.person_id, kept.subject)),
    )
    assert came_back(Pages(), at_agency, NAME, entrance_of(on)).status_code == 503


def test_a_deleted_link_frees_no_one_from_the_agencys_sign_in(
    on: Any, at_agency: Provider, own: Own, superuser: Any
) -> None:
    pages = desk_of(member_of(own))
    linked(at_agency, own, pages, NAME)
    write(superuser, "DELETE FROM permissions_providersession")
    write(superuser, "DELETE FROM permissions_signinlink")
    assert not is_in(pages)
    cache.clear()
    assert sign_in(Pages(), own).status_code == 403
    assert came_back(Pages(), at_agency, NAME, entrance_of(on)).status_code == 403


@pytest.mark.parametrize(
    "change",
    [
        "issuer = 'http://127.0.0.1:1'",
        "client_id = 'another'",
        "active = false",
        "code = 'abcdefgh'",
        "sealed_secret = repeat('0', 100)",
        "agency_id = (SELECT id FROM permissions_agency WHERE name = 'Demo City Police')",
    ],
)
def test_a_written_provider_lets_no_one_in_and_frees_no_one(
    on: Any, at_agency: Provider, own: Own, superuser: Any, change: str
) -> None:
    linked(at_agency, own, desk_of(member_of(own)), NAME)
    code = "abcdefgh" if change.startswith("code") else on.code
    write(superuser, f"UPDATE permissions_signinprovider SET {change}")
    assert Pages().get(f"/accounts/agency/{code}/start").status_code == 503
    cache.clear()
    answer = sign_in(Pages(), own)
    assert answer.status_code in (403, 503)
    assert answer.request["PATH_INFO"] != "/desk/"


def test_a_provider_of_before_is_refused(
    on: Any, at_agency: Provider, own: Own, superuser: Any
) -> None:
    """Switched off; then an older copy of row and MAC, by which it is on."""
    write(superuser, "CREATE TABLE kept_provider AS TABLE permissions_signinprovider")
    write(superuser, "CREATE TABLE kept_mac AS TABLE row_mac")
    try:
        at_the_desk("ywca.admin").submit(f"{OWN}/off", {})
        write(superuser, "UPDATE permissions_signinprovider SET active = true")
        write(
            superuser,
            "UPDATE row_mac m SET version = k.version, mac = k.mac FROM kept_mac k"
            " WHERE m.kind = 'signinprovider' AND k.kind = m.kind AND k.row_id = m.row_id",
        )
        assert Pages().get(entrance_of(on)).status_code == 503
    finally:
        write(superuser, "DROP TABLE kept_provider, kept_mac")


def test_a_written_session_of_the_provider_ends(
    on: Any, at_agency: Provider, make_own: Any, own: Own, superuser: Any
) -> None:
    linked(at_agency, own, desk_of(member_of(own)), NAME)
    pages = signed_in_by(at_agency, on, own, NAME)
    write(superuser, "UPDATE permissions_providersession SET sid = 'another'")
    assert not is_in(pages)


def test_an_ended_session_is_not_brought_back(
    on: Any, at_agency: Provider, own: Own, superuser: Any
) -> None:
    linked(at_agency, own, desk_of(member_of(own)), NAME)
    pages = signed_in_by(at_agency, on, own, NAME)
    token = at_agency.logout_token(sub=at_agency.account(NAME))
    Pages().http.post(f"/accounts/agency/{on.code}/ended", {"logout_token": token})
    write(superuser, "UPDATE permissions_providersession SET ended_at = NULL")
    write(superuser, "UPDATE credential SET ended_at = NULL")
    assert not is_in(pages)


def test_the_database_holds_no_name_of_an_account_and_no_token(
    on: Any, at_agency: Provider, own: Own, superuser: Any
) -> None:
    linked(at_agency, own, desk_of(member_of(own)), NAME)
    sub = at_agency.account(NAME)
    found = SignInLink.objects.get()
    assert sub not in found.subject
    assert len(found.subject) == 64
    kept = bytes(ProviderSession.objects.latest("created_at").sealed)
    assert b"refresh" not in kept
