"""While someone is signed in by their agency's provider: what it says when it is asked, and the
messages by which it ends people (OpenID Connect Back-Channel Logout 1.0)."""

import time
from typing import Any

import pytest
from django.core.cache import cache

from api.agency_sign_in import provider_client
from tests.agency_sign_in.faulty_scene import (
    NOW,
    OTHER,
    brought_back,
    signed_in,
)
from tests.agency_sign_in.faulty_scene import faulty as faulty  # a fixture
from tests.agency_sign_in.faulty_scene import on as on  # a fixture
from tests.agency_sign_in.scene import entrance_of, is_in
from tests.desk.own_people import Own
from tests.desk.own_people import make_own as make_own  # a fixture
from tests.desk.own_people import own as own  # a fixture
from tests.support.people.desk_pages import Pages, one_time_code
from tests.support.servers.oidc_faults import FaultyProvider
from tests.support.servers.oidc_provider import LOGOUT_EVENT

# -- While signed in -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        (400, {"error": "invalid_grant"}),
        (401, {"error": "invalid_grant"}),
        (400, {"error": "interaction_required"}),
    ],
)
def test_what_a_provider_says_of_a_person_ends_the_sign_in(
    on: Any, faulty: FaultyProvider, own: Own, shift_clock: Any, answer: Any
) -> None:
    pages = signed_in(on, faulty, own)
    faulty.tokens = lambda _form: answer
    shift_clock("5 minutes")
    assert not is_in(pages)
    faulty.gives(faulty.signed(faulty.claims("x")))
    assert not is_in(pages), "what ended stays ended"


@pytest.mark.parametrize("changed", [{"sub": "someone else"}, {"iss": "x"}, {"aud": "x"}])
def test_another_persons_token_at_a_refresh_ends_the_sign_in(
    on: Any, faulty: FaultyProvider, own: Own, shift_clock: Any, changed: dict[str, str]
) -> None:
    pages = signed_in(on, faulty, own)
    faulty.gives(faulty.signed(faulty.claims("x", **changed)))
    shift_clock("5 minutes")
    assert not is_in(pages)


@pytest.mark.parametrize(
    "answer", [(400, {"error": "invalid_client"}), (500, {}), (429, {}), (200, [])], ids=str
)
def test_what_is_no_word_of_the_person_ends_no_sign_in(
    on: Any, faulty: FaultyProvider, own: Own, shift_clock: Any, answer: Any
) -> None:
    pages = signed_in(on, faulty, own)
    faulty.tokens = lambda _form: answer
    shift_clock("6 minutes")
    assert pages.get("/desk/").status_code == 503
    provider_client.forget()
    faulty.tokens = lambda _form: (200, {"refresh_token": "two", "access_token": "a"})
    assert is_in(pages)
    shift_clock("12 minutes")
    assert is_in(pages)
    assert faulty.forms[-1]["refresh_token"] == "two", "the newest one"


def test_the_provider_is_asked_every_four_minutes_at_most(
    on: Any, faulty: FaultyProvider, own: Own, shift_clock: Any
) -> None:
    pages = signed_in(on, faulty, own)
    before = len(faulty.forms)
    for _ in range(3):
        assert is_in(pages)
    shift_clock("3 minutes 30 seconds")
    assert is_in(pages)
    assert len(faulty.forms) == before
    shift_clock("4 minutes 1 second")
    for _ in range(3):
        assert is_in(pages)
    assert len(faulty.forms) == before + 1


# -- The message of an end -------------------------------------------------------------------------


def told(on: Any, token: str) -> Any:
    return Pages().http.post(f"/accounts/agency/{on.code}/ended", {"logout_token": token})


def logout_claims(faulty: FaultyProvider, **changed: Any) -> dict[str, Any]:
    given = {"events": {LOGOUT_EVENT: {}}, "jti": f"j{time.time_ns()}", "nonce": None}
    return faulty.claims("", **given | changed)


NO_MESSAGE: list[dict[str, Any]] = [
    {"iss": "x"},
    {"aud": "x"},
    {"iat": NOW - 3600},
    {"iat": None},
    {"exp": NOW - 3600},
    {"jti": None},
    {"events": None},
    {"events": {"x": {}}},
    {"events": {LOGOUT_EVENT: True}},
    {"nonce": "x"},
    {"sub": None},
]


def test_a_message_that_is_not_one_ends_nothing(on: Any, faulty: FaultyProvider, own: Own) -> None:
    pages = signed_in(on, faulty, own)
    for changed in NO_MESSAGE:
        answer = told(on, faulty.signed(logout_claims(faulty, **changed), typ="logout+jwt"))
        assert answer.status_code == 400, changed
        assert answer.json() == {"error": "invalid_request"}
    assert is_in(pages)


def test_a_message_that_another_signed_ends_nothing(
    on: Any, faulty: FaultyProvider, own: Own
) -> None:
    pages = signed_in(on, faulty, own)
    assert told(on, faulty.signed(logout_claims(faulty), OTHER)).status_code == 400
    assert told(on, "").status_code == 400
    assert told(on, faulty.signed(logout_claims(faulty), typ="at+jwt")).status_code == 400
    assert is_in(pages)


def test_a_message_is_good_once(on: Any, faulty: FaultyProvider, own: Own) -> None:
    pages = signed_in(on, faulty, own)
    token = faulty.signed(logout_claims(faulty), typ="logout+jwt")
    assert told(on, token).status_code == 200
    assert not is_in(pages)
    assert told(on, token).status_code == 400


def test_a_message_about_one_session_ends_that_one(
    on: Any, faulty: FaultyProvider, own: Own
) -> None:
    both = {}
    for sid in ("a", "b"):
        pages = both[sid] = Pages()
        brought_back(pages, faulty, entrance_of(on), sid=sid)
        cache.clear()
        pages.submit("/accounts/code", {"code": one_time_code(own["totp_secret"])})
        assert is_in(pages)
    assert told(on, faulty.signed(logout_claims(faulty, sub=None, sid="a"))).status_code == 200
    assert (is_in(both["a"]), is_in(both["b"])) == (False, True)
    assert told(on, faulty.signed(logout_claims(faulty))).status_code == 200
    assert not is_in(both["b"])


def test_a_message_about_someone_unknown_is_no_fault(on: Any, faulty: FaultyProvider) -> None:
    assert told(on, faulty.signed(logout_claims(faulty, sub="unknown"))).status_code == 200


def test_a_message_ends_a_sign_in_that_is_half_way(
    on: Any, faulty: FaultyProvider, own: Own
) -> None:
    pages = Pages()
    brought_back(pages, faulty, entrance_of(on))
    fields = pages.hidden("/accounts/code")
    assert told(on, faulty.signed(logout_claims(faulty))).status_code == 200
    cache.clear()
    code = {"code": one_time_code(own["totp_secret"])}
    answer = pages.http.post("/accounts/code", fields | code, follow=True)
    assert answer.request["PATH_INFO"] == "/accounts/login"
    assert not is_in(pages)
