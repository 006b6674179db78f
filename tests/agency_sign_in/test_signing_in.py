"""Signing in by an agency's own provider, which is a real one: what it replaces, and its end."""

from typing import Any

import pytest
from django.core.cache import cache

from api.agency_sign_in import provider_client
from tests.agency_sign_in.scene import at_agency as at_agency  # a fixture
from tests.agency_sign_in.scene import (
    came_back,
    entrance_of,
    is_in,
    linked,
    signed_in_by,
    switched_on,
)
from tests.agency_sign_in.scene import running as running  # a fixture
from tests.desk.own_people import Own, at_own_desk, entries_of, has_contact, messages_to
from tests.desk.own_people import make_own as make_own  # a fixture
from tests.desk.own_people import own as own  # a fixture
from tests.support.people.desk_pages import Pages, at_the_desk, one_time_code, sign_in, text_of
from tests.support.people.passkeys import Passkey, add, sign_in_by
from tests.support.servers.oidc_provider import Provider

NAME = "own.sample"


@pytest.fixture
def there(at_agency: Provider, own: Own) -> Any:
    """The agency's sign-in is on, and the member's account is linked."""
    found = switched_on(at_agency)
    at_agency.account(NAME, roles=["lead", "agency_admin", "auditor"], groups=["lead"])
    linked(at_agency, own, at_own_desk(own), NAME)
    cache.clear()  # the code of the sign-in is good once more
    return found


def test_a_member_signs_in_by_the_agency_and_their_own_code(
    there: Any, at_agency: Provider, own: Own, superuser: Any
) -> None:
    pages = Pages()
    answer = came_back(pages, at_agency, NAME, entrance_of(there))
    assert answer.request["PATH_INFO"] == "/accounts/code", "the own factor is asked for"
    assert not is_in(pages)
    answer = pages.submit("/accounts/code", {"code": one_time_code(own["totp_secret"])})
    assert answer.request["PATH_INFO"] == "/desk/"
    acts = [act for act, _decision, _rule in entries_of(superuser, own["member_id"])]
    assert acts.count("session.sign_in") == 2, "by the password before the link, and now"


def test_what_the_provider_says_of_roles_gives_none(
    there: Any, at_agency: Provider, own: Own
) -> None:
    pages = signed_in_by(at_agency, there, own, NAME)
    for path in ("/desk/members", "/desk/agency/sign-in", "/desk/access-log", "/desk/numbers"):
        assert pages.get(path).status_code == 403, path


def test_a_linked_member_comes_in_by_no_other_way(there: Any, own: Own) -> None:
    pages = Pages()
    answer = sign_in(pages, own)
    assert answer.status_code == 403
    assert "You come in by it and by no other way" in text_of(answer.content)
    assert not is_in(pages)


def test_nor_by_a_passkey_alone(there: Any, at_agency: Provider, own: Own) -> None:
    passkey, pages = Passkey(), signed_in_by(at_agency, there, own, NAME)
    add(pages, passkey)
    answer = sign_in_by(Pages(), passkey)
    assert answer.status_code == 403
    assert "You come in by it and by no other way" in text_of(answer.content)


def test_an_account_that_is_not_linked_is_no_ones(there: Any, at_agency: Provider) -> None:
    at_agency.account("stranger", email=f"{NAME}@agency.invalid", preferred_username=NAME)
    answer = came_back(Pages(), at_agency, "stranger", entrance_of(there))
    assert answer.status_code == 403
    assert "did not let you in here" in text_of(answer.content)


# -- Ended there is ended here ---------------------------------------------------------------------


def test_who_is_ended_there_is_refused_at_the_next_request_after_the_message(
    there: Any, at_agency: Provider, own: Own, superuser: Any
) -> None:
    pages = signed_in_by(at_agency, there, own, NAME)
    sub = at_agency.account(NAME)
    told = Pages().http.post(
        f"/accounts/agency/{there.code}/ended", {"logout_token": at_agency.logout_token(sub=sub)}
    )
    assert told.status_code == 200, told.content
    assert told["Cache-Control"] == "no-store"
    assert not is_in(pages)
    assert ("session.end_by_agency", "allowed", None) in entries_of(superuser, own["member_id"])
    assert pages.get("/accounts/passkeys/add").status_code == 302, "nor is anything added"


def test_without_a_message_who_is_ended_there_is_refused_within_five_minutes(
    there: Any, at_agency: Provider, own: Own, shift_clock: Any
) -> None:
    pages = signed_in_by(at_agency, there, own, NAME)
    shift_clock("4 minutes 1 second")
    assert is_in(pages), "and the provider was asked"
    shift_clock("8 minutes 2 seconds")
    at_agency.end(NAME)
    assert not is_in(pages)
    answer = pages.get("/desk/", follow=True)
    assert answer.request["PATH_INFO"] == "/accounts/login"


def test_who_is_not_ended_works_on_all_shift(
    there: Any, at_agency: Provider, own: Own, shift_clock: Any
) -> None:
    pages = signed_in_by(at_agency, there, own, NAME)
    for minutes in (5, 10, 60, 61, 600):
        shift_clock(f"{minutes} minutes")
        assert is_in(pages), minutes
    shift_clock("12 hours 1 second")
    assert not is_in(pages)


def test_a_provider_that_cannot_be_asked_lets_a_sign_in_live_five_minutes(
    there: Any, at_agency: Provider, own: Own, shift_clock: Any
) -> None:
    at_agency.forbid_refresh(forbid=True)
    pages = signed_in_by(at_agency, there, own, NAME)
    shift_clock("4 minutes")
    assert is_in(pages)
    shift_clock("5 minutes")
    assert not is_in(pages)


# -- The provider is away --------------------------------------------------------------------------


def test_while_it_is_away_a_passkey_holder_works_on_and_the_leads_are_told_once(
    there: Any,
    at_agency: Provider,
    make_own: Any,
    own: Own,
    shift_clock: Any,
    superuser: Any,
) -> None:
    lead = make_own(roles=("lead",))
    has_contact(superuser, lead, "mail", "lead@own.invalid")
    superuser.commit()
    pages = signed_in_by(at_agency, there, own, NAME)
    add(pages, Passkey())
    at_agency.stop()
    shift_clock("5 minutes")
    assert is_in(pages)
    shift_clock("6 minutes")
    assert is_in(pages)
    assert messages_to(superuser, lead["member_id"]) == [("mail", "sign_in_away")]
    assert "has not answered since" in text_of(
        at_the_desk("ywca.admin").get("/desk/agency/sign-in").content
    )


def test_while_it_is_away_who_has_no_passkey_waits_and_goes_on_when_it_is_back(
    there: Any, at_agency: Provider, own: Own, shift_clock: Any
) -> None:
    pages = signed_in_by(at_agency, there, own, NAME)
    at_agency.stop()
    shift_clock("6 minutes")
    page = pages.get("/desk/")
    assert page.status_code == 503
    assert "does not answer" in text_of(page.content)
    assert pages.get("/v1/referrals").json()["code"] == "provider_away"
    at_agency.start()
    provider_client.forget()
    assert is_in(pages)
