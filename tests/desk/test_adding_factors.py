"""What a member adds to sign in with: a passkey, an authenticator app, recovery codes."""

import re
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.db import connections

from api.desk.account import own_factors
from permissions.identity import row_macs
from permissions.models import Person
from tests.desk.own_people import (
    Own,
    at_own_desk,
    codes_on,
    entries_of,
    factors,
    has_contact,
    is_bound,
    messages_to,
)
from tests.desk.own_people import make_own as make_own  # a fixture
from tests.desk.own_people import own as own  # a fixture
from tests.support.people.desk_pages import Pages, one_time_code, proofs_are_older, sign_in, text_of
from tests.support.people.passkeys import ADD, Passkey, add, options, sign_in_by

KEY = r"<code class=\"secret\">([A-Z2-7]{32})</code>"
APP, CODES, ACCOUNT = "/accounts/app", "/accounts/recovery-codes", "/desk/account"


@pytest.fixture
def pages(own: Own) -> Pages:
    """Signed in just now, with a passkey next to the app."""
    pages = at_own_desk(own)
    own["codes"] = codes_on(add(pages, Passkey()))
    return pages


def test_a_passkey_is_added_bound_logged_and_told(own: Own, superuser: Any) -> None:
    has_contact(superuser, own, "mail", "own@example.invalid")
    pages = at_own_desk(own)
    passkey = Passkey()
    answer = add(pages, passkey, "Red key", ACCOUNT)
    shown = codes_on(answer)
    assert len(set(shown)) == 10
    assert f'href="{ACCOUNT}"' in answer.content.decode()
    assert is_bound(own)
    assert ("account.add_passkey", "allowed", None) in entries_of(superuser, own["member_id"])
    told = [template for _, template in messages_to(superuser, own["member_id"])]
    assert told == ["account_changed", "new_device"]
    page = text_of(pages.get(ACCOUNT).content)
    assert "Red key" in page
    assert "10 codes are left." in page
    kept = factors(own)["webauthn"].data["credential"]
    assert set(kept) == {"id", "rawId", "type", "response", "clientExtensionResults"}
    assert sign_in_by(Pages(), passkey).status_code == 200


def test_recovery_codes_are_shown_once_and_kept_sealed(own: Own, pages: Pages) -> None:
    assert len(own["codes"]) == 10
    assert codes_on(pages.get(CODES)) == []
    kept = str(factors(own)["recovery_codes"].data)
    assert not any(code in kept for code in own["codes"])
    assert is_bound(own)


def test_a_new_app_takes_the_place_of_the_old_one(own: Own, superuser: Any) -> None:
    pages = at_own_desk(own)
    page = pages.get(APP).content.decode()
    secret = re.search(KEY, page)
    assert secret
    assert 'src="data:image/svg+xml;base64,' in page
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
    wrong = pages.http.post(APP, fields | {"code": "000000"})
    assert "That code is wrong." in text_of(wrong.content)
    shown = re.search(KEY, wrong.content.decode())
    assert shown
    assert shown[1] == secret[1]
    code = one_time_code(secret[1], lives_s=15)
    answer = pages.http.post(APP, fields | {"code": code}, follow=True)
    assert "Authenticator app set up." in text_of(answer.content)
    assert is_bound(own)
    assert ("account.set_app", "allowed", None) in entries_of(superuser, own["member_id"])
    assert sign_in(Pages(), own).request["PATH_INFO"] == "/accounts/code", "the old one is gone"
    renewed = own | {"totp_secret": secret[1]}
    assert sign_in(Pages(), renewed, code=code).request["PATH_INFO"] == "/accounts/code", "used"
    later = one_time_code(secret[1], phone_off_s=30)
    assert sign_in(Pages(), renewed, code=later).request["PATH_INFO"] == "/desk/"


def test_the_first_factor_of_a_new_person_is_the_second_step_of_their_sign_in(own: Own) -> None:
    """Enrolled just now, with a password and nothing else: pages and choice of agency work."""
    with connections["signin"].cursor() as cursor:
        cursor.execute("DELETE FROM mfa_authenticator WHERE user_id = %s", [str(own["person"].pk)])
    row_macs.sign(Person.objects.using("signin").get(pk=own["person"].pk), "signin")
    pages = Pages()
    given = {"login": own["username"], "password": own["password"]}
    pages.http.post(
        "/accounts/login", pages.hidden("/accounts/login", "/accounts/login") | given
    )  # which leads to the choice of agency; this person is led to the page below
    answer = add(pages, Passkey(), after="/desk/agency")
    assert len(codes_on(answer)) == 10
    assert pages.get("/desk/agency", follow=True).request["PATH_INFO"] == "/desk/"
    assert is_bound(own)


def test_a_password_of_a_while_ago_adds_no_first_factor(own: Own) -> None:
    with connections["signin"].cursor() as cursor:
        cursor.execute("DELETE FROM mfa_authenticator WHERE user_id = %s", [str(own["person"].pk)])
    row_macs.sign(Person.objects.using("signin").get(pk=own["person"].pk), "signin")
    pages = Pages()
    given = {"login": own["username"], "password": own["password"]}
    pages.http.post("/accounts/login", pages.hidden("/accounts/login", "/accounts/login") | given)
    proofs_are_older(pages, 15 * 60)
    assert pages.get(ADD, follow=True).request["PATH_INFO"] == "/accounts/login"
    assert factors(own) == {}


def test_no_one_adds_a_twenty_first_passkey(
    own: Own, pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_factors, "MOST_PASSKEYS", 1)
    assert add(pages, Passkey()).status_code == 409
    assert is_bound(own)


@pytest.mark.parametrize("spoil", ["origin", "verifies"])
def test_a_spoiled_passkey_is_not_added(own: Own, spoil: str) -> None:
    pages, passkey = at_own_desk(own), Passkey()
    setattr(passkey, spoil, "https://evil.localhost" if spoil == "origin" else False)
    assert "The passkey was not added." in text_of(add(pages, passkey).content)
    assert set(factors(own)) == {"totp"}


def test_a_challenge_to_add_one_is_good_once(own: Own) -> None:
    pages, passkey = at_own_desk(own), Passkey()
    fields = pages.hidden(ADD)
    made = {"name": "", "credential": passkey.made(options(pages, "add"))}
    assert pages.http.post(ADD, fields | made).status_code == 302
    assert "The passkey was not added." in text_of(pages.http.post(ADD, fields | made).content)
    assert Authenticator.objects.filter(user_id=own["person"].pk, type="webauthn").count() == 1


def test_two_passkeys_of_one_person_both_sign_in(own: Own, pages: Pages) -> None:
    second = Passkey()
    answer = add(pages, second, "")
    assert answer.request["PATH_INFO"] == ACCOUNT
    assert is_bound(own)
    assert sign_in_by(Pages(), second).request["PATH_INFO"] == "/desk/"
    excluded = options(pages, "add")["publicKey"]["excludeCredentials"]
    assert len(excluded) == 2
