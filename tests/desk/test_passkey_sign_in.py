"""Signing in by a passkey: as the only step, and as the second one."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.utils import timezone

from api.http.authentication import SESSION_KEY
from permissions.identity import credentials
from permissions.models import Credential, Person
from tests.desk.own_people import (
    Own,
    at_own_desk,
    entries_of,
    has_contact,
    messages_to,
)
from tests.desk.own_people import make_own as make_own  # a fixture
from tests.desk.own_people import own as own  # a fixture
from tests.desk.people import entries
from tests.support.ground.http_client import HttpClient
from tests.support.people.access_log import the_log_is_full
from tests.support.people.binding import changed
from tests.support.people.desk_pages import Pages, proofs_are_older, sign_in, text_of
from tests.support.people.passkeys import Passkey, add, options, sign_in_by

WRONG = "That passkey did not work."


@pytest.fixture
def passkey(own: Own) -> Passkey:
    """The own passkey of `own`."""
    made = Passkey()
    answer = add(at_own_desk(own), made)
    assert answer.request["PATH_INFO"] == "/accounts/recovery-codes"
    return made


def test_a_passkey_alone_leads_to_the_page_that_was_asked_for(
    own: Own, passkey: Passkey, superuser: Any
) -> None:
    pages = Pages()
    answer = sign_in_by(pages, passkey, "/desk/calls")
    assert (answer.status_code, answer.request["PATH_INFO"]) == (200, "/desk/calls")
    found = credentials.resolve_credential(pages.http.session[SESSION_KEY])
    assert found is not None
    assert found.member_id == own["member_id"]
    assert entries_of(superuser, own["member_id"])[-2][:2] == ("session.sign_in", "allowed")


def test_it_is_the_second_step_after_the_password(own: Own, passkey: Passkey) -> None:
    pages = Pages()
    pages.get("/desk/", follow=True)
    given = {"login": own["username"], "password": own["password"]}
    page = pages.submit("/accounts/login?next=/desk/calls", given)
    assert "Use your passkey" in text_of(page.content)
    fields = pages.hidden("/accounts/code")
    asked = options(pages, "prove")
    assert [one["type"] for one in asked["publicKey"]["allowCredentials"]] == ["public-key"]
    answer = pages.http.post(
        "/accounts/code", fields | {"credential": passkey.used(asked)}, follow=True
    )
    assert answer.request["PATH_INFO"] == "/desk/calls"


def test_a_challenge_to_sign_in_names_no_one(passkey: Passkey) -> None:
    asked = options(Pages(), "sign_in")["publicKey"]
    assert asked["rpId"] == "localhost"
    assert asked["userVerification"] == "required"
    assert not asked.get("allowCredentials")


def test_a_new_passkey_keeps_the_user_name_and_an_opaque_handle(own: Own) -> None:
    asked = options(at_own_desk(own), "add")["publicKey"]
    assert asked["rp"] == {"id": "localhost", "name": "Cairn"}
    assert {asked["user"]["name"], asked["user"]["displayName"]} == {own["username"]}
    assert own["username"] not in asked["user"]["id"]
    chosen = asked["authenticatorSelection"]
    assert (chosen["residentKey"], chosen["userVerification"]) == ("required", "required")


def _origin(passkey: Passkey) -> None:
    passkey.origin = "https://evil.localhost"


def _no_finger(passkey: Passkey) -> None:
    passkey.verifies = False


def _framed(passkey: Passkey) -> None:
    passkey.crossed = True


def _other_key(passkey: Passkey) -> None:
    passkey.key = Passkey().key


def _unknown(passkey: Passkey) -> None:
    passkey.id = Passkey().id


@pytest.mark.parametrize("spoil", [_origin, _no_finger, _framed, _other_key, _unknown])
def test_a_spoiled_passkey_is_refused_like_an_unknown_one_and_logged(
    passkey: Passkey, superuser: Any, spoil: Callable[[Passkey], None]
) -> None:
    before = Credential.objects.count()
    spoil(passkey)
    pages = Pages()
    answer = sign_in_by(pages, passkey)
    assert (answer.status_code, answer.request["PATH_INFO"]) == (200, "/accounts/login")
    unknown = sign_in_by(Pages(), Passkey(handle=passkey.handle[::-1]))
    assert WRONG in text_of(answer.content)
    assert text_of(answer.content) == text_of(unknown.content)
    assert SESSION_KEY not in pages.http.session
    assert Credential.objects.count() == before
    assert entries(superuser, "session.sign_in")[0][:2] == ("refused", "bad_passkey")


def test_an_answer_is_good_once_and_only_to_its_own_challenge(passkey: Passkey) -> None:
    first, second = Pages(), Pages()
    stolen = passkey.used(options(first, "sign_in"))
    options(second, "sign_in")

    def answered(pages: Pages) -> Any:
        fields = pages.hidden("/accounts/login", "/accounts/passkey")
        return pages.http.post("/accounts/passkey", fields | {"credential": stolen}, follow=True)

    assert WRONG in text_of(answered(second).content), "of another browser's challenge"
    assert answered(first).request["PATH_INFO"] == "/desk/"
    first.submit("/desk/", action="/accounts/logout")
    assert WRONG in text_of(answered(first).content), "used"
    options(first, "sign_in")
    assert WRONG in text_of(answered(first).content), "the next challenge is another"


def _nested() -> str:
    return "[" * 9_000


@pytest.mark.parametrize(
    "sent",
    [
        *("", "{}", "[]", "null", "7", '{"response": []}', '{"id": 1, "rawId": 1, "response": {}}'),
        _nested(),
        json.dumps({"id": "AA", "rawId": "AA", "response": {"clientDataJSON": "e30"}}),
        json.dumps({"id": "AA", "rawId": "BB", "response": {"clientDataJSON": "bnVsbA"}}),
        "x" * 20_000,
    ],
)
def test_what_is_no_answer_of_a_browser_is_refused(sent: str) -> None:
    pages = Pages()
    options(pages, "sign_in")
    fields = pages.hidden("/accounts/login", "/accounts/passkey")
    answer = pages.http.post("/accounts/passkey", fields | {"credential": sent}, follow=True)
    assert (answer.status_code, answer.request["PATH_INFO"]) == (200, "/accounts/login")
    assert WRONG in text_of(answer.content)


@pytest.mark.parametrize("change", ["signature", "authenticatorData", "userHandle"])
@pytest.mark.parametrize("to", ["", "AA", "gQ" * 3_000, "gYGBgYGB", None])
def test_a_part_that_cannot_be_read_is_refused(passkey: Passkey, change: str, to: Any) -> None:
    answer = sign_in_by(Pages(), passkey, **{change: to})
    assert (answer.status_code, answer.request["PATH_INFO"]) == (200, "/accounts/login")
    assert WRONG in text_of(answer.content)


def test_no_ones_tries_keep_a_passkey_out(own: Own, passkey: Passkey) -> None:
    def at(number: int) -> Pages:
        return Pages(HttpClient(enforce_csrf_checks=True, REMOTE_ADDR=f"198.51.{number}.7"))

    for number in range(12):
        answer = sign_in(at(number), own | {"password": "wrong wrong wrong"})
    assert "Too many tries" in text_of(answer.content)
    assert "Too many tries" in text_of(sign_in(at(99), own).content), "of a new device"
    for _ in range(15):
        sign_in_by(at(11), Passkey())
    assert sign_in_by(at(11), passkey).request["PATH_INFO"] == "/desk/"


def test_a_closed_account_is_turned_away_and_in_the_log(
    own: Own, passkey: Passkey, superuser: Any
) -> None:
    changed(Person.objects.using("signin").filter(pk=own["person"].pk), is_active=False)
    answer = sign_in_by(Pages(), passkey)
    assert (answer.status_code, answer.request["PATH_INFO"]) == (403, "/accounts/inactive")
    assert entries(superuser, "session.sign_in")[0][:2] == ("refused", "account_closed")


def test_nobody_is_signed_in_while_no_entry_can_be_written(passkey: Passkey) -> None:
    pages = Pages()
    before = Credential.objects.count()
    with the_log_is_full():
        assert sign_in_by(pages, passkey).status_code == 503
    assert Credential.objects.count() == before


def test_a_passkey_restarts_no_twelve_hours(own: Own, passkey: Passkey) -> None:
    pages = Pages()
    sign_in_by(pages, passkey)
    proofs_are_older(pages, 12 * 3600)
    credentials.end_credential(pages.http.session[SESSION_KEY])
    answer = pages.get("/desk/", follow=True)
    assert answer.status_code == 403 or answer.request["PATH_INFO"] == "/accounts/login"


def test_a_strangers_challenge_is_soon_forgotten() -> None:
    options(Pages(), "sign_in")
    (kept,) = Session.objects.using("signin").all()
    assert (kept.expire_date - timezone.now()).total_seconds() <= 300


# -- A new device ----------------------------------------------------------------------------------


def test_a_sign_in_on_a_new_device_is_told_to_the_own_contacts(own: Own, superuser: Any) -> None:
    has_contact(superuser, own, "sms", "+14065550181")
    has_contact(superuser, own, "sms", "+14065550182", proven=False)
    has_contact(superuser, own, "voice", "+14065550181")
    pages = at_own_desk(own)
    assert messages_to(superuser, own["member_id"]) == [("sms", "new_device")]
    cache.clear()  # the code is good once more
    pages.submit("/desk/", action="/accounts/logout")
    sign_in(pages, own)
    assert len(messages_to(superuser, own["member_id"])) == 1, "the same device"
    cache.clear()
    at_own_desk(own)
    assert len(messages_to(superuser, own["member_id"])) == 1, "one waits already"


def test_who_has_only_a_number_to_call_is_called(own: Own, superuser: Any) -> None:
    has_contact(superuser, own, "voice", "+14065550181")
    at_own_desk(own)
    assert messages_to(superuser, own["member_id"]) == [("voice", "new_device")]
