"""A person's second factors are bound: one that a writer of the database adds, changes, removes or
puts back lets no one in (permissions/identity/row_macs.py)."""

import json
from typing import Any

import pytest
from django.core.cache import cache
from fido2.utils import websafe_encode

from api.http.authentication import SESSION_KEY
from permissions.models import Credential
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
from tests.identity.bound_rows import copied, put_back, write
from tests.support.people.desk_pages import Pages, idle, proofs_are_older, sign_in, text_of
from tests.support.people.passkeys import ADD, Passkey, add, options, prove, sign_in_by

LOCK, CONFIRM = "/desk/locked", "/accounts/confirm"


def by_code(own: Own, code: str) -> Any:
    return sign_in(Pages(), own, code=code)


@pytest.fixture
def codes(own: Own) -> list[str]:
    """The recovery codes of `own`, who has a passkey and an app."""
    shown = codes_on(add(at_own_desk(own), Passkey()))
    cache.clear()  # the app's code is good once more
    return shown


@pytest.fixture
def forged(make_own: Any, own: Own, superuser: Any) -> Passkey:
    """The attacker's own passkey, which a database writer gives to `own`."""
    theirs, passkey = make_own(), Passkey()
    add(at_own_desk(theirs), passkey)
    write(
        superuser,
        "INSERT INTO mfa_authenticator (user_id, type, data, created_at)"
        " SELECT %s, type, data, now() FROM mfa_authenticator WHERE id = %s",
        [str(own["person"].pk), factors(theirs)["webauthn"].pk],
    )
    passkey.handle = handle_of(own)
    cache.clear()
    return passkey


def handle_of(own: Own) -> str:
    """The handle that `own`'s passkeys have: no secret."""
    return websafe_encode(str(own["person"].pk).encode())


def test_a_passkey_that_a_database_writer_adds_signs_no_one_in(
    own: Own, forged: Passkey, superuser: Any
) -> None:
    assert not is_bound(own)
    pages = Pages()
    answer = sign_in_by(pages, forged)
    assert answer.status_code == 503
    assert "In danger now?" in text_of(answer.content)
    assert SESSION_KEY not in pages.http.session
    assert not Credential.objects.filter(membership_id=own["member_id"]).exists()


def test_nor_does_it_unlock_a_stolen_computer_or_confirm_a_change(
    make_own: Any, own: Own, superuser: Any
) -> None:
    theirs, passkey, pages = make_own(), Passkey(), at_own_desk(own)
    add(at_own_desk(theirs), passkey)
    write(
        superuser,
        "INSERT INTO mfa_authenticator (user_id, type, data, created_at)"
        " SELECT %s, type, data, now() FROM mfa_authenticator WHERE id = %s",
        [str(own["person"].pk), factors(theirs)["webauthn"].pk],
    )
    proofs_are_older(pages)
    for page in (CONFIRM, LOCK):
        if page == LOCK:
            idle(pages)
        assert prove(pages, passkey, page).status_code == 503
    assert pages.get("/desk/calls")["Location"].startswith(LOCK)


def test_a_change_of_ours_does_not_make_it_good(own: Own, superuser: Any) -> None:
    pages = at_own_desk(own)
    fields = pages.hidden(ADD)
    made = Passkey().made(options(pages, "add"))
    write(
        superuser,
        "UPDATE mfa_authenticator SET data = data || '{\"more\": 1}' WHERE user_id = %s",
        [str(own["person"].pk)],
    )
    answer = pages.http.post(ADD, fields | {"name": "x", "credential": made})
    assert answer.status_code == 503
    assert set(factors(own)) == {"totp"}
    assert not is_bound(own)


def test_a_removed_passkey_that_is_put_back_opens_nothing(own: Own, superuser: Any) -> None:
    pages, passkey = at_own_desk(own), Passkey()
    add(pages, passkey)
    kept = factors(own)["webauthn"].pk
    person = str(own["person"].pk)
    older = [
        ("mfa_authenticator", "id", copied(superuser, "mfa_authenticator", "id = %s", [kept])),
        ("row_mac", "row_id", copied(superuser, "row_mac", "row_id = %s", [person])),
    ]
    pages.submit(f"/desk/account/passkeys/{kept}/remove")
    assert "did not work" in text_of(sign_in_by(Pages(), passkey).content)
    for table, key, row in older:
        put_back(superuser, table, key, row)
    pages = Pages()
    assert sign_in_by(pages, passkey).status_code == 503
    assert SESSION_KEY not in pages.http.session


# -- Recovery codes --------------------------------------------------------------------------------


def test_a_recovery_code_is_the_second_step_once(
    own: Own, codes: list[str], superuser: Any
) -> None:
    has_contact(superuser, own, "mail", "own@example.invalid")
    assert by_code(own, codes[3]).request["PATH_INFO"] == "/desk/"
    assert is_bound(own)
    assert ("account.use_recovery_code", "allowed", None) in entries_of(superuser, own["member_id"])
    assert ("mail", "account_changed") in messages_to(superuser, own["member_id"])
    cache.clear()  # what the server remembers of used codes is not what stops it
    assert "already used" in text_of(by_code(own, codes[3]).content)
    assert by_code(own, codes[4]).request["PATH_INFO"] == "/desk/"


def test_an_older_copy_of_the_row_makes_no_used_code_good_again(
    own: Own, codes: list[str], superuser: Any
) -> None:
    person = str(own["person"].pk)
    row = factors(own)["recovery_codes"].pk
    older = [
        ("mfa_authenticator", "id", copied(superuser, "mfa_authenticator", "id = %s", [row])),
        ("row_mac", "row_id", copied(superuser, "row_mac", "row_id = %s", [person])),
    ]
    assert by_code(own, codes[0]).request["PATH_INFO"] == "/desk/"
    cache.clear()
    put_back(superuser, *older[0])
    assert by_code(own, codes[0]).status_code == 503, "the row alone"
    put_back(superuser, *older[1])
    assert by_code(own, codes[0]).status_code == 503, "and its MAC"


def test_a_writer_of_the_database_who_clears_the_used_codes_gets_no_further(
    own: Own, codes: list[str], superuser: Any
) -> None:
    by_code(own, codes[0])
    cache.clear()
    write(
        superuser,
        "UPDATE mfa_authenticator SET data = data || %s::jsonb WHERE id = %s",
        [json.dumps({"used_mask": 0}), factors(own)["recovery_codes"].pk],
    )
    assert by_code(own, codes[0]).status_code == 503


def test_new_codes_end_the_old_ones(own: Own, codes: list[str]) -> None:
    pages = at_own_desk(own)
    shown = codes_on(pages.submit("/desk/account/recovery-codes"))
    assert len(shown) == 10
    assert set(shown).isdisjoint(codes)
    assert "That code is wrong" in text_of(by_code(own, codes[0]).content)
    assert by_code(own, shown[0]).request["PATH_INFO"] == "/desk/"


def test_a_recovery_code_unlocks_and_ends_every_other_sign_in(own: Own, codes: list[str]) -> None:
    pages = at_own_desk(own)
    cache.clear()
    other = at_own_desk(own)
    idle(pages)
    answer = pages.submit(f"{LOCK}?next=/desk/calls", {"code": codes[0]})
    assert answer.request["PATH_INFO"] == "/desk/calls"
    assert pages.get("/desk/account").status_code == 200
    assert other.get("/desk/calls").status_code == 302
