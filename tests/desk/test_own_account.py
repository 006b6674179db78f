"""The own account: what a member adds, takes away and changes, and what follows from each."""

import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connections
from django.test.utils import CaptureQueriesContext

from api.http.authentication import SESSION_KEY
from permissions.identity import credentials
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
from tests.support.people.access_log import the_log_is_full
from tests.support.people.desk_pages import (
    Pages,
    one_time_code,
    proofs_are_older,
    sign_in,
    text_of,
)
from tests.support.people.passkeys import ADD, Passkey, add, prove

KEY = r"<code class=\"secret\">([A-Z2-7]{32})</code>"
CONFIRM = "/accounts/confirm"
APP, CODES = "/accounts/app", "/accounts/recovery-codes"
ACCOUNT = "/desk/account"
CHANGES = (
    *("app/remove", "recovery-codes", "password", "end-others"),
    *("passkeys/{pk}/name", "passkeys/{pk}/remove"),
)


def path_of(own: Own, what: str) -> str:
    return f"{ACCOUNT}/{what}".format(pk=factors(own)["webauthn"].pk)


@pytest.fixture
def pages(own: Own) -> Pages:
    """Signed in just now, with a passkey next to the app."""
    pages = at_own_desk(own)
    answer = add(pages, Passkey())
    own["codes"] = codes_on(answer)
    return pages


@pytest.fixture
def other(own: Own, pages: Pages) -> Pages:
    """Signed in elsewhere."""
    cache.clear()  # the code is good once more
    return at_own_desk(own)


# -- A fresh second factor -------------------------------------------------------------------------


@pytest.mark.parametrize("what", CHANGES)
def test_a_stolen_session_changes_nothing(
    own: Own, pages: Pages, superuser: Any, what: str
) -> None:
    path = path_of(own, what)
    page = pages.get(path)
    assert page.status_code == 200
    fields = dict(
        re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.content.decode())
    )
    before = {kind: one.data for kind, one in factors(own).items()}
    proofs_are_older(pages)
    sent = {"name": "x", "now": own["password"], "new": "new" * 9, "again": "new" * 9}
    for answer in (pages.get(path), pages.http.post(path, fields | sent)):
        assert answer.status_code == 302
        assert answer["Location"].startswith(CONFIRM)
    assert {kind: one.data for kind, one in factors(own).items()} == before


@pytest.mark.parametrize("path", [ADD, APP, CODES])
def test_and_adds_nothing(own: Own, path: str) -> None:
    pages = at_own_desk(own)
    proofs_are_older(pages)
    answer = pages.get(f"{path}?next=/desk/calls", follow=True)
    assert answer.request["PATH_INFO"] == CONFIRM
    assert pages.get("/accounts/passkey/options", {"for": "add"}).status_code == 401
    page = pages.submit(CONFIRM, {"code": "000000"})
    assert "That code is wrong" in text_of(page.content)
    cache.clear()
    given = {"code": one_time_code(own["totp_secret"])}
    onward = f"{CONFIRM}?{answer.request['QUERY_STRING']}"
    assert pages.submit(onward, given).request["PATH_INFO"] == path


def test_a_passkey_confirms_too_and_each_is_logged(own: Own, superuser: Any) -> None:
    pages, passkey = at_own_desk(own), Passkey()
    add(pages, passkey)
    proofs_are_older(pages)
    answer = prove(pages, passkey, f"{CONFIRM}?next={ACCOUNT}/password")
    assert answer.request["PATH_INFO"] == f"{ACCOUNT}/password"
    prove(pages, Passkey(), CONFIRM)
    assert entries_of(superuser, own["member_id"])[-2:] == [
        ("account.confirm", "allowed", None),
        ("account.confirm", "refused", "bad_passkey"),
    ]


def test_without_signing_in_there_is_no_account() -> None:
    for path in (ADD, APP, CODES, ACCOUNT, f"{ACCOUNT}/password", CONFIRM):
        assert Pages().get(path)["Location"].startswith("/accounts/login")
    assert Pages().get("/accounts/passkey/options", {"for": "prove"}).status_code == 401


# -- What follows ----------------------------------------------------------------------------------


def _rename(own: Own, pages: Pages) -> Any:
    return pages.submit(path_of(own, "passkeys/{pk}/name"), {"name": "Blue key"})


def _remove(own: Own, pages: Pages) -> Any:
    return pages.submit(path_of(own, "passkeys/{pk}/remove"))


def _remove_app(own: Own, pages: Pages) -> Any:
    return pages.submit(f"{ACCOUNT}/app/remove")


def _new_codes(own: Own, pages: Pages) -> Any:
    return pages.submit(f"{ACCOUNT}/recovery-codes")


def _end_others(own: Own, pages: Pages) -> Any:
    return pages.submit(f"{ACCOUNT}/end-others")


def _password(own: Own, pages: Pages) -> Any:
    new = {"new": "a new long password", "again": "a new long password"}
    return pages.submit(f"{ACCOUNT}/password", {"now": own["password"]} | new)


@pytest.mark.parametrize(
    ("change", "act", "ends", "told"),
    [
        (_rename, "account.rename_passkey", False, False),
        (_remove, "account.remove_passkey", True, True),
        (_remove_app, "account.remove_app", True, True),
        (_new_codes, "account.new_recovery_codes", True, True),
        (_password, "account.change_password", True, True),
        (_end_others, "account.end_others", True, False),
    ],
)
def test_each_change_is_bound_logged_told_and_ends_the_others(
    own: Own,
    pages: Pages,
    other: Pages,
    superuser: Any,
    change: Callable[[Own, Pages], Any],
    act: str,
    ends: bool,
    told: bool,
) -> None:
    has_contact(superuser, own, "mail", "own@example.invalid")
    secrets = [one.http.session[SESSION_KEY] for one in (pages, other)]
    assert change(own, pages).status_code == 200
    assert is_bound(own)
    assert (act, "allowed", None) in entries_of(superuser, own["member_id"])
    assert messages_to(superuser, own["member_id"]) == [("mail", "account_changed")] * told
    assert credentials.resolve_credential(secrets[0]) is not None
    assert pages.get(ACCOUNT).status_code == 200, "this one goes on"
    assert (credentials.resolve_credential(secrets[1]) is None) == ends
    assert (other.get(ACCOUNT).status_code == 302) == ends


@pytest.mark.parametrize("change", [_remove, _password, _new_codes, _end_others])
def test_a_change_that_cannot_be_logged_is_not_made(
    own: Own, pages: Pages, change: Callable[[Own, Pages], Any]
) -> None:
    before = {kind: one.data for kind, one in factors(own).items()}
    path = {
        _remove: path_of(own, "passkeys/{pk}/remove"),
        _password: f"{ACCOUNT}/password",
        _new_codes: f"{ACCOUNT}/recovery-codes",
        _end_others: f"{ACCOUNT}/end-others",
    }[change]
    fields = pages.hidden(path)
    new = {"now": own["password"], "new": "a new long password", "again": "a new long password"}
    with the_log_is_full():
        assert pages.http.post(path, fields | new).status_code == 503
    assert {kind: one.data for kind, one in factors(own).items()} == before
    assert is_bound(own)
    cache.clear()
    assert sign_in(Pages(), own).request["PATH_INFO"] == "/desk/"


def test_a_session_between_password_and_agency_ends_too(own: Own, pages: Pages) -> None:
    """It has no credential yet that could be ended."""
    cache.clear()
    half = at_own_desk(own)
    session = half.http.session
    credentials.end_credential(session.pop(SESSION_KEY))
    session.save()
    _end_others(own, pages)
    assert half.get("/desk/agency", follow=True).request["PATH_INFO"] == "/accounts/login"


def test_the_last_factor_stays(own: Own, pages: Pages) -> None:
    assert _remove_app(own, pages).status_code == 200
    page = pages.submit(path_of(own, "passkeys/{pk}/remove"))
    assert page.status_code == 409
    assert "the only way" in text_of(page.content)
    assert set(factors(own)) == {"webauthn", "recovery_codes"}
    assert is_bound(own)


def test_of_two_removals_at_once_one_is_refused(own: Own, pages: Pages) -> None:
    paths = [path_of(own, "passkeys/{pk}/remove"), f"{ACCOUNT}/app/remove"]
    forms = [(path, pages.hidden(path)) for path in paths]
    both = [Pages(), Pages()]
    for one in both:
        one.http.cookies = pages.http.cookies
    start, answers = threading.Barrier(2), []

    def remove(one: Pages, path: str, fields: dict[str, Any]) -> None:
        start.wait()
        answers.append(one.http.post(path, fields).status_code)
        for alias in connections:
            connections[alias].close()

    threads = [
        threading.Thread(target=remove, args=(one, *form))
        for one, form in zip(both, forms, strict=True)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(set(factors(own)) & {"webauthn", "totp"}) == 1, answers
    assert is_bound(own)


def test_another_persons_passkey_is_not_found(make_own: Any, own: Own, pages: Pages) -> None:
    theirs = make_own()
    cache.clear()
    add(at_own_desk(theirs), Passkey())
    pk = factors(theirs)["webauthn"].pk
    for what in ("name", "remove"):
        assert pages.get(f"{ACCOUNT}/passkeys/{pk}/{what}").status_code == 404
    fields = pages.hidden(path_of(own, "passkeys/{pk}/remove"))
    assert pages.http.post(f"{ACCOUNT}/passkeys/{pk}/remove", fields).status_code == 404
    assert "webauthn" in factors(theirs)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"now": "wrong"}, "This is not your password."),
        ({"new": "short", "again": "short"}, "too short"),
        ({"again": "another long password"}, "The two new passwords differ."),
    ],
)
def test_a_password_that_is_not_changed(
    own: Own, pages: Pages, given: dict[str, str], says: str
) -> None:
    right = {"now": own["password"], "new": "a new long password", "again": "a new long password"}
    page = pages.submit(f"{ACCOUNT}/password", right | given)
    assert says in text_of(page.content)
    assert is_bound(own)
    found = Person.objects.using("signin").get(pk=own["person"].pk)
    assert found.check_password(own["password"])


def test_wrong_passwords_are_counted_there_too(own: Own, pages: Pages, superuser: Any) -> None:
    wrong = {"now": "wrong", "new": "a new long password", "again": "a new long password"}
    for _ in range(6):
        page = pages.submit(f"{ACCOUNT}/password", wrong)
    assert "Too many tries" in text_of(page.content)
    rules = [rule for act, _, rule in entries_of(superuser, own["member_id"])
             if act == "account.change_password"]  # fmt: skip
    assert rules == [*["bad_password"] * 5, "too_many_tries"]


def test_the_page_is_light(own: Own, pages: Pages) -> None:
    counted = [CaptureQueriesContext(connections[alias]) for alias in ("default", "signin")]
    with counted[0], counted[1]:
        page = pages.get(ACCOUNT)
    app, signin = (
        [one["sql"] for one in asked.captured_queries if one["sql"] not in ("BEGIN", "COMMIT")]
        for asked in counted
    )
    assert len(app) <= 3, "who is it; identity, membership"
    assert len(signin) <= 6, "session, person and version, factors, provider, sign-ins: one each"
    assert len(page.content) <= 60_000


def test_own_sign_ins_are_listed_with_agency_and_this_one_marked(
    own: Own, pages: Pages, other: Pages
) -> None:
    page = text_of(pages.get(ACCOUNT).content)
    listed = page.split("Where you are signed in")[1]
    assert listed.count("Demo Women's Centre , since") == 2
    assert listed.count("this one") == 1
    assert "End all others" in listed
    _end_others(own, pages)
    assert "End all others" not in text_of(pages.get(ACCOUNT).content)
